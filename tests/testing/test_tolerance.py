"""A comparison allows more where right answers were measured to lie apart, and only there."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.testing import (
    MOST,
    TIMES,
    Mismatch,
    assert_close,
    comparisons_measured,
    spreads_known,
)

ONE = torch.ones(2)


def test_a_spread_that_was_measured_is_allowed_for_a_few_times_over():
    with spreads_known({"out": [1e-4]}):
        assert_close(ONE + 0.9 * TIMES * 1e-4, ONE, "out")
    with spreads_known({"out": [1e-4]}), pytest.raises(Mismatch):
        assert_close(ONE + 1.1 * TIMES * 1e-4, ONE, "out")


def test_what_was_measured_of_one_comparison_says_nothing_of_another():
    with spreads_known({"out": [1e-4, 0.0]}):
        with pytest.raises(Mismatch):
            assert_close(ONE + 5e-4, ONE, "dx")
        assert_close(ONE + 5e-4, ONE, "out")
        for _ in range(2):  # nor of a second and a third one under the same name
            with pytest.raises(Mismatch):
                assert_close(ONE + 5e-4, ONE, "out")
    with pytest.raises(Mismatch):
        assert_close(ONE + 5e-4, ONE, "out")


def test_no_spread_makes_a_comparison_allow_everything():
    for spread in (1.0, math.inf):
        with spreads_known({"out": [spread]}):
            assert_close(ONE + 0.9 * MOST, ONE, "out")
        with spreads_known({"out": [spread]}), pytest.raises(Mismatch):
            assert_close(ONE + 1.1 * MOST, ONE, "out")
        with spreads_known({"out": [spread]}), pytest.raises(Mismatch, match="not finite"):
            assert_close(ONE * math.nan, ONE, "out")


def test_where_nothing_was_measured_float32_is_compared_coarsely_and_float64_is_not():
    with spreads_known(None):
        assert_close(ONE + 0.9 * MOST, ONE, "out")
        with pytest.raises(Mismatch):
            assert_close(ONE + 1.1 * MOST, ONE, "out")
        with pytest.raises(Mismatch):
            assert_close(ONE.double() + 1e-8, ONE.double(), "out")
        with pytest.raises(Mismatch):
            assert_close(1.0 + 1e-8, 1.0, "out")


def test_comparisons_that_are_measured_never_fail_on_values():
    with comparisons_measured() as measured:
        assert_close((ONE + 1, ONE.double()), (ONE, ONE.double() + 1e-12), "out")
        assert_close(ONE * math.nan, ONE, "out")
        assert_close(torch.tensor([1, 2]), torch.tensor([1, 3]), "labels")
        assert_close(2.0, 1.0, "number")
        with pytest.raises(Mismatch, match="wrong shape"):
            assert_close(ONE, ONE[None], "out")
    errors = [(one.name, one.error) for one in measured]
    assert errors[0] == ("out[0]", pytest.approx(1.0))
    assert errors[1] == ("out[1]", pytest.approx(1e-12, rel=1e-3))
    assert errors[2:] == [("out", math.inf), ("labels", math.inf), ("number", pytest.approx(1.0))]
    assert measured[0].ratio == pytest.approx(1e4)
    with pytest.raises(Mismatch):
        assert_close(ONE + 1, ONE, "out")  # and only inside
