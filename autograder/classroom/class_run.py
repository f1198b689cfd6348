"""Grading a class: many submissions in, one result file each, nothing lost on the way."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from autograder.classroom.lateness import with_lateness
from autograder.classroom.messages import Job, Reply
from autograder.classroom.processes import GradingProcesses
from autograder.classroom.reading import unreadable_jobs
from autograder.classroom.regrading import falls
from autograder.course import Course
from autograder.grading import Settings
from autograder.results import (
    Folder,
    Result,
    ResultError,
    Run,
    apply_resolutions,
    brief,
    read_resolutions,
    read_result,
    to_json,
    write_atomically,
)

# So few are looked at here first: whoever handed in what cannot be read waits for no import of
# torch. More are read by the grading processes, all at once.
_FEW = 4


@dataclass
class ClassReport:
    """What came of a class run.

    Attributes:
        results: the results that count, by student and unit, in brief.
        graded: what grading came to, whether it counts or waits to be accepted, in brief.
        before: the results that counted before, in brief.
        kept: how many were already there and still hold.
        faults: what went wrong in the grader, and on whose submissions.
    """

    results: list[Result] = field(default_factory=list)
    graded: list[Result] = field(default_factory=list)
    before: list[Result] = field(default_factory=list)
    kept: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)


def grade_class(
    course: Course,
    jobs: Sequence[Job],
    processes: GradingProcesses,
    folder: Folder,
    settings: Settings,
    *,
    resume: bool,
    on_result: Callable[[Result], None] = lambda result: None,
    on_told: Callable[[str], None] = lambda sentence: None,
) -> ClassReport:
    """Grade jobs, writing each result as soon as it is there.

    A result that would lower a mark waits for a person instead; see `regrading`.

    Args:
        course: the course.
        jobs: what to grade.
        processes: that grade them.
        folder: where to write.
        settings: how to grade.
        resume: keep the results that are there and would come out the same.
        on_result: told of each result.
        on_told: told of sentences for who runs the command.
    """
    points = {unit.name: unit.points for unit in course.units}
    policy = course.policy
    report = ClassReport()
    attempts = Counter((job.attempt.student, job.unit) for job in jobs)
    counting: dict[tuple[str, str], Result] = {}
    before: dict[tuple[str, str], Result | None] = {}
    planned = _with_previous(jobs, folder) if resume else jobs
    unreadable = unreadable_jobs(course, jobs, settings) if len(jobs) <= _FEW else []
    done = {job.number for job, _ in unreadable}
    left = (job for job in planned if job.number not in done)
    graded = processes.run_jobs(left, settings.submission_seconds, on_told)
    for job, reply in itertools.chain(unreadable, graded):
        if reply.fault:
            report.faults.setdefault(reply.fault, []).append(job.attempt.student)
        result = reply.result or needs_a_person(job, reply, points[job.unit])
        result = with_lateness(result, job.attempt, policy)
        result = apply_resolutions(result, read_resolutions(folder.resolutions_file))
        report.kept += reply.kept
        key = (result.student, result.unit)
        if attempts[key] > 1:
            file = folder.result_file(result.unit, result.student, result.attempt)
            write_atomically(file, to_json(result))
        if key not in before:
            before[key] = _earlier(folder, result)
        if key not in counting or better(result, counting[key]):
            counting[key] = brief(result)
            _enter(folder, before[key], result, best=policy.attempt == "best")
        on_result(result)
    report.graded = sorted(counting.values(), key=lambda r: (r.unit, r.student))
    files = [folder.result_file(r.unit, r.student) for r in report.graded]
    report.results = [brief(read_result(file)) for file in files]
    report.before = [result for result in before.values() if result is not None]
    return report


def _earlier(folder: Folder, result: Result) -> Result | None:
    try:
        return brief(read_result(folder.result_file(result.unit, result.student)))
    except ResultError:
        return None


def _enter(folder: Folder, before: Result | None, result: Result, *, best: bool) -> None:
    """Write a result where it counts, or where it waits for a person."""
    waiting = folder.waiting_file(result.unit, result.student)
    if before is not None and falls(before, result, best=best):
        write_atomically(waiting, to_json(result))
        return
    write_atomically(folder.result_file(result.unit, result.student), to_json(result))
    waiting.unlink(missing_ok=True)


def better(a: Result, b: Result) -> bool:
    """Whether `a` counts rather than `b`: what a person must see, then the mark, then the later."""

    def rank(r: Result) -> tuple[bool, float, int]:
        return (r.status == "needs a person", r.mark or 0.0, r.attempt)

    return rank(a) > rank(b)


def _with_previous(jobs: Sequence[Job], folder: Folder) -> Iterator[Job]:
    for job in jobs:
        student, number = job.attempt.student, job.attempt.number
        for file in (
            folder.waiting_file(job.unit, student),
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


def needs_a_person(job: Job, reply: Reply, max_points: float) -> Result:
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
