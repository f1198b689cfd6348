"""Every attack fails and harms nobody; without what stops it, it succeeds."""

from __future__ import annotations

import sys

import pytest
from redteam.attacks import every_attack
from redteam.bench import Bench
from redteam.declare import Attack, Seen
from redteam.tally import HARMED, NOT_TRIED, SUCCEEDED, TRIED, Tally
from redteam.unit import POINTS
from redteam.uploads import every_upload

from autograder.worker import level_of, reaches
from autograder.worker.levels import FILTERED

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="attacks use what Linux has; elsewhere workers are not confined"
)

ATTACKS = every_attack()
each_attack = pytest.mark.parametrize(
    "attack", [pytest.param(a, id=f"{a.theme}:{a.name}") for a in ATTACKS]
)


@each_attack
def test_an_attack_fails_and_the_honest_beside_it_get_full_marks(
    attack: Attack, bench: Bench, tally: Tally
) -> None:
    name = f"{attack.theme}:{attack.name}"
    seen = bench.run(attack)
    missing = not_confined(seen) if attack.stopped_by.without else ""
    if missing:
        tally(NOT_TRIED, f"{name}: {missing}")
        pytest.skip(missing)
    tally(TRIED, name)
    if attack.won(seen):
        tally(SUCCEEDED, name)
    if seen.next_points != POINTS:
        tally(HARMED, name)
    assert not attack.won(seen), f"Succeeded: {attack.goal}\n{seen.graded}"
    assert seen.fault == "", seen.fault
    assert seen.next_points == POINTS


def not_confined(seen: Seen) -> str:
    """Why this machine cannot confine a worker; empty if it can."""
    layers = seen.graded.layers if seen.graded is not None else {}
    level = level_of(layers)
    if reaches(level, FILTERED):
        return ""
    gaps = [f"{name}: {state}" for name, state in layers.items() if state != "ok"]
    return f"workers are only {level} on this machine ({'; '.join(gaps)})"


@each_attack
def test_an_attack_succeeds_without_the_layer_that_stops_it(attack: Attack, bench: Bench) -> None:
    if reason := attack.impossible():
        pytest.skip(reason)
    seen = bench.run_unprotected(attack)
    assert attack.won(seen), f"{attack.stopped_by.name} was off.\n{seen.fault}\n{seen.graded}"


def test_there_are_enough_attacks_and_each_says_what_it_wants() -> None:
    names = [f"{a.theme}:{a.name}" for a in ATTACKS]
    assert len(set(names)) == len(names)
    assert len(names) + len(every_upload()) >= 120
    assert all(a.goal.endswith(".") and len(a.goal.split()) > 3 for a in ATTACKS)
