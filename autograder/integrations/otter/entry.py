"""otter-grader: master notebooks, their student versions, and zips that grade."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.integrations import Integration
from autograder.release import ReleaseFormat


def _assignments(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.integrations.otter.assignments import write_assignments

    return write_assignments(root, out, units)


INTEGRATION = Integration(
    "otter-grader",
    releases=(ReleaseFormat("otter", "assignments of otter-grader", _assignments),),
)
