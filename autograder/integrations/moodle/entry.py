"""Moodle: its downloads are graded as they are, and its grading worksheet is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.integrations import Integration
from autograder.integrations.moodle.downloads import moodle_name
from autograder.report import ReportFormat
from autograder.submissions import Platform

if TYPE_CHECKING:
    from autograder.report import Document, Material


def _worksheet(material: Material) -> Document:
    from autograder.integrations.moodle.worksheet import fill_worksheet

    return fill_worksheet(material)


INTEGRATION = Integration(
    "Moodle",
    reports=(
        ReportFormat("moodle", "a grading worksheet of Moodle, filled in", _worksheet, fills=True),
    ),
    platform=Platform("Moodle", moodle_name),
)
