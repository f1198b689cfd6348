"""One job: read what was handed in, grade it, write down the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from autograder.classroom.messages import (
    Check,
    Examine,
    Examined,
    Inlined,
    Job,
    Prepare,
    Ready,
    Reply,
)
from autograder.classroom.reading import read_job, whose
from autograder.classroom.recognition import recognised_unit
from autograder.course import Course, Unit, read_unit
from autograder.exam import ExamStore, PreparationError, inlined_mistakes, worst_ratios
from autograder.grading import (
    Settings,
    UnitGrader,
    check,
    describe_run,
    exam_request,
    fingerprint,
)
from autograder.results import Result, ResultError, read_result
from autograder.submissions import Checked
from autograder.supervisor import Code, Workers


class JobGrader:
    """Grades jobs for one course, preparing each unit when it is first asked for.

    Args:
        course: the course.
        settings: the fields of `Settings`.
        workers: where the students' code runs.
        keep: whether exams are kept, and kept ones used.
    """

    def __init__(
        self, course: Course, settings: dict[str, Any], workers: Workers, *, keep: bool = True
    ) -> None:
        self.course = course
        self.settings = msgspec.convert(settings, Settings)
        self.workers = workers
        self._exams = ExamStore.here(self.course.units_folder, keep=keep)
        self._graders: dict[str, UnitGrader] = {}
        self._unusable: dict[str, PreparationError] = {}

    def prepare(self, task: Prepare) -> Reply:
        """Write a unit's exam into a folder."""
        unit = self._unit(task.unit)
        kept = ExamStore(Path(task.folder)).open(exam_request(unit, self.settings))
        if kept.file is None:
            return Reply(number=-1, fault=kept.told)
        size = kept.file.stat().st_size / 1e6
        how = "prepared" if kept.prepared else "was there"
        return Reply(number=-1, told=f"{task.unit}: {how}, {size:.1f} MB, {kept.file}")

    def examine(self, task: Examine) -> Reply:
        """What a unit's tests are worth."""
        unit = self._unit(task.unit)
        grader = self._grader(unit, lambda ready: None)
        found = [
            Inlined(mistake=m.name, exercise=name, lost=lost, equal=name in m.equal_in)
            for m, name, lost in inlined_mistakes(unit, grader.tests, grader.student)
        ]
        ratios, unfair = worst_ratios(unit, grader.tests, grader.student)
        examined = Examined(inlined=tuple(found), ratios=ratios, unfair=tuple(map(str, unfair)))
        return Reply(number=-1, examined=examined)

    def check(self, task: Check) -> Reply:
        """What the public tests say of the files in a unit's folder."""
        # As it was released: the student's file may be anything.
        unit = next(unit for unit in self.course.units if unit.name == task.unit)
        result = check(self.course, unit, task.exercises, self.settings, self.workers, self._exams)
        return Reply(number=-1, result=result)

    def grade(self, job: Job, on_ready: Callable[[Ready], None] = lambda ready: None) -> Reply:
        """What came of a job.

        Args:
            job: what to grade.
            on_ready: told as soon as the job's unit is prepared, if that is needed for the job.
        """
        unit = self._unit(job.unit)
        checked = read_job(self.course, unit, job, self.settings)
        if isinstance(checked, Result):
            return Reply(number=job.number, result=checked)
        kept = self._previous(job, checked)
        if kept is not None:
            return Reply(number=job.number, result=kept, kept=True)
        return Reply(number=job.number, result=self._graded(job, unit, checked, on_ready))

    def _unit(self, name: str) -> Unit:
        """A unit of the course; the others are not read here."""
        return read_unit(self.course.units_folder / name)

    def _previous(self, job: Job, checked: Checked) -> Result | None:
        """The earlier result, if grading again would give the same."""
        if not job.previous:
            return None
        try:
            result = read_result(Path(job.previous))
        except ResultError:
            return None
        same = (
            result.status == "graded"
            and result.digest == checked.digest
            and result.run.fingerprint == fingerprint(self._unit(job.unit), self.settings)
        )
        return result if same else None

    def _graded(
        self, job: Job, unit: Unit, checked: Checked, on_ready: Callable[[Ready], None]
    ) -> Result:
        code = Code(unit.module, tuple((c.label, c.source) for c in checked.cells))
        grader = self._grader(unit, on_ready)
        graded = grader.grade(code, {a.question: a.text for a in checked.answers})
        return Result(
            status="graded",
            points=sum(e.points for e in graded.exercises if e.points is not None),
            max_points=unit.points,
            pending=sum(e.waiting for e in graded.exercises),
            digest=checked.digest,
            message=" ".join(graded.problems),
            notes=[*checked.notes, *graded.notes],
            exercises=graded.exercises,
            output=graded.output,
            run=describe_run(
                self.course,
                unit,
                self.settings,
                self.workers,
                layers=graded.layers,
                seconds=graded.seconds,
            ),
            **whose(job),
        )

    def _grader(self, unit: Unit, on_ready: Callable[[Ready], None]) -> UnitGrader:
        if unit.name in self._unusable:
            raise self._unusable[unit.name]
        if unit.name not in self._graders:
            began = time.monotonic()
            try:
                given = recognised_unit(self.course, unit).stub or ""
                grader = UnitGrader(unit, self.settings, self.workers, given, self._exams)
            except PreparationError as error:
                self._unusable[unit.name] = error
                raise
            self._graders[unit.name] = grader
            seconds = time.monotonic() - began
            drawn = f"Prepared the tests of {unit.name} ({seconds:.0f} s)."
            on_ready(Ready(told=grader.told or (drawn if grader.prepared else "")))
        return self._graders[unit.name]
