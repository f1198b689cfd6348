"""Drawn tensors have the shapes, values and memory layouts that were asked for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import find, settings

from autograder.testing import Case, describe, labels, lay_out, tensors, to_device
from autograder.testing.cases import layout_of
from autograder.testing.strategies import LAYOUTS, PROFILE, VALUES


def draw(strategy, condition=lambda value: True):
    return find(strategy, condition, settings=settings(PROFILE, max_examples=200))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_that_layout(layout):
    tensor = draw(tensors(3, 4, layout=layout))
    assert tensor.shape == (3, 4)
    assert layout_of(tensor) == ("" if layout == "contiguous" else layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_draws_every_layout(layout):
    word = "" if layout == "contiguous" else layout
    assert layout_of(draw(tensors(3, 4, layout="any"), lambda t: layout_of(t) == word)) == word


@pytest.mark.parametrize("layout", ["permuted", "sliced"])
def test_a_layout_changes_memory_and_not_values(layout):
    values = torch.arange(24.0).reshape(2, 3, 4)
    laid = lay_out(values, layout)
    assert torch.equal(laid, values)
    assert laid.stride() != values.stride()
    with pytest.raises(RuntimeError):
        laid.view(-1)


def test_values_are_what_was_asked_for():
    for dtype in (torch.float32, torch.float64):
        for kind in VALUES:
            tensor = draw(tensors(5, 6, dtype=dtype, values=kind), lambda t: True)
            assert tensor.dtype is dtype
            assert bool(torch.isfinite(tensor).all())
    uniform = draw(
        tensors(50, values="uniform", dtype=torch.float32), lambda t: t.unique().numel() > 9
    )
    assert float(uniform.min()) >= 0
    assert float(uniform.max()) < 1
    assert float(draw(tensors(50, values="positive"), lambda t: True).min()) > 0


def test_tensors_shrink_to_values_that_a_person_can_calculate_with():
    tensor = draw(tensors(2, 2))
    assert tensor.tolist() == [[1.0, -2.0], [3.0, -1.0]]


def test_labels_are_classes():
    y = draw(labels(4, 3), lambda y: int(y.max()) == 2)
    assert y.dtype is torch.int64
    assert y.shape == (4,)


def test_an_unknown_kind_of_values_is_refused():
    with pytest.raises(ValueError, match="values must be one of"):
        draw(tensors(2, values="gaussian"))
    with pytest.raises(ValueError, match="layout must be"):
        lay_out(torch.zeros(2), "shuffled")


def test_moving_to_a_device_keeps_layouts():
    case = Case(x=lay_out(torch.ones(3, 4), "expanded"), w=[lay_out(torch.ones(3, 4), "permuted")])
    moved = to_device(case, torch.device("meta"))
    assert moved.x.stride() == case.x.stride()
    assert moved.w[0].stride() == case.w[0].stride()
    assert moved.x.device.type == "meta"


def test_a_case_is_described_by_its_fields():
    case = Case(x=torch.ones(2, 3), stride=2)
    assert repr(case) == "Case(x=float32 (2, 3) [[1, 1, 1], [1, 1, 1]], stride=2)"
    with pytest.raises(AttributeError, match="no field 'y'; it has"):
        _ = case.y


def test_a_large_tensor_is_described_by_its_header_alone():
    assert describe(torch.zeros(100, 100)) == "float32 (100, 100)"
    assert describe(lay_out(torch.zeros(9, 9), "permuted")) == "float32 (9, 9) permuted"
    assert describe(lay_out(torch.zeros(9, 9), "sliced")) == "float32 (9, 9) sliced"
