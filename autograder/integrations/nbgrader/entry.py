"""nbgrader: its course tree, which grades with this, and its gradebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.integrations import Gradebook, Integration
from autograder.release import ReleaseFormat
from autograder.report import ReportFormat

if TYPE_CHECKING:
    from autograder.report import Document, Material
    from autograder.results import Result


def _course(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.integrations.nbgrader.course_tree import write_course

    return write_course(root, out, units)


def _enter(address: str, results: Sequence[Result]) -> list[str]:
    from autograder.integrations.nbgrader.gradebook import database_url, write_gradebook

    return write_gradebook(database_url(address), results)


def _gradebook(material: Material) -> Document:
    from autograder.report import Document
    from autograder.results import ResultError

    if material.out is None:
        raise ResultError(
            "Name the gradebook with --out, e.g. --out gradebook.db; it may hold grades already."
        )
    return Document(notes=tuple(_enter(str(material.out), material.results)))


INTEGRATION = Integration(
    "nbgrader",
    releases=(ReleaseFormat("nbgrader", "a course of nbgrader", _course),),
    reports=(
        ReportFormat(
            "nbgrader", "a gradebook of nbgrader, which may hold other grades", _gradebook
        ),
    ),
    # Any address is a file or a URL of its database.
    gradebook=Gradebook("nbgrader", "sqlite:///gradebook.db", lambda address: True, _enter),
)
