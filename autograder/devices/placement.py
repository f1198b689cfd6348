"""Which operators accept tensors of several devices, and what PyTorch says when they do not.

Three kinds of checks exist in PyTorch, and each has its words:

- most operators have a generated check: all tensors on one device, numbers of no dimension too
  (``torchgen/dest/register_dispatch_key.py``, ``c10``'s ``common_device_check_failure``);
- pointwise operators leave it to the iterator over their operands, which accepts one number
  without dimension on the CPU among CUDA tensors (``TensorIterator.cpp``, ``compute_types``);
- indexing, masks, convolutions and a few others check by themselves.

`check` is asked only when the tensors of a call are on different devices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.devices.operators import ITERATED, NO_SCALARS, STRUCTURED
from autograder.devices.tags import CPU, device_of, tensors_in

Given = Mapping[str, Any]
"""The arguments of a call by name."""

SAME = "Expected all tensors to be on the same device, but "


@dataclass(frozen=True)
class Operand:
    """A tensor in a call of an operator.

    Attributes:
        name: of the operator's argument.
        tensor: the tensor.
        device: where it logically is.
        written: whether the operator changes it.
    """

    name: str
    tensor: Tensor
    device: torch.device
    written: bool

    @property
    def is_number(self) -> bool:
        """Whether it is a number without dimension on the CPU."""
        return self.device == CPU and self.tensor.dim() == 0


class Misplaced(Exception):
    """Why a call is refused, in PyTorch's words; becomes a RuntimeError of the student's."""


def check(operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device:
    """Does PyTorch accept this mixture of devices?

    Args:
        operator: an overload, e.g. ``torch.ops.aten.add.Tensor``.
        args: its positional arguments.
        kwargs: its arguments by name.

    Returns:
        The device of the results.

    Raises:
        Misplaced: it does not.
    """
    operands = _operands(operator, args, kwargs)
    name = operator._schema.name.rpartition("::")[2]
    root = name if name.startswith("__") else name.rstrip("_")
    rule = _RULES.get(root)
    if rule is not None:
        return rule(operands, _arguments(operator, args, kwargs))
    if root.startswith("_foreach_"):
        return _foreach(args, kwargs, name.endswith("_"))
    if root in _COPIES:
        return operands[0].device
    if root in ITERATED or root.strip("_") in ("lshift", "rshift", "ilshift", "irshift"):
        return _iterated(root, operands)
    return _checked(operands, root, name, operator._schema.overload_name)


def _arguments(operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    names = [argument.name for argument in operator._schema.arguments]
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def _operands(operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Operand]:
    found, given = [], _arguments(operator, args, kwargs)
    for argument in operator._schema.arguments:
        written = argument.alias_info is not None and argument.alias_info.is_write
        found += [
            Operand(argument.name, tensor, device_of(tensor), written)
            for tensor in tensors_in([given.get(argument.name)])
        ]
    return found


# Kinds of checks ----------------------------------------------------------------------------------


def _checked(operands: list[Operand], root: str, name: str, overload: str) -> torch.device:
    """The generated check: the first tensor's device is the common one."""
    common = operands[0].device
    for operand in operands:
        if operand.device != common:
            does, argument = _DONE_BY.get(root, (name, operand.name))
            method = does if does.rstrip("_") in STRUCTURED else f"{overload}_{does}"
            raise Misplaced(
                f"{SAME}got {argument} is on {operand.device}, different from other tensors "
                f"on {common} (when checking argument in method wrapper_CUDA_{method})"
            )
    return common


def _iterated(root: str, operands: list[Operand]) -> torch.device:
    first = operands[0]
    if root.startswith("logical_") and not any(operand.written for operand in operands):
        # Here the result is made on the first operand's device before the iterator looks.
        result = Operand("out", first.tensor, first.device, True)
        return _iterate([result, *operands], 1)
    outputs_first = sorted(operands, key=lambda operand: not operand.written)
    return _iterate(outputs_first, 0 if root in NO_SCALARS else 1)


def _iterate(operands: list[Operand], numbers: int) -> torch.device:
    """The iterator's check: the first device that is not the CPU is the common one.

    Args:
        operands: in the iterator's order, outputs first.
        numbers: how many numbers on the CPU it lets pass.
    """
    common = next((o.device for o in operands if o.device != CPU), CPU)
    left = numbers
    for operand in operands:
        if operand.device == common:
            continue
        if numbers and operand.is_number and not operand.written:
            if not left:
                raise Misplaced("Trying to pass too many CPU scalars to non-CPU kernel!")
            left -= 1
            continue
        raise Misplaced(f"{SAME}found at least two devices, {common} and {operand.device}!")
    return common


def _foreach(args: Sequence[Any], kwargs: Mapping[str, Any], in_place: bool) -> torch.device:
    """Operators over lists of tensors fall back to one call for each place in the lists."""
    lists = [tensors_in(v) for v in (*args, *kwargs.values()) if isinstance(v, (tuple, list))]
    for row in zip(*(tensors for tensors in lists if tensors), strict=False):
        devices = [device_of(tensor) for tensor in row]
        if len(set(devices)) > 1:
            _iterate(
                [
                    Operand("", tensor, device, in_place and i == 0)
                    for i, (tensor, device) in enumerate(zip(row, devices, strict=True))
                ],
                1,
            )
    return device_of(lists[0][0])


# Operators that check by themselves ---------------------------------------------------------------


def _index(operands: list[Operand], given: Given) -> torch.device:
    """Indices may be on the CPU: they are carried over."""
    home = operands[0].device
    if any(operand.device not in (CPU, home) for operand in operands[1:]):
        raise Misplaced(
            f"indices should be either on cpu or on the same device as the indexed tensor ({home})"
        )
    return home


def _index_put(operands: list[Operand], given: Given) -> torch.device:
    """Indices are carried over from anywhere, and so is a number; only values have to be there."""
    target = operands[0]
    for value in operands:
        if value.name != "values" or value.device == target.device or value.tensor.dim() == 0:
            continue
        indices = [operand for operand in operands if operand.name == "indices"]
        filled = value.tensor.numel() == 1 and value.device == CPU and not given.get("accumulate")
        if filled and all(
            index.tensor.dtype in (torch.bool, torch.uint8) and index.device == target.device
            for index in indices
        ):
            continue  # becomes masked_fill with a number
        if given.get("accumulate") and target.device != CPU:
            raise Misplaced(
                f"expected device {target.device} but got device {value.device} for value tensor"
            )
        _iterate([target, value], 0)
    return target.device


def _masked_fill(operands: list[Operand], given: Given) -> torch.device:
    home = operands[0].device
    for operand in operands[1:]:
        if operand.name == "mask" and operand.device != home:
            raise Misplaced(
                f"expected self and mask to be on the same device, but got mask on "
                f"{operand.device} and self on {home}"
            )
        if operand.name == "value" and operand.device != home and home == CPU:
            raise Misplaced("masked_fill_: Expected inputs to be on same device")
    return home


def _index_fill(operands: list[Operand], given: Given) -> torch.device:
    _iterate([operand for operand in operands if operand.name != "value"], 0)
    return operands[0].device


def _where(operands: list[Operand], given: Given) -> torch.device:
    """Numbers without dimension are carried over, from any device."""
    common = next((o.device for o in operands if o.device != CPU), CPU)
    _iterate([o for o in operands if o.device == common or o.tensor.dim() > 0], 0)
    return common


def _convolution(operands: list[Operand], given: Given) -> torch.device:
    """Compares the types first, which contain the kind of device but not its number."""
    image = operands[0]
    for i, other in enumerate(operands[1:], 2):
        if other.device.type != image.device.type:
            raise Misplaced(
                f"Input type ({_type_name(image)}) and {other.name} type ({_type_name(other)}) "
                "should be the same"
            )
        if other.device != image.device:
            raise Misplaced(
                f"Expected tensor for argument #1 'input' to have the same device as tensor for "
                f"argument #{i} '{other.name}'; but device {image.device.index} does not equal "
                f"{other.device.index} (while checking arguments for cudnn_convolution)"
            )
    return image.device


def _type_name(operand: Operand) -> str:
    """As in ``torch.cuda.FloatTensor``."""
    name = operand.tensor.detach().type().rpartition(".")[2]
    return f"torch.cuda.{name}" if operand.device.type == "cuda" else f"torch.{name}"


def _searchsorted(operands: list[Operand], given: Given) -> torch.device:
    boundaries = next(o for o in operands if o.name in ("sorted_sequence", "boundaries"))
    for operand in operands:
        if operand.name in ("self", "input") and operand.device != boundaries.device:
            raise Misplaced(
                "torch.searchsorted(): boundaries and input value tensors should have same device "
                f"type, but got boundaries tensor device type {boundaries.device} and input value "
                f"tensor device type {operand.device}"
            )
    return boundaries.device


_COPIES = frozenset(
    [
        "copy",
        "_copy_from",
        "fill",
        "set",
        "resize_as",
        "is_same_size",
        "lift",
        "lift_fresh",
        "slice_scatter",
        "select_scatter",
        "diagonal_scatter",
        "as_strided_scatter",
        "_efficientzerotensor",
        "_has_compatible_shallow_copy_type",
        "_pack_padded_sequence",
    ]
)
"""Operators that take the others from any device; the result is where the first tensor is."""

_DONE_BY = {"embedding": ("index_select", "index"), "stack": ("cat", "tensors")}
"""Operators that others do the work for, and the argument in which theirs arrives."""

_RULES: dict[str, Callable[[list[Operand], Given], torch.device]] = {
    "index": _index,
    "_unsafe_index": _index,
    "index_put": _index_put,
    "_index_put_impl": _index_put,
    "_unsafe_index_put": _index_put,
    "masked_fill": _masked_fill,
    "index_fill": _index_fill,
    "where": _where,
    "convolution": _convolution,
    "_convolution": _convolution,
    "convolution_backward": _convolution,
    "searchsorted": _searchsorted,
    "bucketize": _searchsorted,
}
