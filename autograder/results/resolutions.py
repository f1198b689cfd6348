"""Marks that a person gave: kept apart from the results, so that grading again keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from autograder.results.files import ResultError, to_json, write_atomically
from autograder.results.records import ExerciseResult, Resolution, Result


def read_resolutions(file: Path) -> list[Resolution]:
    """The decisions so far, oldest first.

    Raises:
        ResultError: the file is damaged.
    """
    if not file.exists():
        return []
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Resolution])
    except (OSError, msgspec.DecodeError) as error:
        raise ResultError(
            f"{file} cannot be read ({error}). It holds the marks that people gave: restore it "
            "before grading on."
        ) from None


def add_resolution(file: Path, resolution: Resolution) -> None:
    """Write down one more decision."""
    write_atomically(file, to_json([*read_resolutions(file), resolution]))


def apply_resolutions(result: Result, resolutions: Sequence[Resolution]) -> Result:
    """The result with the decisions that concern it; the last one on each thing holds.

    Args:
        result: as graded.
        resolutions: of the whole class.
    """
    of_exercise: dict[str, Resolution] = {}
    for resolution in resolutions:
        if (resolution.student, resolution.unit) == (result.student, result.unit):
            of_exercise[resolution.exercise] = resolution
    if not of_exercise:
        return result
    exercises = [
        _marked(exercise, of_exercise[exercise.name]) if exercise.name in of_exercise else exercise
        for exercise in result.exercises
    ]
    whole = of_exercise.get("")
    if whole is not None:
        return msgspec.structs.replace(
            result,
            status="graded",
            points=whole.points,
            pending=0.0,
            exercises=exercises,
            resolution=whole,
        )
    if result.status == "needs a person":
        return result  # an exercise cannot be marked before the unit was graded
    return msgspec.structs.replace(
        result,
        points=sum(e.points for e in exercises if e.points is not None),
        pending=sum(e.waiting for e in exercises),
        exercises=exercises,
    )


def _marked(exercise: ExerciseResult, resolution: Resolution) -> ExerciseResult:
    before = exercise.points if exercise.graded_points is None else exercise.graded_points
    return msgspec.structs.replace(
        exercise,
        points=resolution.points,
        status="marked",
        pending=0.0,
        reason=resolution.reason,
        graded_points=before,
    )
