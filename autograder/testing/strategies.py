"""What hidden and public tests draw their inputs from.

`tensors` knows how tensors lie in memory: the same values can be contiguous, permuted, sliced out
of something larger, or expanded with stride 0. Code that reshapes with `view`, or writes through
an expanded tensor, fails on those and only on those. The idea of drawing storage with the values
is minitorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import hypothesis
import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from torch import Tensor

LAYOUTS = ("contiguous", "permuted", "sliced", "expanded")
VALUES = ("normal", "integers", "ties", "positive", "uniform")

# Reproducible from the run's seed alone. No example database: one student's failure must not be
# replayed on the next. No deadline: the worker has one. Health checks judge the test writer's
# strategies on a machine that other people's code is running on.
PROFILE = settings(
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

F = TypeVar("F", bound=Callable[..., object])


def given(*, examples: int = 20, **strategies: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """`hypothesis.given` with this project's settings.

    Args:
        examples: how many inputs are drawn.
        **strategies: the test's drawn arguments, by name.
    """

    def decorate(function: F) -> F:
        drawn = hypothesis.given(**strategies)(cast(Callable[..., None], function))
        drawn = settings(PROFILE, max_examples=examples)(drawn)
        drawn.strategies = strategies  # type: ignore[attr-defined]
        return cast(F, drawn)

    return decorate


def sizes(min: int = 1, max: int = 5) -> st.SearchStrategy[int]:
    """One extent of a shape, `min` to `max`."""
    return st.integers(min, max)


def dtypes() -> st.SearchStrategy[torch.dtype]:
    """The two types every exercise supports."""
    return st.sampled_from([torch.float32, torch.float64])


def labels(n: int, classes: int) -> st.SearchStrategy[Tensor]:
    """Class indices: int64 (n,), each in [0, classes)."""
    return st.lists(st.integers(0, classes - 1), min_size=n, max_size=n).map(
        lambda y: torch.tensor(y, dtype=torch.int64)
    )


@st.composite
def tensors(
    draw: st.DrawFn,
    *shape: int,
    dtype: torch.dtype = torch.float64,
    values: str = "normal",
    layout: str = "contiguous",
    scale: float = 1.0,
) -> Tensor:
    """One tensor of the given shape.

    Args:
        *shape: its extents.
        dtype: its type.
        values: ``"normal"``; ``"integers"`` (-3 to 3, so that zeros and ties are likely);
            ``"ties"`` (0, 1 or 2); ``"positive"`` (0.5 and more); ``"uniform"`` (in [0, 1)).
        layout: one of `LAYOUTS`, or ``"any"`` to draw one. Code that is only wrong for some
            layouts should lose the points of one test, so ask for ``"any"`` there and only there.
        scale: factor on the values.

    Returns:
        A tensor on the CPU; the plugin moves it to the device under test. It shrinks to small
        signed integers in a contiguous tensor.
    """
    if values not in VALUES:
        raise ValueError(f"values must be one of {VALUES}, not {values!r}")
    seed = draw(st.integers(0, 2**16))
    if layout == "any":
        layout = draw(st.sampled_from(LAYOUTS))
    filled = _fill(shape, values, seed) * scale
    return lay_out(filled.to(dtype), layout, axis=seed)


def _fill(shape: tuple[int, ...], values: str, seed: int) -> Tensor:
    """float64 values; seed 0 is a pattern that a person can calculate with."""
    count = torch.Size(shape).numel()
    if seed == 0:
        k = torch.arange(count, dtype=torch.float64)
        flat = {
            "normal": (k % 3 + 1) * (1 - 2 * (k % 2)),  # 1, -2, 3, -1, 2, -3, ...
            "integers": (k + 1) % 4 - 1,  # 0, 1, 2, -1, ...
            "ties": k % 2,
            "positive": k % 5 + 1,
            "uniform": (3 * k + 1) % 8 / 8,
        }[values]
        return flat.reshape(shape)
    random = torch.Generator().manual_seed(seed)
    if values == "integers":
        return torch.randint(-3, 4, shape, generator=random).double()
    if values == "ties":
        return torch.randint(0, 3, shape, generator=random).double()
    if values == "uniform":
        # float32 draws: a float64 just below 1 would round up to 1 in float32.
        return (torch.rand(shape, generator=random) * (1 - 2**-24)).double()
    normal = torch.randn(shape, generator=random, dtype=torch.float64)
    return normal.abs() + 0.5 if values == "positive" else normal


def lay_out(tensor: Tensor, layout: str, *, axis: int = 0) -> Tensor:
    """The same shape in another memory layout.

    Args:
        tensor: contiguous values.
        layout: one of `LAYOUTS`. ``"expanded"`` repeats the first slice along one axis, so it is
            the one layout that changes values.
        axis: which axis is expanded, modulo the rank.
    """
    if layout == "contiguous" or tensor.dim() == 0:
        return tensor
    if layout == "permuted":
        reverse = tuple(reversed(range(tensor.dim())))
        return tensor.permute(reverse).contiguous().permute(reverse)
    if layout == "sliced":
        room = tensor.new_zeros(*tensor.shape[:-1], 2 * tensor.shape[-1] + 1)
        room[..., 1::2] = tensor
        return room[..., 1::2]
    if layout == "expanded":
        return tensor.narrow(axis % tensor.dim(), 0, 1).expand(tensor.shape)
    raise ValueError(f"layout must be 'any' or one of {LAYOUTS}, not {layout!r}")
