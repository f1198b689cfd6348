"""CI on submission: repositories for GitHub Actions and GitLab CI, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.integrations import Annotator, Integration
from autograder.release import ReleaseFormat
from autograder.report import ReportFormat

if TYPE_CHECKING:
    from autograder.course import Unit
    from autograder.report import Document, Material
    from autograder.results import Result


def _github(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.integrations.ci.repositories import write_repositories

    return write_repositories("github", root, out, units)


def _gitlab(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.integrations.ci.repositories import write_repositories

    return write_repositories("gitlab", root, out, units)


def _summary(material: Material) -> Document:
    from autograder.integrations.ci.summaries import class_summary
    from autograder.report import Document

    return Document(class_summary(material.results).encode("utf-8"))


def _around(unit: Unit, result: Result, root: Path) -> AbstractContextManager[None]:
    from autograder.integrations.ci.summaries import for_github

    return for_github(unit, result, root)


def _summarise(results: Sequence[Result]) -> None:
    from autograder.integrations.ci.summaries import check_summary, write_summary

    write_summary(check_summary(results))


INTEGRATION = Integration(
    "CI",
    releases=(
        ReleaseFormat("github", "repositories for GitHub Actions", _github),
        ReleaseFormat("gitlab", "repositories for GitLab CI", _gitlab),
    ),
    reports=(ReportFormat("github", "a job summary in Markdown, for staff", _summary),),
    annotators=(Annotator("github", _around, _summarise),),
)
