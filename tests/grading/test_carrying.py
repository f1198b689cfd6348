"""An exercise does not pay for another one's mistake, and nobody gains what is not earned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.grading import UnitGrader
from autograder.grading.carrying import blaming_the_lost
from autograder.results import ExerciseResult
from autograder.supervisor import Code

CHECKED = "    if w.dim() != 1:\n        raise ValueError('w must have rank 1')\n"
SHIFTS = f"def scale_forward(x, w):\n{CHECKED}    return x + w, (x, w)\n"


def by_name(graded):
    return {e.name: e for e in graded.exercises}


def test_what_is_built_on_a_wrong_function_is_graded_with_ours(grade):
    graded = by_name(grade(SHIFTS))
    total = graded["total"]
    assert (total.points, total.status, total.with_ours) == (2.0, "full", ["scale_forward"])
    assert total.depends_on == []
    # The function itself is not made better.
    assert graded["scale_forward"].points < graded["scale_forward"].max_points
    assert graded["scale_forward"].with_ours == []


# Both halves of a layer, where the backward pass goes by the result of the forward pass.
BY_RESULT = """
def scale_forward(x, w):
    if w.dim() != 1:
        raise ValueError("w must have rank 1")
    out = x * w {wrong}
    return out, {cache}

def scale_backward(dout, cache):
    out, w = {unpacked}
    return dout * w, (dout * (out / w)).sum(0)
"""


@pytest.mark.parametrize(
    ("cache", "unpacked"),
    [("(out, w)", "cache"), ("{'kept': [out.clone(), w]}", "cache['kept']")],
)
def test_a_backward_pass_is_graded_with_our_result_in_what_the_forward_pass_cached(
    grade, cache, unpacked
):
    kept = {"cache": cache, "unpacked": unpacked}
    right = by_name(grade(BY_RESULT.format(wrong="", **kept)))
    assert right["scale_backward"].status == "full"
    wrong = by_name(grade(BY_RESULT.format(wrong="+ 1", **kept)))
    assert wrong["scale_forward"].points < wrong["scale_forward"].max_points
    assert wrong["scale_backward"].status == "full"
    assert wrong["scale_backward"].with_ours == ["scale_forward"]


def test_one_that_is_wrong_itself_stays_so_and_is_named(grade):
    wrong = "def total(x, w):\n    return scale_forward(x, w)[0].mean()\n"
    total = by_name(grade(SHIFTS + wrong))["total"]
    assert (total.points, total.status, total.with_ours) == (0.0, "wrong", [])
    assert total.depends_on == ["scale_forward"]


def test_one_that_waits_for_what_is_not_written_is_graded(grade):
    unwritten = 'raise NotImplementedError("scale_forward is not written yet")'
    graded = by_name(grade(f"def scale_forward(x, w):\n    {unwritten}\n"))
    assert graded["scale_forward"].status == "not attempted"
    assert graded["total"].points == 2.0
    assert graded["total"].with_ours == ["scale_backward", "scale_forward"]


def test_one_that_is_not_written_gets_nothing(grade):
    stub = "def total(x, w):\n    raise NotImplementedError('total is not written yet')\n"
    total = by_name(grade(SHIFTS + stub))["total"]
    assert (total.points, total.status) == (0.0, "not attempted")


def test_a_copy_of_the_wrong_function_is_ones_own_fault(grade):
    inlined = "def total(x, w):\n    return (x + w).sum()\n"
    assert by_name(grade(SHIFTS + inlined))["total"].points == 0.0
    kept = "mine = scale_forward\ndef total(x, w):\n    return mine(x, w)[0].sum()\n"
    assert by_name(grade(SHIFTS + kept))["total"].points == 0.0


def test_only_a_call_of_the_other_function_earns_nothing(grade):
    call = "def total(x, w):\n    return scale_forward(x, w)[0]\n"
    assert by_name(grade(SHIFTS + call))["total"].points == 0.0


def test_a_course_may_turn_it_off(unit, workers, grader, scaling_source):
    without = UnitGrader(unit, replace(grader.settings, carry_forward=False), workers)
    total = by_name(without.grade(Code("scaling", (("a.py", f"{scaling_source}\n{SHIFTS}"),)), {}))[
        "total"
    ]
    assert (total.points, total.depends_on) == (0.0, ["scale_forward"])


def test_our_solution_refuses_as_the_stub_does_and_its_cache_goes_back_to_it_only(grade):
    """total sees what a caller of the solution sees, and can do no more with it."""
    uses = """
def total(x, w):
    try:
        scale_forward(x, w[None])
    except ValueError as error:
        assert "rank 1" in str(error)
    else:
        raise AssertionError("not refused")
    out, cache = scale_forward(x, w)
    dx, dw = scale_backward(out, cache)
    assert dx.shape == x.shape and dw.shape == w.shape
    assert not isinstance(cache, (tuple, list, dict)) and "opaque" in repr(cache)
    return out.sum()
"""
    assert by_name(grade(SHIFTS + uses))["total"].with_ours == ["scale_forward"]


@pytest.mark.parametrize(
    "attack",
    [
        # What it learns is told to nobody: the text of the run before is kept.
        "raise RuntimeError('leaked ' + str(scale_forward(x, w)[0].tolist()))",
        # A thread outlives the call that it was started in.
        "import threading; t = threading.Thread(target=scale_forward, args=(x, w)); t.start();"
        " t.join(); return x.sum()",
        # An opaque value that nobody gave.
        "c = scale_forward(x, w)[1]; c.number += 7; return scale_backward(x, c)[0].sum()",
        "return scale_forward(x, lambda: 1)[0].sum()",
        "return scale_forward()",
        "while True: scale_forward(x, w)",
        # Who asks for more than there is memory for stops a worker of ours, and gains nothing.
        "return scale_forward(x, w.expand(1 << 40))[0].sum()",
    ],
)
def test_nothing_is_gained_by_asking_our_solution_for_anything_else(grade, attack):
    body = attack.replace("\n", "\n    ")
    total = by_name(grade(f"{SHIFTS}def total(x, w):\n    {body}\n"))["total"]
    assert (total.points, total.with_ours) == (0.0, [])
    told = "".join(t.failure.message + t.failure.trace for t in total.tests if t.failure)
    assert "opaque" not in told
    # And the next submission is graded as ever.
    assert by_name(grade(SHIFTS))["total"].points == 2.0


def test_what_hangs_because_another_one_does_is_graded_with_ours(grade):
    graded = by_name(grade("def scale_forward(x, w):\n    while True:\n        pass\n"))
    assert graded["scale_forward"].points == 0.0
    assert graded["total"].points == 2.0
    assert graded["total"].with_ours == ["scale_backward", "scale_forward"]


def test_what_hangs_itself_is_not_waited_for_once_more(grade, grader, monkeypatch):
    tried = []
    carrying = grader._carrying
    monkeypatch.setattr(carrying, "_again", lambda *args: tried.append(args))
    hangs = "def total(x, w):\n    while True:\n        pass\n"
    assert by_name(grade(SHIFTS + hangs))["total"].points == 0.0
    assert tried == []


def test_what_was_made_right_itself_is_not_named_as_the_one_to_blame():
    def result(name, status, *ours):
        return ExerciseResult(
            name=name, points=1.0, max_points=2.0, status=status, with_ours=list(ours)
        )

    found = [
        result("im2col", "partial"),
        result("conv2d_forward", "full", "im2col"),
        result("conv2d_backward", "full", "conv2d_forward", "im2col"),
    ]
    named = {one.name: one.with_ours for one in blaming_the_lost(found)}
    assert named == {
        "im2col": [],
        "conv2d_forward": ["im2col"],
        "conv2d_backward": ["im2col"],
    }
