"""A small course, and a grader for it that really uses workers."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCALING = '''
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
    if w.dim() != 1:
        raise ValueError(f"w must have rank 1, not {w.dim()}")
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
    # TODO: use scale_forward.
    ### BEGIN SOLUTION
    return scale_forward(x, w)[0].sum()
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


# %% [markdown] question="why_scale" points=2
# ### Question: why?
#
# ### BEGIN MARK SCHEME
# - 2 points: because.
# ### END MARK SCHEME
# %% [markdown] answer="why_scale"
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION
'''

TEST_PUBLIC = """
import torch
from autograder.testing import assert_close, exercise

@exercise("scale_forward", points=1)
def test_scale_forward_by_hand(student, device):
    out, _ = student.scale_forward(torch.tensor([[1.0, 2.0]], device=device),
                                   torch.tensor([3.0, 4.0], device=device))
    assert_close(out, torch.tensor([[3.0, 8.0]], device=device), "out")

@exercise("descend", points=1)
def test_descend_halves(student, device):
    x = torch.tensor([8.0], device=device)
    assert_close(student.descend(lambda x: x, x, steps=3), x / 8, "x")
"""

TEST_HIDDEN = """
import pytest
import torch
from hypothesis import strategies as st
from autograder.testing import (
    Case, assert_close, assert_inputs_unchanged, dtypes, exercise, given, sizes, tensors)

@st.composite
def cases(draw, layout="contiguous"):
    n, d, dtype = draw(sizes()), draw(sizes()), draw(dtypes())
    return Case(x=draw(tensors(n, d, dtype=dtype, layout=layout)), w=draw(tensors(d, dtype=dtype)),
                dout=draw(tensors(n, d, dtype=dtype)))

@exercise("scale_forward", points=2)
@given(case=cases())
def test_scale_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.scale_forward(case.x, case.w)
    assert_close(out, reference.scale_forward(case.x, case.w)[0], "out")

@exercise("scale_forward", points=1)
@given(case=cases(layout="any"))
def test_scale_forward_takes_any_layout(student, reference, device, case):
    out, _ = student.scale_forward(case.x, case.w)
    assert_close(out, reference.scale_forward(case.x, case.w)[0], "out")

@exercise("scale_forward", points=1)
@given(case=cases(), examples=5)
def test_scale_forward_leaves_its_inputs_alone(student, device, case):
    student.scale_forward(case.x, case.w)
    assert_inputs_unchanged(student)

@exercise("scale_forward", points=1)
def test_scale_forward_refuses_a_matrix(student, device):
    with pytest.raises(ValueError, match="rank 1"):
        student.scale_forward(torch.ones(2, 2, device=device), torch.ones(2, 2, device=device))

@exercise("scale_backward", points=2)
@given(case=cases())
def test_scale_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.scale_forward(case.x, case.w)
    _, known = reference.scale_forward(case.x, case.w)
    assert_close(student.scale_backward(case.dout, cache),
                 reference.scale_backward(case.dout, known), "gradients")

@exercise("scale_backward", points=1)
@given(case=cases(), examples=5)
def test_scale_backward_survives_a_second_forward(student, reference, device, case):
    _, cache = student.scale_forward(case.x, case.w)
    student.scale_forward(case.x + 1, case.w)
    student.scale_backward(case.dout, cache)
    _, known = reference.scale_forward(case.x, case.w)
    assert_close(student.scale_backward(case.dout, cache),
                 reference.scale_backward(case.dout, known), "gradients")
    assert_inputs_unchanged(student)

@exercise("total", points=2)
@given(case=cases())
def test_total_matches_the_reference(student, reference, device, case):
    assert_close(student.total(case.x, case.w), reference.total(case.x, case.w), "total")

@exercise("descend", points=1)
@given(case=cases(), examples=5)
def test_descend_follows_any_gradient(student, reference, device, case):
    def gradient(x):
        return x * case.w
    assert_close(student.descend(gradient, case.x, steps=2),
                 reference.descend(gradient, case.x, steps=2), "x")
"""

MISTAKES = """
from autograder.testing import mistake

@mistake("scale_backward", "dw is the sum over the samples, not their mean.")
def dw_is_averaged(dout, cache):
    x, w = cache
    return dout * w, (dout * x).mean(0)

@mistake("scale_backward", "You forgot the upstream gradient in dx.")
def upstream_is_ignored(dout, cache):
    x, w = cache
    return w.expand_as(x).clone(), (dout * x).sum(0)

@mistake("scale_backward", "Work on a copy: dout is not yours to change.")
def writes_to_dout(dout, cache):
    x, w = cache
    return dout.mul_(w) * 2, w

@mistake("scale_forward", "Scale, do not shift: multiply x by w.")
def shifts(x, w):
    return x + w, (x, w)

@mistake("total", "Add everything up.")
def first_row_only(x, w):
    return scale_forward(x[:1], w)[0].sum()

@mistake("total", "Do not average.")
def averages(x, w):
    return scale_forward(x, w)[0].mean()

@mistake("descend", "Go down, not up.")
def climbs(gradient, x, *, steps):
    for _ in range(steps):
        x = x + 0.5 * gradient(x)
    return x
"""

ALTERNATIVES = """
from autograder.testing import alternative

@alternative("einsum", replaces="scale_forward")
def einsum_forward(x, w):
    if w.dim() != 1:
        raise ValueError(f"w must have rank 1, not {w.dim()}")
    return torch.einsum("nd,d->nd", x, w), {"x": x, "w": w}

@alternative("einsum", replaces="scale_backward")
def einsum_backward(dout, cache):
    return dout * cache["w"], torch.einsum("nd,nd->d", dout, cache["x"])
"""


def write_course(root: Path) -> Path:
    """A course of one unit, 01_scaling; returns its root."""
    unit = root / "solutions" / "01_scaling"
    unit.mkdir(parents=True)
    for name, text in {
        "scaling.py": SCALING,
        "test_public.py": TEST_PUBLIC,
        "test_hidden.py": TEST_HIDDEN,
        "mistakes.py": MISTAKES,
        "alternatives.py": ALTERNATIVES,
    }.items():
        (unit / name).write_text(text.lstrip("\n"), encoding="utf-8")
    return root


@pytest.fixture
def course_root(tmp_path: Path) -> Path:
    return write_course(tmp_path / "course")


@pytest.fixture(scope="package")
def workers() -> Iterator[object]:
    from autograder.supervisor import start_workers

    with start_workers() as started:
        yield started


@pytest.fixture(scope="package")
def unit(tmp_path_factory: pytest.TempPathFactory) -> object:
    from autograder.course import find_unit

    root = write_course(tmp_path_factory.mktemp("scaling"))
    return find_unit(root / "solutions", "scaling")


@pytest.fixture(scope="package")
def grader(unit, workers):
    from autograder.grading import Settings, UnitGrader

    settings = Settings(
        seed=3, devices=("cpu",), call_seconds=1.0, submission_seconds=60.0, memory_mb=1024
    )
    return UnitGrader(unit, settings, workers)


@pytest.fixture(scope="package")
def grade(grader) -> Callable[..., object]:
    """Grade the reference with the given definitions after it (the later definition wins)."""
    from autograder.supervisor import Code

    def run(changes: str = "", *, source: str | None = None, cells=None):
        text = (SCALING if source is None else source) + "\n\n" + textwrap.dedent(changes)
        return grader.grade(Code("scaling", tuple(cells or [("scaling.py", text)])), {})

    return run


@pytest.fixture
def scaling_source() -> str:
    return SCALING
