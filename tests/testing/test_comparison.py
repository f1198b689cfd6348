"""`assert_close` lets through what is right and nothing else."""

from __future__ import annotations

import math

import numpy
import pytest
import torch

from autograder.testing import Mismatch, assert_close

EXPECTED = torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)


def category(got: object, expected: object = EXPECTED, **options: float) -> str:
    with pytest.raises(Mismatch) as caught:
        assert_close(got, expected, "out", **options)
    return caught.value.category


def test_equal_tensors_pass():
    assert_close(EXPECTED.clone(), EXPECTED, "out")


@pytest.mark.parametrize(
    ("got", "expected_category"),
    [
        (EXPECTED.numpy(), "wrong type"),
        (None, "wrong type"),
        (1.0, "wrong type"),
        (EXPECTED[:1], "wrong shape"),
        (EXPECTED[None], "wrong shape"),
        (EXPECTED.float(), "wrong dtype"),
        (EXPECTED.to("meta"), "wrong device"),
        (EXPECTED.clone().requires_grad_(), "autograd graph"),
        (EXPECTED * math.nan, "not finite"),
        (EXPECTED / 0, "not finite"),
        (EXPECTED + 1e-6, "wrong value"),
    ],
)
def test_each_kind_of_difference_has_its_category(got, expected_category):
    assert category(got) == expected_category


def test_a_single_nan_among_right_values_fails():
    got = EXPECTED.clone()
    got[1, 1] = math.nan
    assert category(got) == "not finite"


def test_nan_fails_even_where_infinity_is_expected():
    expected = torch.tensor([1.0, math.inf])
    assert category(torch.tensor([1.0, math.nan]), expected) == "wrong value"
    assert category(torch.tensor([1.0, -math.inf]), expected) == "wrong value"
    assert_close(expected.clone(), expected, "out")


def test_nan_fails_where_nan_is_expected():
    """A reference that gives NaN is broken; agreeing with it must not pass for right."""
    expected = torch.tensor([math.nan])
    assert category(expected.clone(), expected) == "wrong value"


def test_a_detour_through_float32_is_seen_in_float64():
    expected = torch.rand(50, dtype=torch.float64)
    assert category(expected.float().double(), expected) == "wrong value"


def test_rounding_of_another_summation_order_passes_in_float32():
    x = torch.rand(200, 300)
    assert_close(x.flip(1).sum(1), x.sum(1), "out")


def test_broadcasting_does_not_hide_a_wrong_shape():
    assert category(torch.zeros(1, 3), torch.zeros(3)) == "wrong shape"


def test_tolerance_is_relative_to_the_largest_element_but_never_below_the_floor():
    tiny = torch.full((2,), 1e-8, dtype=torch.float64)
    assert_close(tiny + 1e-13, tiny, "w")
    assert category(tiny + 1e-13, tiny, floor=1e-8) == "wrong value"


@pytest.mark.parametrize(
    ("got", "expected"),
    [(True, 1), (1, True), (2.0, 2), (2, 2.0), (numpy.float64(2.0), 2.0), ("2", 2)],
)
def test_numbers_must_have_the_type_too(got, expected):
    assert category(got, expected) == "wrong type"


def test_integers_and_booleans_compare_exactly():
    assert_close(torch.tensor([1, 2]), torch.tensor([1, 2]), "y")
    assert category(torch.tensor([1, 3]), torch.tensor([1, 2])) == "wrong value"
    assert category(torch.tensor([True]), torch.tensor([False])) == "wrong value"
    assert category(4, 5) == "wrong value"


def test_floats_compare_closely_and_nan_never():
    assert_close(0.1 + 0.2, 0.3, "loss")
    assert category(math.nan, 0.3) == "not finite"
    assert category(math.nan, math.nan) == "wrong value"
    assert category(math.inf, 1.0) == "not finite"
    assert_close(math.inf, math.inf, "loss")


def test_tuples_compare_part_by_part_and_the_part_is_named():
    with pytest.raises(Mismatch, match=r"grads\[1\] has the wrong shape"):
        assert_close((EXPECTED, EXPECTED[0]), (EXPECTED, EXPECTED), "grads")
    assert category((EXPECTED,), (EXPECTED, EXPECTED)) == "wrong length"
    assert category(EXPECTED, (EXPECTED, EXPECTED)) == "wrong type"


def test_empty_tensors_need_only_shape_and_type():
    assert_close(torch.zeros(0, 3), torch.zeros(0, 3), "out")
    assert category(torch.zeros(3, 0), torch.zeros(0, 3)) == "wrong shape"


def test_the_message_says_shapes_first_then_expected_against_got():
    with pytest.raises(Mismatch) as caught:
        assert_close(EXPECTED + torch.tensor([[0.0, 1.0], [0.0, 0.0]]), EXPECTED, "dx")
    lines = str(caught.value).splitlines()
    assert "dx has the wrong values in 1 of 4 elements" in lines[0]
    assert "float64 (2, 2)" in lines[0]
    assert lines[1].strip() == "largest difference at [0, 1]: expected -2, got -1"
    assert lines[2].strip().startswith("expected: [[1, -2]")
    assert lines[3].strip().startswith("got:      [[1, -1]")
