"""A unit is in the lists that people read: the README's and the course's plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import find_units

ROOT = Path(__file__).parents[2]
UNITS = [unit.name for unit in find_units(ROOT / "solutions")]


@pytest.mark.parametrize("page", ["README.md", "docs/course.md"])
def test_every_unit_is_listed_once_and_no_other(page):
    rows = [
        line.partition("[")[2].partition("]")[0]
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("| [") and "assignments/" in line
    ]
    assert sorted(rows) == UNITS


def test_what_a_unit_builds_on_comes_in_no_later_week():
    week: dict[str, int] = {}
    for line in (ROOT / "docs" / "course.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ["):
            continue
        name, _, needs, number = (part.strip() for part in line.strip("| ").split("|"))
        week[name[1:3]] = int(number)
        for needed in filter(None, needs.split(", ")):
            assert week[needed] <= int(number), f"{name} builds on {needed}"
