"""Forbidden operators as grading sees them: what is forbidden to a worker, and what a violation is.

The worker raises `ForbiddenOperator` in the student's call. That travels like any exception: the
student's process writes its text. So a name is believed only if PyTorch has such an operator.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import torch

from autograder.course import OPERATOR_GROUPS, group_of
from autograder.testing import StudentError
from autograder.worker import Ban

CATEGORY = "forbidden operator"

_KIND = "ForbiddenOperator"
_NAME = re.compile(r"(\w+(?:::|\.)[\w.]+) may not be used")


def ban_of(groups: Sequence[str]) -> Ban:
    """What a worker must forbid when a unit forbids these groups of `autograder.course.rules`."""
    return Ban(
        operators=tuple(part for name in groups for part in OPERATOR_GROUPS[name].operators),
        python=tuple(part for name in groups for part in OPERATOR_GROUPS[name].python),
        autograd="autograd" in groups,
    )


def operator_of(error: BaseException) -> str | None:
    """The forbidden operator whose call raised an error; None if it was raised by anything else.

    Args:
        error: what a call of the student's function raised.

    Returns:
        e.g. ``"aten::convolution"``; empty if it names none that PyTorch has.
    """
    if not isinstance(error, StudentError) or error.kind != _KIND:
        return None
    match = _NAME.match(error.message)
    return match[1] if match is not None and match[1] in _known() else ""


def sentence(function: str, operator: str) -> str:
    """What a student is told about a call of a forbidden operator.

    Example:
        >>> sentence("conv2d_forward", "aten::convolution")
        'conv2d_forward used aten::convolution (convolutions), which this unit asks you to write \
yourself.'
    """
    group = group_of(operator, OPERATOR_GROUPS)
    what = (
        f" ({OPERATOR_GROUPS[group].what})"
        if group is not None and operator not in _python()
        else ""
    )
    used = operator or "an operator"
    return f"{function} used {used}{what}, which this unit asks you to write yourself."


@functools.cache
def _known() -> frozenset[str]:
    """Every name that a worker can name."""
    operators = torch._C._dispatch_get_all_op_names()
    return frozenset(operators) | _python() | {"torch.jit", "torch.autograd"}


@functools.cache
def _python() -> frozenset[str]:
    return frozenset(name for group in OPERATOR_GROUPS.values() for name in group.python)
