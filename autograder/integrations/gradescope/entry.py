"""Gradescope: zips that grade there, ``results.json``, and exports of what was handed in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.integrations import Integration
from autograder.integrations.gradescope.listing import METADATA, read_list
from autograder.release import ReleaseFormat
from autograder.report import ReportFormat
from autograder.submissions import Platform

if TYPE_CHECKING:
    from autograder.report import Document, Material


def _zips(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.integrations.gradescope.zips import write_zips

    return write_zips(root, out, units)


def _results(material: Material) -> Document:
    from autograder.integrations.gradescope.reporting import results_documents

    return results_documents(material)


INTEGRATION = Integration(
    "Gradescope",
    releases=(ReleaseFormat("gradescope", "zips that make Gradescope grade with this", _zips),),
    reports=(ReportFormat("gradescope", "a results.json for each submission", _results),),
    platform=Platform("Gradescope", list_file=METADATA, read_list=read_list),
)
