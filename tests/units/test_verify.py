"""Each unit's reference, alternatives and mistakes through the worker, as `verify` grades them."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import find_units, variants

ROOT = Path(__file__).parents[2]
UNITS = {unit.name: unit for unit in find_units(ROOT / "solutions")}
# With pytest-xdist each of its processes has a share of the cores. A unit is prepared once for each
# job, so that more jobs than cores only take longer.
SHARE = (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@functools.cache
def mistakes(name: str) -> list[variants.Mistake]:
    return variants.mistakes(UNITS[name])


@pytest.mark.parametrize("name", UNITS)
def test_everything_whose_outcome_is_known_comes_out_so(name):
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "verify", name, "--jobs", str(SHARE or 1)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    wrong = [line for line in done.stdout.splitlines() if not line.rstrip("│ ").endswith("ok")]
    assert done.returncode == 0, "\n".join(wrong) + done.stderr


@pytest.mark.parametrize("name", UNITS)
def test_every_exercise_has_two_known_mistakes_and_the_unit_enough_of_everything(name):
    unit = UNITS[name]
    known = mistakes(name)
    for exercise in unit.exercises:
        if not exercise.written:
            found = [m.name for m in known if m.exercise == exercise.name]
            assert len(found) >= 2, f"{exercise.name} has only {found}"
    assert len(known) >= 20
    assert len(variants.alternatives(unit)) >= 3
    assert any(exercise.written for exercise in unit.exercises)


@pytest.mark.parametrize("name", UNITS)
def test_every_unit_knows_three_mistakes_of_placement(name):
    placed = [mistake for mistake in mistakes(name) if mistake.on == "cuda"]
    assert len(placed) >= 3
    for mistake in placed:
        own = mistake.source.rpartition(f"def {mistake.exercise}(")[2]
        assert '"cuda' not in own, f"{mistake.name} would be right on a machine with one GPU"


@pytest.mark.parametrize("name", UNITS)
def test_public_tests_are_worth_less_than_hidden_ones(name):
    """Whoever only fits the public tests does not pass: most points are hidden."""
    tests = [test for exercise in UNITS[name].exercises for test in exercise.tests]
    hidden = sum(test.points for test in tests if test.hidden)
    assert hidden > sum(test.points for test in tests) / 2
