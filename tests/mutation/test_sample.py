"""A few mutants of every unit, the same ones every time; `make mutants` tries them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from run import tally

from autograder.course import find_units
from autograder.supervisor import Workers

UNITS = {unit.name: unit for unit in find_units(Path(__file__).parents[2] / "solutions")}
SAMPLE = 25


@pytest.mark.parametrize("name", UNITS)
def test_a_sample_of_mutants_is_killed_or_listed(name: str, workers: Workers) -> None:
    came = tally(UNITS[name], workers, sample=SAMPLE, thorough=False)
    assert not came.problems, "\n".join(came.problems)
