"""The result of grading: what happened, as data.

One JSON document per graded attempt; everything else (tables, feedback, gradebooks) is made from
it. `docs/results.md` describes it for people who read it with other programs.

A result holds what staff may see. What a student may see of it is decided in `autograder.report`,
by the visibility of each test: the inputs of a hidden test only once the unit is over, if at all.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "handgrad/result/1"

Visibility = Literal["public", "hidden", "after due"]
TestStatus = Literal["passed", "failed", "not attempted", "blocked", "not run", "needs a person"]
ExerciseStatus = Literal[
    "full", "partial", "wrong", "not attempted", "blocked", "to be marked", "marked"
]
Status = Literal["graded", "missing", "unreadable", "needs a person"]


class Struct(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What all parts of a result have in common: immutable, defaults left out of the JSON."""


class Failure(Struct, frozen=True):
    """Why a test failed.

    Attributes:
        category: in which way: ``wrong value``, ``wrong shape``, ``wrong dtype``, ``wrong device``,
            ``wrong type``, ``wrong length``, ``not finite``, ``autograd graph``, ``input changed``,
            ``exception``, ``no error raised``, ``timeout``, ``crash``, ``protocol``,
            ``out of memory`` and ``device failure`` (of a GPU), ``not attempted``,
            ``forbidden operator``, ``too slow``, ``timing``. Says nothing about inputs.
        message: what came and what was expected. May quote inputs.
        function: the student's function that raised, hung or was not written.
        exception: the type of the exception that the student's code raised.
        line: where it was raised, ``file:line`` in the student's own file.
        trace: the traceback within that file.
        operator: the forbidden operator that the student's code called.
        inputs: the smallest failing input, by argument name, in words.
        advice: what to write instead, from the student's own source; says nothing about inputs.
    """

    category: str
    message: str = ""
    function: str = ""
    exception: str = ""
    line: str = ""
    trace: str = ""
    operator: str = ""
    inputs: dict[str, str] = {}
    advice: str = ""


class Speed(Struct, frozen=True):
    """How fast the student's code was where a test asks for speed.

    Attributes:
        factor: how many times as long as the reference it may take.
        measured: how many times as long it took.
        seconds: the least that it took.
        reference_seconds: the least that the reference took.
        rounds: how often both were measured.
        fast: the verdict; None where the times do not allow one.
    """

    factor: float
    measured: float
    seconds: float
    reference_seconds: float
    rounds: int
    fast: bool | None = None


class TestResult(Struct, frozen=True):
    """One test on one device.

    Attributes:
        name: the test.
        status: what came of it. ``blocked``: it needs another exercise that is not attempted.
            ``needs a person``: its values are right, but its time could not be measured well.
        points: what it is worth; the same test on several devices is worth them once.
        visibility: who may see more than its category: everybody, staff, or everybody once the
            unit is over (`Result.closes`).
        device: where it ran.
        seconds: how long it took.
        failure: why it failed.
        rerun: the pytest arguments that run it alone; public tests only.
        speed: what was measured, where the test asks for speed.
    """

    __test__ = False  # not something pytest should collect

    name: str
    status: TestStatus
    points: float
    visibility: Visibility
    device: str = "cpu"
    seconds: float = 0.0
    failure: Failure | None = None
    rerun: str = ""
    speed: Speed | None = None


class Diagnosis(Struct, frozen=True):
    """What explains the student's outputs on every failing input tried.

    Attributes:
        mistake: the name of a known mistake in the unit's ``mistakes.py``, staff only; empty where
            it is a relation to the right answers.
        sentence: what the student is told.
    """

    mistake: str
    sentence: str


class ExerciseResult(Struct, frozen=True):
    """One exercise.

    Attributes:
        name: the exercise, i.e. the student's function, or the name of a written question.
        points: earned; None while a person has to decide.
        max_points: what it is worth.
        status: what came of it.
        written: whether a person marks it.
        tests: its tests.
        diagnosis: which known mistake it is, if exactly one fits.
        depends_on: exercises with lost points that this one builds on: look there first.
        answer: the student's text, for a written question.
        reason: why a person gave these points.
        graded_points: what the tests gave, where a person changed it.
        pending: points that wait for a person while others are known.
        with_ours: exercises that lost points and in whose place our solution stood while this one
            was graded; empty where it was graded with the student's own.
    """

    name: str
    points: float | None
    max_points: float
    status: ExerciseStatus
    written: bool = False
    tests: list[TestResult] = []
    diagnosis: Diagnosis | None = None
    depends_on: list[str] = []
    answer: str = ""
    reason: str = ""
    graded_points: float | None = None
    pending: float = 0.0
    with_ours: list[str] = []

    @property
    def waiting(self) -> float:
        """Points of `max_points` that wait for a person."""
        return self.max_points if self.points is None else self.pending


class Run(Struct, frozen=True):
    """What a result depends on besides the submission.

    Attributes:
        version: of handgrad.
        release: of the unit's release, from ``assignments/``.
        fingerprint: of tests, reference and limits; equal fingerprints grade equally.
        seed: of the inputs.
        devices: that were graded on: ``cpu``, ``cuda``, ``cuda (simulated)``.
        devices_why: a sentence about the second device: which GPU, why none, why not simulated.
        worker: how the student's code was kept apart, and which layers held.
        limits: in force.
        versions: of Python and the libraries that matter.
        when: UTC, ISO 8601.
        seconds: how long grading took.
    """

    version: str
    release: str
    fingerprint: str
    seed: int
    devices: list[str]
    worker: dict[str, str]
    limits: dict[str, float]
    versions: dict[str, str]
    when: str
    seconds: float
    devices_why: str = ""


class Resolution(Struct, frozen=True):
    """Points that a person gave.

    Attributes:
        student: whose.
        unit: in which unit.
        exercise: for which exercise; empty for the whole unit.
        points: how many.
        reason: why.
        by: who.
        when: UTC, ISO 8601.
    """

    student: str
    unit: str
    exercise: str
    points: float
    reason: str
    by: str
    when: str


class Result(Struct, frozen=True):
    """One graded attempt of one student at one unit.

    Attributes:
        unit: e.g. ``05_convolution``.
        student: the id found by the submission convention.
        status: ``graded``; ``missing`` (nothing was handed in for the unit) and ``unreadable``
            (both a zero, with the sentence why); ``needs a person`` (the grader failed: not a
            zero, no points until someone resolves it).
        points: earned by code and by resolved exercises, lateness not counted; None if a person
            is needed for all of it.
        max_points: what the unit is worth.
        pending: points of max_points that wait for a person.
        name: the student's name, where the download says it.
        attempt: 1 for the first.
        attempts: how many there were.
        label: the file or folder that was graded.
        submitted: when, where the download says it.
        due: when it was due for this student, ISO 8601; empty for no date.
        closes: when the unit is over for everybody; until then no hidden test is told in full.
        late: whether it came after the due date of course.toml, extensions and grace counted;
            without one, whether the download calls it late.
        days_late: how many days after the due date had begun.
        penalty: the share of the points that this costs, 0 to 1.
        digest: of what was graded.
        message: a sentence, when there is something to say about the whole.
        notes: more sentences: what was chosen among several files, what was skipped.
        exercises: in the order of the handout.
        output: what the student's code printed, cleaned and cut. Staff only.
        resolution: points a person gave for the whole unit.
        run: what else the result depends on.
        schema: the version of this format.
    """

    unit: str
    student: str
    status: Status
    points: float | None
    max_points: float
    run: Run
    pending: float = 0.0
    name: str = ""
    attempt: int = 1
    attempts: int = 1
    label: str = ""
    submitted: str = ""
    due: str = ""
    closes: str = ""
    late: bool | None = None
    days_late: int = 0
    penalty: float = 0.0
    digest: str = ""
    message: str = ""
    notes: list[str] = []
    exercises: list[ExerciseResult] = []
    output: str = ""
    resolution: Resolution | None = None
    schema: str = msgspec.field(default=SCHEMA)

    @property
    def mark(self) -> float | None:
        """What goes into a gradebook: the points less what lateness costs, to a hundredth.

        Points that a person gave for the whole unit are final.
        """
        if self.points is None or self.resolution is not None or not self.penalty:
            return self.points
        return round(self.points * (1 - self.penalty), 2)


def brief(result: Result) -> Result:
    """What a line about a result says: without its tests, the student's texts, what it ran on.

    A class of thousands fits into memory so; the whole results are in their files.
    """
    replace = msgspec.structs.replace
    return replace(
        result,
        exercises=[replace(e, tests=[], answer="") for e in result.exercises],
        output="",
        run=replace(result.run, worker={}, limits={}, versions={}),
    )
