"""A unit for the red team: small, quick, and with a result of every kind that can be lied about."""

from __future__ import annotations

from pathlib import Path

POINTS = 12.0
MODULE, UNIT = "scaling", "01_scaling"

HONEST = '''\
# %% [markdown]
# # 1. Scaling
# %%
"""Scaling."""
from __future__ import annotations
from typing import Any
import torch
from torch import Tensor

Cache = Any


# %%
def scale_forward(x: Tensor, w: Tensor) -> tuple[Tensor, Cache]:
    """x (N, D) times w (D,)."""
    # TODO: scale every column.
    ### BEGIN SOLUTION
    return x * w, (x, w)
    ### END SOLUTION


# %%
def scale_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor]:
    """The gradients dx (N, D) and dw (D,)."""
    # TODO: go back.
    ### BEGIN SOLUTION
    x, w = cache
    return dout * w, (dout * x).sum(0)
    ### END SOLUTION


# %%
def total(x: Tensor, w: Tensor) -> Tensor:
    """The sum of all scaled elements."""
    # TODO: add them up.
    ### BEGIN SOLUTION
    return (x * w).sum()
    ### END SOLUTION


# %%
def mean(x: Tensor) -> float:
    """The mean of all elements as a number."""
    # TODO: average.
    ### BEGIN SOLUTION
    return float(x.mean())
    ### END SOLUTION


# %%
def positive(x: Tensor) -> Tensor:
    """Which elements are positive."""
    # TODO: compare.
    ### BEGIN SOLUTION
    return x > 0
    ### END SOLUTION


# %%
def kind(x: Tensor) -> str:
    """The sign of the sum, in a word."""
    # TODO: name it.
    ### BEGIN SOLUTION
    return "positive" if float(x.sum()) > 0 else "negative"
    ### END SOLUTION


# %%
def descend(gradient: Any, x: Tensor, *, steps: int) -> Tensor:
    """steps steps of length 0.5 against gradient(x)."""
    # TODO: go down.
    ### BEGIN SOLUTION
    for _ in range(steps):
        x = x - 0.5 * gradient(x)
    return x
    ### END SOLUTION
'''

FUNCTIONS = ("scale_forward", "scale_backward", "total", "mean", "positive", "kind", "descend")

_PUBLIC = """
import torch
from autograder.testing import assert_close, exercise

@exercise("scale_forward", points=1)
def test_scale_forward_by_hand(student, device):
    out, _ = student.scale_forward(torch.tensor([[1.0, 2.0]], device=device),
                                   torch.tensor([3.0, 4.0], device=device))
    assert_close(out, torch.tensor([[3.0, 8.0]], device=device), "out")
"""

_HIDDEN = """
import torch
from hypothesis import strategies as st
from autograder.testing import (
    Case, assert_close, assert_inputs_unchanged, exercise, given, sizes, tensors)

SECRET = "the-hidden-tests-of-the-red-team"

@st.composite
def cases(draw):
    n, d = draw(sizes()), draw(sizes())
    return Case(x=draw(tensors(n, d)), w=draw(tensors(d)), dout=draw(tensors(n, d)))

@exercise("scale_forward", points=1)
@given(case=cases(), examples=5)
def test_scale_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.scale_forward(case.x, case.w)
    assert_close(out, reference.scale_forward(case.x, case.w)[0], "out")

@exercise("scale_forward", points=1)
@given(case=cases(), examples=5)
def test_scale_forward_leaves_its_inputs_alone(student, device, case):
    student.scale_forward(case.x, case.w)
    assert_inputs_unchanged(student)

@exercise("scale_backward", points=2)
@given(case=cases(), examples=5)
def test_scale_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.scale_forward(case.x, case.w)
    _, known = reference.scale_forward(case.x, case.w)
    assert_close(student.scale_backward(case.dout, cache),
                 reference.scale_backward(case.dout, known), "gradients")

@exercise("total", points=2)
@given(case=cases(), examples=5)
def test_total_matches_the_reference(student, reference, device, case):
    assert_close(student.total(case.x, case.w), reference.total(case.x, case.w), "total")

@exercise("mean", points=1)
@given(case=cases(), examples=5)
def test_mean_matches_the_reference(student, reference, device, case):
    assert_close(student.mean(case.x), reference.mean(case.x), "mean")

@exercise("mean", points=1)
def test_mean_of_a_million_elements(student, device):
    assert student.mean(torch.ones(1_000_000, device=device)) == 1.0

@exercise("positive", points=1)
@given(case=cases(), examples=5)
def test_positive_matches_the_reference(student, reference, device, case):
    assert_close(student.positive(case.x), reference.positive(case.x), "positive")

@exercise("kind", points=1)
@given(case=cases(), examples=5)
def test_kind_matches_the_reference(student, reference, device, case):
    assert student.kind(case.x) == reference.kind(case.x)

@exercise("descend", points=1)
@given(case=cases(), examples=5)
def test_descend_follows_any_gradient(student, reference, device, case):
    def gradient(x):
        return x * case.w
    assert_close(student.descend(gradient, case.x, steps=2),
                 reference.descend(gradient, case.x, steps=2), "x")
"""

SECRET = "the-hidden-tests-of-the-red-team"


def write_course(root: Path) -> Path:
    """The course with this unit; returns its root."""
    unit = root / "solutions" / UNIT
    unit.mkdir(parents=True)
    files = {"scaling.py": HONEST, "test_public.py": _PUBLIC, "test_hidden.py": _HIDDEN}
    for name, text in files.items():
        (unit / name).write_text(text.lstrip("\n"), encoding="utf-8")
    return root
