"""Right code that rounds otherwise keeps its points, whatever inputs are drawn."""

from __future__ import annotations

import pytest
import torch

from autograder.course import find_unit
from autograder.exam import (
    ExamRequest,
    PreparationError,
    draw,
    read_exam,
    reference_of,
    worst_ratios,
    write_exam,
)
from autograder.exam.conditioning import Unfair
from autograder.exam.rounding import Way, moved, ways
from autograder.testing import CallRecord, ModuleBackend

UNIT = '''
# %% [markdown]
# # 1. Slopes
# %%
"""Slopes."""
from __future__ import annotations
from typing import Any
import torch
from torch import Tensor

Cache = Any


# %%
def slope(x: Tensor) -> Tensor:
    """The slope of tanh, 1 - tanh(x)^2."""
    # TODO: derive it.
    ### BEGIN SOLUTION
    return 1 - torch.tanh(x) ** 2
    ### END SOLUTION


# %%
def slope_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """tanh(x)."""
    # TODO: write it.
    ### BEGIN SOLUTION
    h = torch.tanh(x)
    return h, h
    ### END SOLUTION


# %%
def log_slope(cache: Cache) -> Tensor:
    """log(1 - tanh(x)^2)."""
    # TODO: write it.
    ### BEGIN SOLUTION
    return torch.log(1 - cache**2)
    ### END SOLUTION
'''

TESTS = """
import torch
from hypothesis import strategies as st
from autograder.testing import assert_close, exercise, given

def numbers(*values):
    return st.sampled_from([torch.tensor([v, v / 2], dtype=torch.float32) for v in values])

@exercise("slope", points=1)
@given(x=numbers(0.5, 1.0, 9.0))
def test_slope(student, reference, device, x):
    assert_close(student.slope(x), reference.slope(x), "slope", floor=1e-6)

@exercise("log_slope", points=1)
@given(x=numbers(LOGS))
def test_log_slope(student, reference, device, x):
    h, cache = student.slope_forward(x)
    assert_close(h, torch.tanh(x), "h")
    known, other = reference.slope_forward(x)
    assert_close(student.log_slope(cache), reference.log_slope(other), "log")
"""

# As they are written in unit 3: right, and off by a unit in the last place here and there.
EXPM1 = """
import torch

def slope(x):
    e = torch.expm1(2 * x)
    return 1 - (e / (e + 2)) ** 2

def slope_forward(x):
    e = torch.expm1(2 * x)
    return e / (e + 2), e / (e + 2)

def log_slope(cache):
    return torch.log(1 - cache**2)
"""


def drawn(root, logs="0.5, 1.0, 2.0, 9.0"):
    folder = root / "solutions" / "01_slopes"
    folder.mkdir(parents=True)
    (folder / "slopes.py").write_text(UNIT.lstrip("\n"), encoding="utf-8")
    (folder / "test_hidden.py").write_text(TESTS.replace("LOGS", logs), encoding="utf-8")
    unit = find_unit(root / "solutions", "slopes")
    request = ExamRequest(unit, 3, ("cpu",))
    return unit, request, draw(request)


def backend_of(unit, source):
    module = type(torch)(unit.module)
    exec(source, module.__dict__)
    return ModuleBackend(module, unit.returns, own=True)


def fails(test, example):
    try:
        test.run(example)
    except AssertionError as error:
        return str(error)
    return ""


def test_another_formula_for_tanh_passes_where_the_unit_is_saturated(tmp_path):
    unit, _, exam = drawn(tmp_path)
    test = next(t for t in exam.tests if t.exercise == "slope")
    exam.student.backend = backend_of(unit, EXPM1)
    assert {float(e.inputs["x"].max()) for e in test.examples} == {0.5, 1.0, 9.0}
    assert [fails(test, e) for e in test.examples] == [""] * len(test.examples)
    # It is the measured spread that lets it through.
    for example in test.examples:
        example.spreads = {}
    assert any(fails(test, e) for e in test.examples)


def test_wrong_code_fails_all_the_same(tmp_path):
    unit, _, exam = drawn(tmp_path)
    test = next(t for t in exam.tests if t.exercise == "slope")
    exam.student.backend = backend_of(unit, EXPM1.replace("** 2", "** 3"))
    assert all(fails(test, e) for e in test.examples if e.inputs["x"].max() < 9)


def test_an_input_on_which_rounding_decides_is_drawn_again(tmp_path):
    _, _, exam = drawn(tmp_path)
    test = next(t for t in exam.tests if t.exercise == "log_slope")
    # 1 - tanh(9)^2 is 0 or 6e-8 or 1.2e-7 in float32, and its logarithm -inf, -16.6 or -15.9.
    assert {float(e.inputs["x"].max()) for e in test.examples} == {0.5, 1.0, 2.0}


def test_a_test_that_draws_nothing_else_cannot_be_used(tmp_path):
    with pytest.raises(PreparationError, match="only inputs on which rounding decides") as caught:
        drawn(tmp_path, logs="9.0")
    assert "rejects the reference" in str(caught.value)
    assert "log is off by 0." in str(caught.value)


def test_spreads_are_kept_with_an_exam_and_small_inputs_are_compared_coarsely(tmp_path):
    _, request, exam = drawn(tmp_path)
    kept = read_exam(bytearray(write_exam(exam, request)))
    for before, after in zip(exam.tests, kept.tests, strict=True):
        assert [e.spreads for e in before.examples] == [e.spreads for e in after.examples]
        assert all(e.spreads is None for those in after.smaller for e in those.examples)
    slope = next(t for t in kept.tests if t.exercise == "slope")
    assert any(e.spreads for e in slope.examples)


def test_the_worst_ratio_is_told_and_a_test_that_rejects_right_code_is_named(tmp_path):
    unit, _, exam = drawn(tmp_path)
    ratios, unfair = worst_ratios(unit, exam.tests, exam.student)
    assert ratios.keys() == {test.name for test in exam.tests}
    assert unfair == []
    assert all(0 <= ratio < 1 for ratio in ratios.values())
    for test in exam.tests:
        for example in test.examples:
            example.spreads = {}
    ratios, unfair = worst_ratios(unit, exam.tests, exam.student)
    assert [one.test for one in unfair] == ["test_slope[cpu]"]
    assert isinstance(unfair[0], Unfair)
    assert ratios["test_slope[cpu]"] > 1


def ask(way: Way, function, *args):
    record = CallRecord(function, args, {})
    way.backend.call(record)
    return record.value


def test_each_way_computes_what_its_name_says(tmp_path):
    unit, _, _ = drawn(tmp_path)
    module = reference_of(unit)
    in_float64, reordered, off, beside = ways(module, unit.returns, seeds=(7,), neighbours=(7,))
    x = torch.linspace(0.1, 2, 200)
    plain, double = module.slope(x), module.slope(x.double())
    assert torch.equal(ask(in_float64, "slope", x), double.float())
    assert torch.equal(ask(in_float64, "slope", x.double()), double)
    for way in (off, beside):
        came = ask(way, "slope", x)
        assert came.dtype is torch.float32
        assert not torch.equal(came, plain)
        assert torch.allclose(came, plain, rtol=0, atol=1e-6)
        assert torch.equal(ask(way, "slope", x), came)  # the same again
        # Equal inputs have equal results, unless the inputs themselves are moved.
        ties = ask(way, "slope", torch.full((50,), 1.5))
        assert torch.equal(ties, ties[:1].expand(50)) == way.must_pass
    assert torch.equal(ask(reordered, "slope", x), plain)  # there is no sum in it
    # What a forward pass caches in float64 comes back so.
    _, cache = ask(in_float64, "slope_forward", x)
    assert torch.equal(ask(in_float64, "log_slope", cache), torch.log(double).float())


def test_sums_are_taken_in_another_order(tmp_path):
    module = type(torch)("sums")
    exec(
        "def f(x):\n return x.sum(), x.sum(1), x.mean(0), x @ x.T, x.T @ x, x[0] @ x.T, x.norm()\n"
        "def g(x):\n return x[0] @ x[1], x[None] @ x.T[None], x.sum((0, 1)), x.T.mean(1)",
        module.__dict__,
    )
    _, reordered = ways(module, {"f": None, "g": None}, seeds=())
    x = torch.randn(70, 70, generator=torch.Generator().manual_seed(0))
    for name in ("f", "g"):
        right = getattr(module, name)(x.double())
        for plain, came, exact in zip(
            getattr(module, name)(x), ask(reordered, name, x), right, strict=True
        ):
            assert came.shape == plain.shape
            assert torch.allclose(came.double(), exact, rtol=1e-4, atol=1e-4)
            assert came.numel() == 1 or not torch.equal(came, plain)


def test_a_value_is_moved_by_at_most_so_many_units_in_the_last_place():
    for dtype in (torch.float32, torch.float64):
        x = torch.cat([torch.logspace(-30, 30, 500, dtype=dtype), torch.zeros(1, dtype=dtype)])
        x = torch.cat([x, -x, torch.tensor([torch.inf, -torch.inf, torch.nan], dtype=dtype)])
        other = moved(x, 2, seed=1)
        one = torch.nextafter(x.abs(), torch.full_like(x, torch.inf)) - x.abs()
        steps = ((other - x) / one)[:-3]
        finite = steps[x[:-3] != 0]
        assert set(finite.round().tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
        assert torch.equal(other[x == 0], x[x == 0])
        assert torch.equal(other[-3:-1], x[-3:-1])
        assert bool(other[-1].isnan())
        assert not torch.equal(moved(x[:-1], 2, seed=2), other[:-1])


def test_complex_numbers_are_moved_in_both_parts():
    x = torch.complex(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 2.0]))
    others = [moved(x, 2, seed) for seed in range(20)]
    assert all(torch.allclose(other, x, rtol=1e-6) for other in others)
    assert len({tuple(other.tolist()) for other in others}) > 5
    assert all(other[1].real == 0 for other in others)
