"""The logical device of a tensor: a tag on its storage.

In PyTorch the device is a property of the storage, so what shares a storage shares the tag: views,
``.data``, parameters, what autograd saves. An untagged storage is on the CPU.

    >>> x = placed(torch.zeros(2, 3), "cuda:1")
    >>> device_of(x.t()[0])
    device(type='cuda', index=1)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

V = TypeVar("V")

CPU = torch.device("cpu")
_TAG = "_handgrad_device"
_storage_of = Tensor.untyped_storage
# What reading the storage raises where there is none: sparse, functorch's and lazy tensors.
_NO_STORAGE = (RuntimeError, NotImplementedError, ValueError)


def device_of(tensor: Tensor) -> torch.device:
    """Where a tensor logically is, inside a simulation and outside of it."""
    try:
        return getattr(_storage_of(tensor), _TAG, CPU)
    except _NO_STORAGE:
        return _device_of_wrapped(tensor)


def tag(tensor: Tensor, device: torch.device) -> None:
    """Say where a tensor's storage is. A tensor without storage is left alone."""
    try:
        storage = _storage_of(tensor)
    except _NO_STORAGE:
        return
    if getattr(storage, _TAG, CPU) != device:
        setattr(storage, _TAG, device)


def tag_all(value: object, device: torch.device) -> None:
    """`tag` every tensor in a nest of tuples and lists."""
    if isinstance(value, Tensor):
        tag(value, device)
    elif isinstance(value, (tuple, list)):
        for part in value:
            tag_all(part, device)


def tensors_in(values: Iterable[object]) -> list[Tensor]:
    """The tensors among the arguments of a call, those in tuples and lists too, in order."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += tensors_in(value)
    return found


def placed(value: V, device: str | torch.device) -> V:
    """Say that the tensors of a value are on a device. Nothing is copied.

    Args:
        value: a tensor, or tuples, lists and dicts of tensors; anything else is left alone.
        device: where, with an index if it is a CUDA device; ``"cuda"`` alone is ``"cuda:0"``.

    Returns:
        The value itself. Data, strides and sharing are what they were.
    """
    where = torch.device(device)
    if where.type == "cuda" and where.index is None:
        where = torch.device("cuda", 0)
    with unseen():
        _place(value, where)
    return value


def plain(tensor: Tensor) -> Tensor:
    """The same numbers on the CPU, for comparing and encoding inside a simulation.

    Returns:
        A tensor on the CPU with the same shape, strides and offset, without autograd history. It
        shares memory with the argument only if that is on the CPU itself.
    """
    with unseen():
        bare = tensor.detach()
        if device_of(bare) == CPU:
            return bare
        copy = torch.empty(0, dtype=bare.dtype)
        # For the type checker: torch gives storages no types.
        storage: torch.UntypedStorage = bare.untyped_storage().clone()  # type: ignore[no-untyped-call]
        return copy.set_(storage, bare.storage_offset(), bare.shape, bare.stride())


@contextmanager
def unseen() -> Iterator[None]:
    """Nothing of what runs inside is seen by a simulation (or by any other mode of torch)."""
    with torch._C.DisableTorchFunction(), _disable_current_modes():
        yield


def _place(value: object, device: torch.device) -> None:
    if isinstance(value, Tensor):
        tag(value, device)
    elif isinstance(value, (tuple, list)):
        for part in value:
            _place(part, device)
    elif isinstance(value, dict):
        for part in value.values():
            _place(part, device)


def _device_of_wrapped(tensor: Any) -> torch.device:
    """Inside ``torch.func`` a tensor may be a wrapper around the one that has the storage."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
        try:
            return getattr(_storage_of(tensor), _TAG, CPU)
        except _NO_STORAGE:
            continue
    return CPU
