"""Results as Gradescope's ``results.json``; its form is in `results_json`."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

from autograder.integrations.gradescope.results_json import encoded, fault_json, frame
from autograder.report import Document, Material, exercise_text, points_text, printable, result_text
from autograder.results import ExerciseResult, Result, ResultError, file_name, write_atomically


def results_json(result: Result, now: dt.datetime) -> bytes:
    """One result as ``results.json``.

    Args:
        result: of one submission. Of its hidden tests only what a student may know is used.
        now: the moment at which it is read.

    Returns:
        A document with a score and one entry for each exercise; `fault_json` if the grader failed.
    """
    if result.mark is None:
        return fault_json(result.unit)
    number = re.match(r"\d+", result.unit)
    unit = int(number[0]) if number else 0
    document = frame(result.status, result.unit, result_text(result))
    document["score"] = result.mark
    document["execution_time"] = round(result.run.seconds, 3)
    document["tests"] = [
        _entry(exercise, f"{unit}.{position}", exercise_text(exercise, result, now))
        for position, exercise in enumerate(result.exercises, 1)
    ]
    return encoded(document)


def results_documents(material: Material) -> Document:
    """The results of a class as one ``results.json`` each, ``FOLDER/UNIT/STUDENT.json``; a single
    result as the document itself.

    Raises:
        ResultError: there are several results and no folder to write them to.
    """
    if material.folder is None:
        return Document(results_json(material.results[0], material.now))
    folder = material.out
    if folder is None or folder.is_file():
        raise ResultError(
            "There is one results.json for each submission: name a folder with --out, or one "
            "result file in the place of RESULTS."
        )
    for result in material.results:
        file = folder / result.unit / f"{file_name(result.student)}.json"
        _write(file, results_json(result, material.now))
    return Document()


def _write(file: Path, content: bytes) -> None:
    try:
        write_atomically(file, content)
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error.strerror}).") from None


def _entry(exercise: ExerciseResult, number: str, text: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": printable(exercise.name),
        "number": number,
        "visibility": "visible",
        "output": text,
        "output_format": "text",
    }
    if exercise.points is None:  # no zero, as nobody has marked it yet
        entry["output"] = f"{points_text(exercise.max_points)} points, which a person gives."
        return entry
    entry |= {"score": exercise.points, "max_score": exercise.max_points}
    if not exercise.written:
        entry["status"] = "passed" if exercise.points == exercise.max_points else "failed"
    return entry
