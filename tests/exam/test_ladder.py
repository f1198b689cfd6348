"""Small inputs: where they come from, and that the smallest failing one is found among them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import strategies as st

from autograder.exam import count_elements
from autograder.exam.ladder import search, small_examples
from autograder.exam.prepared import PreparedExample
from autograder.exam.small import small_inputs
from autograder.testing import dtypes, given, sizes, tensors


@st.composite
def layers(draw):
    n, d = draw(sizes()), draw(sizes(2, 6))
    p = draw(st.floats(0.25, 0.75))
    which = draw(st.sampled_from(["valid", "same"]))
    return {"x": draw(tensors(n, d, dtype=draw(dtypes()))), "p": p, "which": which}


@given(case=layers(), stride=st.integers(1, 3))
def a_test(student, case, stride):
    pass


def test_small_inputs_are_inputs_of_the_test():
    drawn = small_inputs({"case": layers(), "stride": st.integers(1, 3)}, seed=1, count=200)
    assert len(drawn) == 200
    for inputs in drawn:
        assert 1 <= inputs["stride"] <= 3
        assert 0.25 <= inputs["case"]["p"] <= 0.75
        assert inputs["case"]["which"] in ("valid", "same")
        assert 2 <= inputs["case"]["x"].shape[1] <= 6
        assert inputs["case"]["x"].shape[0] >= 1


def test_every_choice_is_made_and_most_are_small():
    drawn = small_inputs({"case": layers(), "stride": st.integers(1, 3)}, seed=1, count=200)
    assert {d["stride"] for d in drawn} == {1, 2, 3}
    assert {d["case"]["which"] for d in drawn} == {"valid", "same"}
    assert {d["case"]["x"].dtype for d in drawn} >= {torch.float32, torch.float64}
    sizes_ = sorted(d["case"]["x"].numel() for d in drawn)
    assert sizes_[0] == 2
    assert sizes_[len(sizes_) // 2] <= 8


def test_the_same_seed_draws_the_same():
    strategies = {"case": layers()}
    first, again = (small_inputs(strategies, seed=7, count=30) for _ in range(2))
    other = small_inputs(strategies, seed=8, count=30)
    shapes = [[tuple(d["case"]["x"].shape) for d in drawn] for drawn in (first, again, other)]
    assert shapes[0] == shapes[1] != shapes[2]
    assert all(
        torch.equal(a["case"]["x"], b["case"]["x"]) for a, b in zip(first, again, strict=True)
    )


def test_the_ladder_is_sorted_and_says_nothing_twice():
    asked = []

    def keep(drawn):
        asked.append(drawn)
        return PreparedExample(drawn)

    kept = small_examples(a_test, keep, seed=1)
    steps = [count_elements(example.inputs) for example in kept]
    assert steps == sorted(steps)
    assert len(kept) == len(asked) > 20
    told = {repr(example.inputs) for example in kept}
    assert len(told) == len(kept)


def test_inputs_that_the_reference_does_not_pass_are_left_out():
    kept = small_examples(
        a_test, lambda d: PreparedExample(d) if d["stride"] == 2 else None, seed=1
    )
    assert kept
    assert {example.inputs["stride"] for example in kept} == {2}


def test_a_search_finds_what_has_the_property_and_makes_it_small():
    found = search(a_test, lambda d: d["stride"] >= 2, seed=1)
    assert found is not None
    assert found["stride"] == 2
    assert found["case"]["x"].numel() <= 4


def test_a_search_for_what_there_is_not_ends_with_nothing():
    assert search(a_test, lambda d: False, seed=1) is None


@pytest.mark.parametrize("allowed", [(0.0, 0.0), (-1.5, -1.5), (2.0, 1e6)])
def test_floats_keep_to_their_bounds(allowed):
    low, high = allowed
    drawn = small_inputs({"p": st.floats(low, high)}, seed=1, count=60)
    assert all(low <= d["p"] <= high for d in drawn)
