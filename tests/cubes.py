"""A small course that the tests of this room release, with a secret in every place for secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Unit, read_unit

MODULE = '''\
# %% [markdown]
# # 1. Cubes
#
# The cube of $x$ is $x^3$, its slope $3 x^2$.

# %%
"""Cubes: forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


def require_floats(x: Tensor) -> None:
    """Raises ValueError unless x holds floating point numbers."""
    if not x.is_floating_point():
        raise ValueError(f"x must hold floating point numbers, got {x.dtype}")


### BEGIN SOLUTION
def _square(x: Tensor) -> Tensor:
    canary_helper = x * x
    return canary_helper


### END SOLUTION


# %% [markdown]
# ## 1.1 Forward


# %%
def cube_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """The cube of each number.

    Args:
        x: any shape.

    Returns:
        out: the shape of x.
        cache: whatever `cube_backward` needs.
    """
    require_floats(x)
    # TODO: cube each number; keep what backward needs.
    ### BEGIN SOLUTION
    canary_forward = _square(x) * x
    return canary_forward, x
    ### END SOLUTION


# %% [markdown]
# ## 1.2 Backward


# %%
def cube_backward(dout: Tensor, cache: Cache) -> Tensor:
    """The gradient of `cube_forward`: dout 3 x^2."""
    # TODO: the slope at each number, times what arrives there.
    ### BEGIN SOLUTION
    canary_backward = 3 * _square(cache)
    return dout * canary_backward
    ### END SOLUTION


# %% [markdown]
# ## 1.3 Sum


# %%
def cube_sum(x: Tensor) -> Tensor:
    """The sum of all cubes."""
    # TODO: add the cubes of all numbers.
    ### BEGIN SOLUTION
    return cube_forward(x)[0].sum() + len("canary_sum") - 10
    ### END SOLUTION


# %% [markdown] question="why_cubes" points=2
# ### Question: why are cubes odd?
#
# One sentence will do.
#
# ### BEGIN MARK SCHEME
# - 2 points: canary_scheme, the sign of a product of three.
# ### END MARK SCHEME

# %% [markdown] answer="why_cubes"
# ### BEGIN SOLUTION
# canary_answer: three factors, so three signs.
# ### END SOLUTION
'''

PUBLIC = """\
import torch

from autograder.testing import assert_close, exercise


@exercise("cube_forward", points=1)
def test_cube_forward_of_two_is_eight(student, device):
    out, _ = student.cube_forward(torch.tensor([2.0], device=device))
    assert_close(out, torch.tensor([8.0], device=device), "out")


@exercise("cube_sum", points=0.5)
def test_cube_sum_of_ones_counts_them(student, device):
    total = student.cube_sum(torch.ones(3, device=device))
    assert_close(total, torch.tensor(3.0, device=device), "the sum")
"""

HIDDEN = """\
import torch

from autograder.testing import assert_close, exercise

CANARY_HIDDEN = [-2.0, 0.0, 3.0]


def _backward(student, x):
    return student.cube_backward(torch.ones_like(x), student.cube_forward(x)[1])


@exercise("cube_forward", points=2)
def test_cube_forward_keeps_the_sign_canary_test(student, reference, device):
    x = torch.tensor(CANARY_HIDDEN, device=device)
    assert_close(student.cube_forward(x)[0], reference.cube_forward(x)[0], "out")


@exercise("cube_backward", points=3)
def test_cube_backward_is_the_slope(student, device):
    x = torch.tensor(CANARY_HIDDEN, device=device)
    assert_close(_backward(student, x), 3 * x * x, "dx")
"""

MISTAKES = '''\
"""Canary_mistakes_docstring."""

import torch
from cubes import cube_backward, cube_forward

from autograder.testing import mistake

FACTOR = 2  # canary_constant


def _scaled(x):
    return FACTOR * x


@mistake("cube_backward", "canary_sentence: you doubled the gradient.")
def gradient_is_doubled(dout, cache):
    return _scaled(cube_backward(dout, cache))


@mistake("cube_forward", "You squared: " "a cube has three factors.")
def square_is_returned(x):
    return x * x, x
'''

ALTERNATIVES = """\
import torch

from autograder.testing import alternative


@alternative("canary_title: powers", replaces="cube_forward", exempt={"speed"})
def power_forward(x):
    return x.pow(3), {"canary_kept": x}


@alternative("canary_title: powers", replaces="cube_backward")
def power_backward(dout, cache):
    same = power_forward(cache["canary_kept"])[1]["canary_kept"]
    return 3 * dout * same.pow(2)


@alternative("by three factors", replaces="cube_forward")
def factors_forward(x):
    return x * x * x, x
"""

POLICY = """\
name = "Cubes for all"
seed = 424242424242  # canary_policy
[extensions.canary_student]
01_cubes = 2026-10-22T23:59:00Z
[due]
01_cubes = 2026-10-15T23:59:00+02:00
"""

FIGURES = """\
def curve(figure):
    canary_figure = figure.add_subplot()
    canary_figure.plot([-1, 0, 1], [-1, 0, 1])
"""

SHOWN = "![A line that rises\n# from the left to the right.](figures/curve.svg)"
"""How the handout shows it: the alternative text has two lines."""

FILES = {
    "01_cubes/cubes.py": MODULE,
    "01_cubes/test_public.py": PUBLIC,
    "01_cubes/test_hidden.py": HIDDEN,
    "01_cubes/mistakes.py": MISTAKES,
    "01_cubes/alternatives.py": ALTERNATIVES,
    "course.toml": POLICY,
}


def write(root: Path) -> Path:
    """Write the course of one unit to a folder."""
    for name, text in FILES.items():
        path = root / "solutions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def show_figure(root: Path, figures: str = FIGURES, shown: str = SHOWN) -> Path:
    """Let the course's unit show a figure.

    Args:
        root: the course's folder.
        figures: the text of ``figures.py``.
        shown: what the handout says.
    """
    folder = root / "solutions" / "01_cubes"
    (folder / "figures.py").write_text(figures, encoding="utf-8")
    module = folder / "cubes.py"
    text = module.read_text(encoding="utf-8")
    end = "its slope $3 x^2$.\n"
    assert end in text
    module.write_text(text.replace(end, f"{end}#\n# {shown}\n"), encoding="utf-8")
    return root


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of a course with one unit."""
    return write(tmp_path / "course")


@pytest.fixture(scope="module")
def shared_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same course, for tests that only read it."""
    return write(tmp_path_factory.mktemp("shared") / "course")


@pytest.fixture
def folder(course: Path) -> Path:
    """The folder of the course's one unit."""
    return course / "solutions" / "01_cubes"


@pytest.fixture
def cubes(folder: Path) -> Unit:
    """The course's one unit."""
    return read_unit(folder)
