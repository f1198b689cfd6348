"""A unit whose tests leave something to be desired, and workers for its mutants."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course import Unit, find_unit
from autograder.supervisor import Workers, start_workers

# `run.py` is a command, and finds its modules beside it; so do the tests of it.
sys.path.insert(0, str(Path(__file__).parent))

MODULE = '''\
# %% [markdown]
# # 1. Shifts
# %%
"""Shifts."""

from __future__ import annotations

import torch
from torch import Tensor


# %%
def shift(x: Tensor, by: float, *, times: int = 1) -> Tensor:
    """x moved by times * by."""
    if times < 0:
        raise ValueError(f"times must not be negative, not {times}")
    # TODO: move it.
    ### BEGIN SOLUTION
    largest = x.amax()
    for _ in range(times):
        x = x + by
    return (x - largest) + largest
    ### END SOLUTION
'''

TEST_HIDDEN = """
from autograder.testing import assert_close, exercise, given, sizes, tensors

@exercise("shift", points=1)
@given(x=tensors(3), times=sizes(0, 3), examples=300)
def test_shift_matches_the_reference(student, reference, device, x, times):
    got = student.shift(x, 0.5, times=times)
    assert_close(got, reference.shift(x, 0.5, times=times), "shift(x)")
"""


TEST_PUBLIC = """
import torch
from autograder.testing import assert_close, exercise

@exercise("shift", points=1)
def test_shift_by_hand(student, device):
    x = torch.tensor([0.0, 2.0], device=device)
    assert_close(student.shift(x, 1.0, times=2), x + 2, "shift(x)")
"""


@pytest.fixture(scope="package")
def workers() -> Iterator[Workers]:
    with start_workers() as started:
        yield started


@pytest.fixture
def shifts(tmp_path: Path) -> Unit:
    """Its tests never ask it to refuse anything, nor to use the default of `times`."""
    for name in [name for name in sys.modules if name.startswith("01_shifts")]:
        del sys.modules[name]  # the tests of another copy of the unit
    folder = tmp_path / "solutions" / "01_shifts"
    folder.mkdir(parents=True)
    (folder / "shifts.py").write_text(MODULE, encoding="utf-8")
    (folder / "test_hidden.py").write_text(TEST_HIDDEN, encoding="utf-8")
    (folder / "test_public.py").write_text(TEST_PUBLIC, encoding="utf-8")
    return find_unit(tmp_path / "solutions", "shifts")
