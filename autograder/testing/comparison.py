"""Comparing what came with what was expected, so that a student can act on the difference.

The checks run from the plainest difference to the subtlest: type, shape, dtype, device, autograd
graph, finiteness, values. NaN never passes any of them.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from autograder.devices import unseen
from autograder.testing.cases import describe, header, numbers
from autograder.testing.tolerance import is_measuring, note, tolerance

SHOWN_ELEMENTS = 60


class Mismatch(AssertionError):
    """What the student's code returned is not what was expected.

    Attributes:
        category: in which way, e.g. ``"wrong shape"``. Says nothing about the inputs, so it may be
            shown to students for hidden tests too.
    """

    def __init__(self, category: str, message: str) -> None:
        super().__init__(message)
        self.category = category


def assert_close(
    got: Any, expected: Any, name: str, *, tol: float | None = None, floor: float = 1e-3
) -> None:
    """Fail unless `got` is `expected`: same type, shape, dtype and device, finite, and close.

    Close means |got - expected| <= tol * max(max|expected|, floor) for every element: relative to
    the largest element, so that cancellation in a small one is not called a mistake. Where a hidden
    test is graded, and its input is so badly conditioned that right answers lie further apart, it
    allows for that: see `autograder.testing.tolerance`.

    Args:
        got: what the student's function returned.
        expected: a tensor, a number, or a (nested) tuple or list of them. A tensor has the dtype
            and the device that the result must have.
        name: what to call it in the message, e.g. ``"dx"``.
        tol: relative tolerance; 1e-4 for float32, 1e-9 for float64, 0 for the other types.
        floor: the smallest magnitude that the tolerance is relative to. Lower it where results
            are tiny and their relative error matters.

    Raises:
        Mismatch: with a message that says shapes and dtypes first, then expected against got.

    Example:
        >>> assert_close(torch.ones(3), torch.ones(1, 3), "db")
        Traceback (most recent call last):
        autograder.testing.comparison.Mismatch: db has the wrong shape.
          expected: float32 (1, 3)
          got:      float32 (3,)
    """
    if isinstance(expected, Tensor):
        _close_tensors(got, expected, name, tol, floor)
    elif isinstance(expected, (tuple, list)):
        if not isinstance(got, (tuple, list)):
            raise Mismatch("wrong type", f"{name} is {describe(got)}; expected a tuple or list.")
        if len(got) != len(expected):
            raise Mismatch(
                "wrong length", f"{name} has {len(got)} entries; expected {len(expected)}."
            )
        for i, (g, e) in enumerate(zip(got, expected, strict=True)):
            assert_close(g, e, f"{name}[{i}]", tol=tol, floor=floor)
    elif isinstance(expected, float):
        _close_floats(got, expected, name, tol, floor)
    elif type(got) is not type(expected):
        raise Mismatch(
            "wrong type",
            f"{name} is {describe(got)}; expected the {type(expected).__name__} {expected!r}.",
        )
    elif got != expected:
        raise Mismatch("wrong value", f"{name} is {describe(got)}; expected {expected!r}.")


def assert_inputs_unchanged(student: Any) -> None:
    """Fail if a call in this test changed one of its arguments: an input, a cache, an old state.

    Args:
        student: the `student` fixture. It was told by the process in which the student's code
            runs, since a change made there is invisible from here.
    """
    for call in student.calls:
        if call.changed:
            what = ", ".join(call.changed)
            raise Mismatch(
                "input changed",
                f"{call.function} changed what it was given ({what}). Work on a copy, or use "
                "operations that make a new tensor.",
            )


def _close_tensors(got: Any, expected: Tensor, name: str, tol: float | None, floor: float) -> None:
    if not isinstance(got, Tensor):
        raise Mismatch(
            "wrong type", f"{name} is {describe(got)}; expected a tensor, {header(expected)}."
        )

    def differ(category: str, sentence: str) -> Mismatch:
        return Mismatch(
            category,
            f"{name} {sentence}\n  expected: {header(expected)}\n  got:      {header(got)}",
        )

    if got.shape != expected.shape:
        raise differ("wrong shape", "has the wrong shape.")
    if got.dtype != expected.dtype:
        raise differ("wrong dtype", "has the wrong dtype: results have the dtype of the inputs.")
    if got.device != expected.device:
        raise Mismatch(
            "wrong device",
            f"{name} is on the wrong device: results stay where the inputs are.\n"
            f"  expected: on {expected.device}\n  got:      on {got.device}",
        )
    if got.requires_grad:
        raise differ(
            "autograd graph", "carries an autograd graph; gradients here are written by hand."
        )
    if got.numel() == 0:
        return
    if got.device.type == "cpu":
        _close_values(got, expected, name, tol, floor)
        return
    # Every operation on another device costs more, simulated or not: the numbers are compared here.
    with unseen():
        _close_values(got.cpu(), expected.cpu(), name, tol, floor)


def _close_values(
    got: Tensor, expected: Tensor, name: str, tol: float | None, floor: float
) -> None:
    bound = tolerance(name, expected.dtype, tol)
    if is_measuring():
        note(name, _relative_error(got, expected, floor), bound)
        return
    if not got.is_floating_point() and not got.is_complex():
        wrong = got != expected
        if bool(wrong.any()):
            raise Mismatch("wrong value", _difference(name, got, expected, wrong))
        return

    error, largest = float((got - expected).abs().max()), float(expected.abs().max())
    # NaN, which infinities turn into too, compares false and goes the long way.
    if error <= bound * max(largest, floor) < math.inf:
        return
    finite = torch.isfinite(expected)
    lost = finite & ~torch.isfinite(got)
    if bool(lost.any()):
        raise Mismatch("not finite", _difference(name, got, expected, lost, "is not finite"))
    kept = expected[finite].abs()
    scale = max(float(kept.max()) if kept.numel() else 0.0, floor)
    # `<=` negated rather than `>`: NaN compares false, and must count as wrong.
    near = (got - expected).abs() <= bound * scale
    wrong = ~torch.where(finite, near, got == expected)
    if bool(wrong.any()):
        raise Mismatch("wrong value", _difference(name, got, expected, wrong))


def _close_floats(got: Any, expected: float, name: str, tol: float | None, floor: float) -> None:
    if type(got) is not float:
        raise Mismatch("wrong type", f"{name} is {describe(got)}; expected a float.")
    if math.isfinite(expected) and not math.isfinite(got):
        raise Mismatch("not finite", f"{name} is {got}; expected {expected:.6g}.")
    allowed = tolerance(name, torch.float64, tol)
    bound = allowed * max(abs(expected), floor)
    if is_measuring():
        pair = torch.tensor([got, expected], dtype=torch.float64)
        note(name, _relative_error(pair[0], pair[1], floor), allowed)
    elif not (got == expected or abs(got - expected) <= bound):
        raise Mismatch("wrong value", f"{name} is {got:.9g}; expected {expected:.9g}.")


def _relative_error(got: Tensor, expected: Tensor, floor: float) -> float:
    """The largest error, relative as the tolerance is; infinite where no tolerance would help."""
    if not got.is_floating_point() and not got.is_complex():
        return 0.0 if torch.equal(got, expected) else math.inf
    finite = torch.isfinite(expected)
    same = torch.where(finite, torch.isfinite(got), got == expected)
    if not bool(same.all()):
        return math.inf
    if not bool(finite.any()):
        return 0.0
    error = (got - expected)[finite].abs().max()
    return float(error) / max(float(expected[finite].abs().max()), floor)


def _difference(
    name: str, got: Tensor, expected: Tensor, wrong: Tensor, what: str = "has the wrong values"
) -> str:
    """The message of a wrong value: how much is wrong, the worst element, both tensors."""
    error = torch.nan_to_num((got.double() - expected.double()).abs(), nan=math.inf)
    worst = int(torch.where(wrong, error, torch.full_like(error, -1.0)).argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(worst), got.shape)]
    one_got, one_expected = got.flatten()[worst].item(), expected.flatten()[worst].item()
    lines = [
        f"{name} {what} in {int(wrong.sum())} of {wrong.numel()} elements; shape and dtype are "
        f"right ({header(expected)}).",
        f"  largest difference at {index}: expected {numbers(one_expected)}, "
        f"got {numbers(one_got)}",
    ]
    if got.numel() <= SHOWN_ELEMENTS:
        lines += [
            f"  expected: {numbers(expected.tolist())}",
            f"  got:      {numbers(got.tolist())}",
        ]
    return "\n".join(lines)
