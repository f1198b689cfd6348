"""Grading a class: many submissions in, one result file each, nothing lost on the way."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import msgspec

from autograder.course import Course, Unit
from autograder.grading.crew import run_jobs
from autograder.grading.errors import GradingError, ResultError
from autograder.grading.process import Job, Orders, Reply
from autograder.grading.resolutions import read_resolutions, resolved
from autograder.grading.results import (
    Result,
    Run,
    read_result,
    to_json,
    write_atomically,
)
from autograder.submissions import Attempt, Unreadable, discover, read
from autograder.submissions import Unit as Recognised


@dataclass(frozen=True)
class Plan:
    """What is going to be graded.

    Attributes:
        jobs: one for each unit of each attempt that counts.
        warnings: sentences about what was found.
    """

    jobs: tuple[Job, ...]
    warnings: tuple[str, ...]


@dataclass
class ClassReport:
    """What came of a class run.

    Attributes:
        results: the results that count, by student and unit.
        kept: how many were already there and still hold.
        faults: what went wrong in the grader, and on whose submissions.
    """

    results: list[Result] = field(default_factory=list)
    kept: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)


class Folder:
    """The folder that a class run writes: results, feedback, decisions.

    Args:
        path: where; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def result_file(self, unit: str, student: str, attempt: int | None = None) -> Path:
        """Where a result is; of one attempt among several, if `attempt` is given."""
        name = file_name(student)
        if attempt is None:
            return self.path / "results" / unit / f"{name}.json"
        return self.path / "results" / unit / "attempts" / f"{name}@{attempt}.json"

    def feedback_file(self, unit: str, student: str) -> Path:
        """Where the feedback for a student is."""
        return self.path / "feedback" / unit / f"{file_name(student)}.md"

    @property
    def resolutions_file(self) -> Path:
        """Where the decisions of people are."""
        return self.path / "resolutions.json"

    def results(self) -> list[Result]:
        """The results that count, by unit and student.

        Raises:
            ResultError: a file cannot be read.
        """
        files = sorted((self.path / "results").glob("*/*.json"))
        return [read_result(file) for file in files]

    def keep_previous(self) -> Path:
        """Move the results aside, so that grading again loses nothing; returns where to."""
        stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        target = self.path / "previous" / stamp
        target.mkdir(parents=True)
        for name in ("results", "feedback"):
            if (self.path / name).exists():
                shutil.move(self.path / name, target / name)
        return target


def file_name(student: str) -> str:
    """A file name for a student's id: readable, safe on every system, different for each id.

    Example:
        >>> file_name("doe jane"), file_name("../x")
        ('doe jane', '..%2Fx')
    """
    name = quote(student, safe=" @+,=")
    odd = len(name) > 120 or name.startswith(".") or name.endswith((".", " ")) or not name
    odd = odd or re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name) is not None
    if not odd:
        return name
    return f"{name[:100].strip('. ')}-{hashlib.sha256(student.encode()).hexdigest()[:8]}"


def plan(
    paths: Sequence[Path], units: Sequence[Unit], recognised: Sequence[Recognised], best: bool
) -> Plan:
    """Find the submissions and decide what is graded.

    Args:
        paths: what the instructor named.
        units: the units to grade.
        recognised: the same units, as `autograder.submissions` knows them; all of the course's.
        best: whether a student's best attempt counts, so that all are graded, or the latest.

    Raises:
        GradingError: nothing to grade was found.
    """
    try:
        found = discover(paths, recognised)
    except Unreadable as error:
        raise GradingError(str(error)) from None
    if not found.attempts:
        named = ", ".join(str(p) for p in paths)
        raise GradingError(
            f"No submissions were found in {named}. Name a folder with one entry for each student, "
            "or single submissions; docs/submitting.md shows the forms that are recognised."
        )
    by_student: dict[str, list[Attempt]] = {}
    for attempt in found.attempts:
        by_student.setdefault(attempt.student, []).append(attempt)
    jobs: list[Job] = []
    for attempts in by_student.values():
        attempts.sort(key=lambda a: a.number)
        for attempt in attempts if best else attempts[-1:]:
            for unit in units:
                jobs.append(
                    Job(number=len(jobs), unit=unit.name, attempt=attempt, attempts=len(attempts))
                )
    return Plan(tuple(jobs), tuple(found.warnings))


def units_present(
    paths: Sequence[Path], units: Sequence[Unit], recognised: Sequence[Recognised]
) -> list[Unit]:
    """The units that at least one of the submissions holds something for."""
    try:
        found = discover(paths, recognised)
    except Unreadable as error:
        raise GradingError(str(error)) from None
    by_name = {unit.name: unit for unit in recognised}
    present: list[Unit] = []
    for unit in units:
        if any(_holds(attempt, by_name[unit.name]) for attempt in found.attempts):
            present.append(unit)
    return present


def _holds(attempt: Attempt, unit: Recognised) -> bool:
    try:
        checked = read(attempt, unit)
    except Unreadable:
        return False
    return checked is not None and not checked.untouched


def grade_class(
    course: Course,
    jobs: Sequence[Job],
    orders: Orders,
    folder: Folder,
    *,
    processes: int,
    job_seconds: float,
    resume: bool,
    on_result: Callable[[Result], None] = lambda result: None,
) -> ClassReport:
    """Grade jobs, writing each result as soon as it is there.

    Args:
        course: the course.
        jobs: what to grade.
        orders: for the grading processes.
        folder: where to write.
        processes: how many at once.
        job_seconds: for each.
        resume: keep the results that are there and would come out the same.
        on_result: told of each result.
    """
    points = {unit.name: unit.points for unit in course.units}
    report = ClassReport()
    counting: dict[tuple[str, str], Result] = {}
    for job, reply in run_jobs(
        _with_previous(jobs, folder) if resume else jobs,
        orders,
        processes=processes,
        job_seconds=job_seconds,
    ):
        if reply.fault:
            report.faults.setdefault(reply.fault, []).append(job.attempt.student)
        result = reply.result or _needs_a_person(job, reply, points[job.unit])
        result = resolved(result, read_resolutions(folder.resolutions_file))
        report.kept += reply.kept
        key = (result.student, result.unit)
        others = [j for j in jobs if (j.attempt.student, j.unit) == key]
        if len(others) > 1:
            file = folder.result_file(result.unit, result.student, result.attempt)
            write_atomically(file, to_json(result))
        if key not in counting or better(result, counting[key]):
            counting[key] = result
            write_atomically(folder.result_file(result.unit, result.student), to_json(result))
        on_result(result)
    report.results = sorted(counting.values(), key=lambda r: (r.unit, r.student))
    return report


def better(a: Result, b: Result) -> bool:
    """Whether `a` counts rather than `b`: what a person must see, then points, then the later."""

    def rank(r: Result) -> tuple[bool, float, int]:
        return (r.status == "needs a person", r.points or 0.0, r.attempt)

    return rank(a) > rank(b)


def _with_previous(jobs: Sequence[Job], folder: Folder) -> Iterator[Job]:
    for job in jobs:
        student, number = job.attempt.student, job.attempt.number
        for file in (
            folder.result_file(job.unit, student, number),
            folder.result_file(job.unit, student),
        ):
            if file.is_file() and _is_of(file, number):
                yield msgspec.structs.replace(job, previous=str(file))
                break
        else:
            yield job


def _is_of(file: Path, attempt: int) -> bool:
    try:
        return read_result(file).attempt == attempt
    except ResultError:
        return False


def _needs_a_person(job: Job, reply: Reply, max_points: float) -> Result:
    """The grader failed: no points, and no zero either."""
    last = reply.fault.strip().splitlines()[-1][:300] if reply.fault else ""
    return Result(
        unit=job.unit,
        student=job.attempt.student,
        name=job.attempt.name,
        status="needs a person",
        points=None,
        max_points=max_points,
        pending=max_points,
        attempt=job.attempt.number,
        attempts=job.attempts,
        label=job.attempt.label,
        submitted=job.attempt.when or "",
        late=job.attempt.late,
        message="The grader failed on this submission; that is not the student's fault. Grade it "
        f"again with --resume, or decide with `autograder resolve`. ({last})",
        run=Run(
            version="",
            release="",
            fingerprint="",
            seed=0,
            devices=[],
            worker={},
            limits={},
            versions={},
            when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            seconds=0.0,
        ),
    )
