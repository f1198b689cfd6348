"""Canvas: its downloads are graded as they are, and its gradebook is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.integrations import Integration
from autograder.integrations.canvas.downloads import canvas_name
from autograder.report import ReportFormat
from autograder.submissions import Platform

if TYPE_CHECKING:
    from autograder.report import Document, Material


def _gradebook(material: Material) -> Document:
    from autograder.integrations.canvas.gradebook import fill_gradebook

    return fill_gradebook(material)


INTEGRATION = Integration(
    "Canvas",
    reports=(ReportFormat("canvas", "the gradebook of Canvas, filled in", _gradebook, fills=True),),
    platform=Platform("Canvas", canvas_name),
)
