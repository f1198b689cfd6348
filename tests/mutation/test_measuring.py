"""Mutants in workers: killed, different, equivalent; and the list of those that survive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from measuring import Measure
from mutator import Mutant, mutants
from run import listed, tally

from autograder.course import Unit, find_course
from autograder.grading import Settings
from autograder.release import release
from autograder.supervisor import Workers

SURVIVORS = {  # of the unit in conftest.py, and whether each is equivalent
    "shift: def shift(x, by, *, times=1):  ->  def shift(x, by, *, times=2):": False,
    "shift: def shift(x, by, *, times=1):  ->  def shift(x, by, *, times=0):": False,
    "shift: if times < 0:  ->  pass": False,
    "shift: if times < 0:  ->  if times < -1:": False,
    "shift: largest = x.amax()  ->  largest = x": True,
    "shift: largest = x.amax()  ->  largest = x.amin()": True,
}


@pytest.fixture
def measure(shifts: Unit, workers: Workers) -> Measure:
    settings = Settings.of(find_course(shifts.folder).policy, ("cpu",))
    return Measure(shifts, settings, workers, hurry=1.0)


def mutant(unit: Unit, change: str) -> Mutant:
    found = mutants(unit.source_file.read_text(encoding="utf-8"))
    return next(m for m in found if m.name == f"shift: {change}")


def write_list(unit: Unit, survivors: dict[str, bool]) -> None:
    entries = [
        f'[[survivors]]\nreason = "why not"\nequivalent = {json.dumps(equivalent)}\n'
        f"mutants = [{json.dumps(name)}]\n"
        for name, equivalent in survivors.items()
    ]
    (unit.folder / "survivors.toml").write_text("\n".join(entries), encoding="utf-8")


def test_a_wrong_answer_kills(shifts: Unit, measure: Measure) -> None:
    told = measure.killed_by(mutant(shifts, "x = x + by  ->  x = x - by"))
    assert told.startswith("test_shift_by_hand[cpu]: shift(x) has the wrong values")


def test_a_crash_kills(measure: Measure) -> None:
    told = measure.killed_by(Mutant("", "shift", "def shift(*_, **__):\n    return 1 / 0\n"))
    assert "ZeroDivisionError" in told


def test_a_module_that_does_not_load_is_killed(measure: Measure) -> None:
    assert "NameError" in measure.killed_by(Mutant("", "shift", "def shift(x=y):\n    pass\n"))


def test_a_loop_without_end_kills_after_the_deadline(shifts: Unit, workers: Workers) -> None:
    (shifts.folder.parent / "course.toml").write_text("call_seconds = 0.5\n", encoding="utf-8")
    settings = Settings.of(find_course(shifts.folder).policy, ("cpu",))
    endless = Mutant("", "shift", "def shift(*_, **__):\n    while True:\n        pass\n")
    told = Measure(shifts, settings, workers, hurry=0.2).killed_by(endless)
    assert told == "timeout in test_shift_by_hand[cpu]"


def test_what_no_test_notices_may_differ_all_the_same(shifts: Unit, measure: Measure) -> None:
    (shifts.folder / "test_public.py").unlink()
    test = shifts.folder / "test_hidden.py"
    blind = test.read_text(encoding="utf-8").replace("assert_close(got,", "assert_close(x,")
    blind = blind.replace("reference.shift(x, 0.5, times=times)", "x")
    test.write_text(blind, encoding="utf-8")
    survivor = mutant(shifts, "x = x + by  ->  x = x - by")
    assert measure.killed_by(survivor) == ""
    assert measure.difference(survivor).startswith("shift(float64 (3,) ")


def test_equivalent_is_what_gives_the_same_on_a_thousand_inputs(
    shifts: Unit, measure: Measure
) -> None:
    survivor = mutant(shifts, "largest = x.amax()  ->  largest = x.amin()")
    assert measure.killed_by(survivor) == ""
    assert measure.difference(survivor) == ""


def test_too_few_inputs_prove_nothing(
    shifts: Unit, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("measuring.MOST_SEEDS", 1)
    survivor = mutant(shifts, "largest = x.amax()  ->  largest = x.amin()")
    assert measure.difference(survivor).startswith("the tests draw only ")


def test_a_complete_list_leaves_only_the_bar(shifts: Unit, workers: Workers) -> None:
    write_list(shifts, SURVIVORS)
    came = tally(shifts, workers)
    assert (came.tried - came.killed, came.equivalents) == (6, 2)
    assert came.rate == came.killed / (came.tried - 2)
    (only,) = came.problems
    assert only.endswith("are killed, fewer than 99%")


def test_a_survivor_that_is_not_listed_is_told(shifts: Unit, workers: Workers) -> None:
    forgotten, *others = SURVIVORS
    write_list(shifts, {name: SURVIVORS[name] for name in others})
    problems = tally(shifts, workers, thorough=False).problems
    assert problems[0].startswith("survived, not listed")
    assert json.dumps(forgotten) in problems[0]


def test_a_list_may_not_say_what_is_not_true(shifts: Unit, workers: Workers) -> None:
    gone = "shift: x = y  ->  pass"
    killed = "shift: x = x + by  ->  x = x - by"
    write_list(shifts, SURVIVORS | {gone: False, killed: True})
    problems = tally(shifts, workers, thorough=False).problems
    assert problems[:2] == [
        f"listed, but there is no such mutant: {gone}",
        f"listed as equivalent, but killed: {killed}",
    ]


def test_a_list_gives_one_reason_for_each(shifts: Unit) -> None:
    name = next(iter(SURVIVORS))
    write_list(shifts, {name: False})
    path = shifts.folder / "survivors.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text, encoding="utf-8")
    with pytest.raises(ValueError, match="two"):
        listed(shifts)
    path.write_text(text.replace("why not", " "), encoding="utf-8")
    with pytest.raises(ValueError, match="no reason"):
        listed(shifts)


def test_a_sample_is_the_same_every_time(shifts: Unit, workers: Workers) -> None:
    problems = [tally(shifts, workers, sample=8, seed=2, thorough=False) for _ in range(2)]
    assert problems[0].tried == problems[1].tried == 8
    assert problems[0].problems == problems[1].problems


def test_students_never_get_the_list(shifts: Unit, tmp_path: Path) -> None:
    write_list(shifts, SURVIVORS)
    release(tmp_path, tmp_path / "released", wheel=False)
    released = [path for path in (tmp_path / "released").rglob("*") if path.is_file()]
    assert any(path.name == "shifts.py" for path in released)
    assert not any("amin" in path.read_text(encoding="utf-8") for path in released)
