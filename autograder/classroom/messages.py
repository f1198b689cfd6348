"""What the command's process and its grading processes say to each other.

Both are ours and trust each other; still they exchange JSON only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from autograder.results import Result, Struct
from autograder.submissions import Attempt

if TYPE_CHECKING:
    from autograder.course import Course
    from autograder.grading import Settings


class Job(Struct, frozen=True, tag=True):
    """One unit of one attempt, to be graded.

    Attributes:
        number: of the job, to match the reply.
        unit: the unit's name.
        attempt: what was handed in.
        attempts: how many attempts the student made.
        previous: a result to keep if it would come out the same; empty for none.
    """

    number: int
    unit: str
    attempt: Attempt
    attempts: int = 1
    previous: str = ""


class Prepare(Struct, frozen=True, tag=True):
    """A unit whose exam is to be written.

    Attributes:
        unit: the unit's name.
        folder: where to write it.
    """

    unit: str
    folder: str


class Check(Struct, frozen=True, tag=True):
    """A unit on whose owner's files the public tests are to be run.

    Attributes:
        unit: the unit's name.
        exercises: only these; empty for all.
    """

    unit: str
    exercises: tuple[str, ...] = ()


class Examine(Struct, frozen=True, tag=True):
    """A unit of which is asked what its tests are worth, without any submission.

    Attributes:
        unit: the unit's name.
    """

    unit: str


Task = Job | Prepare | Check | Examine
"""What a grading process may be told to do."""


class Ready(Struct, frozen=True, tag=True):
    """The unit of the job that is being graded is prepared; other processes find its exam.

    Attributes:
        told: a sentence for who runs the command; empty if there is nothing to say.
    """

    told: str = ""


class Inlined(Struct, frozen=True):
    """What a known mistake comes to where only an exercise that builds on its function makes it.

    Attributes:
        mistake: its name.
        exercise: that makes it.
        lost: whether that loses points.
        equal: whether ``mistakes.py`` says that it comes to the same there.
    """

    mistake: str
    exercise: str
    lost: bool
    equal: bool


class Examined(Struct, frozen=True):
    """What a unit's tests are worth.

    Attributes:
        inlined: what known mistakes cost where one other exercise alone makes them.
        ratios: for each test how near right code that rounds otherwise comes to what it allows; 1
            is the most that is accepted.
        unfair: sentences on tests that reject right code.
    """

    inlined: tuple[Inlined, ...]
    ratios: dict[str, float]
    unfair: tuple[str, ...]


class Reply(Struct, frozen=True, tag=True):
    """What came of a task.

    Attributes:
        number: of the job; -1 for any other task.
        result: the result; None if the grader failed.
        kept: whether it is the previous result.
        fault: what went wrong in the grader, for its makers.
        last: whether the process ends now, because it cannot go on.
        told: a sentence for who runs the command.
        examined: what a unit's tests are worth, if that was asked.
    """

    number: int
    result: Result | None = None
    kept: bool = False
    fault: str = ""
    last: bool = False
    told: str = ""
    examined: Examined | None = None


class Orders(Struct, frozen=True):
    """What a grading process is started with.

    Attributes:
        root: the course's folder.
        kind: whose copy of it that is, ``staff`` or ``student``.
        settings: how to grade.
        worker: the kind of worker; empty for the best there is.
        keep_exams: whether exams are kept, and kept ones used.
        environment: what a unit's tests may find in theirs; a worker never has it.
        folder: where they may expect to be.
    """

    root: str
    settings: dict[str, Any]
    kind: Literal["staff", "student"] = "staff"
    worker: str = ""
    keep_exams: bool = True
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    folder: str = ""

    @classmethod
    def of(
        cls, course: Course, settings: Settings, *, worker: str = "", keep_exams: bool = True
    ) -> Orders:
        """To grade a course so; environment and folder are added when a process is started."""
        return cls(
            root=str(course.root),
            kind=course.kind,
            settings=msgspec.to_builtins(settings),
            worker=worker,
            keep_exams=keep_exams,
        )

    @property
    def profile(self) -> str:
        """How workers are confined: a GPU's driver needs more than the tighter profile allows."""
        return "cuda" if "cuda" in self.settings["devices"] else "cpu"


def encode(message: Struct) -> bytes:
    """JSON; ASCII, because a file's name may hold what is no Unicode (half a surrogate pair)."""
    return json.dumps(msgspec.to_builtins(message, enc_hook=str)).encode("ascii")


def decode(raw: bytes, kind: Any) -> Any:
    """The message of that type."""
    return msgspec.convert(json.loads(raw), type=kind, dec_hook=lambda cls, value: cls(value))
