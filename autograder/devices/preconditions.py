"""Functions of torch that check devices before any operator runs, each in words of its own.

What operators check is `autograder.devices.placement`'s.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from autograder.devices.state import Handler, Machine
from autograder.devices.tags import CPU, device_of


def _tensor_split(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    names = ("indices_or_sections", "tensor_indices_or_sections")
    where = args[1] if len(args) > 1 else next((kwargs[n] for n in names if n in kwargs), None)
    if isinstance(where, Tensor) and device_of(where) != CPU:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be on cpu, but it's on "
            f"{device_of(where)}"
        )
    return machine.call(func, args, kwargs)


def _pack_padded_sequence(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    lengths = args[1]
    if device_of(lengths) != CPU:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D "
            f"{device_of(lengths)} {lengths.type().rpartition('.')[2].replace('Tensor', ' tensor')}"
        )
    return machine.call(func, args, kwargs)


def _attention(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    names = ("query", "key", "value")
    given = dict(zip(names, args, strict=False)) | {n: kwargs[n] for n in names if n in kwargs}
    devices = {name: device_of(tensor) for name, tensor in given.items()}
    if len(set(devices.values())) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same device type, but got query.device: "
            f"{devices['query']} key.device: {devices['key']} and value.device: "
            f"{devices['value']} instead."
        )
    return machine.call(func, args, kwargs)


def _recurrent(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    """Layers of ``torch.nn``; for packed sequences the sizes of the batches come second."""
    packed = isinstance(args[1], Tensor) and isinstance(args[3], (tuple, list))
    device = device_of(args[0])
    for name, given in zip(("hidden", "parameter"), args[2:] if packed else args[1:], strict=False):
        for tensor in given if isinstance(given, (tuple, list)) else (given,):
            if device_of(tensor) != device:
                raise RuntimeError(
                    f"Input and {name} tensors are not at the same device, found input tensor at "
                    f"{device} and {name} tensor at {device_of(tensor)}"
                )
    return machine.call(func, args, kwargs)


PRECONDITIONS: dict[Any, Handler] = {
    torch.tensor_split: _tensor_split,
    Tensor.tensor_split: _tensor_split,
    torch._VF._pack_padded_sequence: _pack_padded_sequence,
    torch.nn.functional.scaled_dot_product_attention: _attention,
    torch.lstm: _recurrent,
    torch.gru: _recurrent,
    torch.rnn_tanh: _recurrent,
    torch.rnn_relu: _recurrent,
}
"""By function of torch, what looks at its arguments and then calls it."""
