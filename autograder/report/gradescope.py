"""Results as Gradescope's ``results.json``.

The form is that of https://gradescope-autograders.readthedocs.io/en/latest/specs/. One document is
about one submission. No test is ever hidden in it, because Gradescope then hides the total too;
what staff alone may see goes to the standard output of the run, which is shown to staff only.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import msgspec

from autograder.grading.errors import ResultError
from autograder.grading.folder import file_name
from autograder.grading.results import ExerciseResult, Result, write_atomically
from autograder.report.material import Document, Material
from autograder.report.plain import exercise_text, result_text
from autograder.report.words import points, visible

FAULT = (
    "The grader failed on this submission. That is not your fault, and it is no mark: your "
    "course's staff has to look at it."
)


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
    document = _frame(result.status, result.unit, result_text(result))
    document["score"] = result.mark
    document["execution_time"] = round(result.run.seconds, 3)
    document["tests"] = [
        _entry(exercise, f"{unit}.{position}", exercise_text(exercise, result, now))
        for position, exercise in enumerate(result.exercises, 1)
    ]
    return _encoded(document)


def fault_json(unit: str) -> bytes:
    """The ``results.json`` of a run in which the grader failed.

    It holds no score at all: Gradescope then records no points, and a person has to look at it.
    """
    return _encoded(_frame("needs a person", unit, FAULT))


def gradescope(material: Material) -> Document:
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


def _encoded(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _frame(status: str, unit: str, output: str) -> dict[str, Any]:
    return {
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "extra_data": {"handgrad": {"status": status, "unit": unit}},
    }


def _entry(exercise: ExerciseResult, number: str, text: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": visible(exercise.name),
        "number": number,
        "visibility": "visible",
        "output": text,
        "output_format": "text",
    }
    if exercise.points is None:  # no zero, as nobody has marked it yet
        entry["output"] = f"{points(exercise.max_points)} points, which a person gives."
        return entry
    entry |= {"score": exercise.points, "max_score": exercise.max_points}
    if not exercise.written:
        entry["status"] = "passed" if exercise.points == exercise.max_points else "failed"
    return entry
