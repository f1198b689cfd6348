"""A small class whose results are made by hand: every kind of result, without grading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from samples import RUN

from autograder.results import (
    Diagnosis,
    ExerciseResult,
    Failure,
    Folder,
    Result,
    TestResult,
    to_json,
    write_atomically,
)


@pytest.fixture(scope="session")
def make_test() -> Callable[..., TestResult]:
    """One test; with a category, failed in that way."""

    def make(name: str, points: float, category: str = "", **changes: object) -> TestResult:
        failure = changes.pop("failure", None)
        if category and failure is None:
            failure = Failure(category=category, message=f"{name}: SECRET 0.731", inputs={"x": "3"})
        fields = {"status": "failed" if category else "passed", "visibility": "hidden"} | changes
        return TestResult(name=name, points=points, failure=failure, **fields)

    return make


@pytest.fixture(scope="session")
def make_exercise() -> Callable[..., ExerciseResult]:
    """One exercise; its status follows from its points."""

    def make(
        name: str,
        points: float | None,
        max_points: float,
        tests: Sequence[TestResult] = (),
        mistake: str = "",
        **changes: object,
    ) -> ExerciseResult:
        status = "full" if points == max_points else "partial" if points else "wrong"
        fields = {"status": "to be marked" if points is None else status, "tests": list(tests)}
        if mistake:
            fields["diagnosis"] = Diagnosis(mistake=mistake, sentence=f"It is {mistake}.")
        return ExerciseResult(name=name, points=points, max_points=max_points, **fields | changes)

    return make


@pytest.fixture(scope="session")
def make_result() -> Callable[..., Result]:
    """One result; its points are those of its exercises."""

    def make(
        student: str,
        exercises: Sequence[ExerciseResult] = (),
        unit: str = "03_layers",
        **changes: object,
    ) -> Result:
        known = [e.points for e in exercises if e.points is not None]
        fields = {
            "status": "graded",
            "points": float(sum(known)),
            "max_points": float(sum(e.max_points for e in exercises)) or 10.0,
            "pending": float(sum(e.max_points for e in exercises if e.points is None)),
            "exercises": list(exercises),
            "label": student,
            "run": RUN,
        }
        return Result(unit=unit, student=student, **fields | changes)

    return make


@pytest.fixture(scope="session")
def write_class() -> Callable[[Path, Sequence[Result]], Folder]:
    """Write results as a class run does."""

    def write(path: Path, results: Sequence[Result]) -> Folder:
        folder = Folder(path)
        for result in results:
            write_atomically(folder.result_file(result.unit, result.student), to_json(result))
        return folder

    return write
