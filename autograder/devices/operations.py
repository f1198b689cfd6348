"""Every operator that runs: are its tensors on one device, and where is the result?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from autograder.devices.dispatch import DispatchMode
from autograder.devices.placement import Misplaced, check
from autograder.devices.state import Machine
from autograder.devices.tags import CPU, device_of, tag, tag_all, tensors_in

_FROM_DATA = frozenset({torch.ops.aten.lift_fresh.default, torch.ops.aten.lift.default})
_PACK = torch.ops.aten._pack_padded_sequence.default


class Operations(DispatchMode):
    """Compares the tags of each operator's tensors, and tags what comes out.

    Args:
        machine: the simulated machine.
    """

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        device = self._device(func, args, kwargs)
        result = func(*args, **kwargs)
        if device is not CPU and device != CPU:
            if isinstance(result, Tensor):
                tag(result, device)
            elif func is _PACK:
                tag(result[0], device)  # the sizes of the batches stay on the CPU
            else:
                tag_all(result, device)
        return result

    def _device(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
        tensors = tensors_in(args)
        if kwargs:
            tensors += tensors_in(kwargs.values())
        if not tensors or func in _FROM_DATA:
            frame = self._machine.frame
            return CPU if frame is None else frame.device()
        device = device_of(tensors[0])
        for tensor in tensors[1:]:
            if device_of(tensor) != device:
                try:
                    return check(func, args, kwargs)
                except Misplaced as refusal:
                    raise RuntimeError(str(refusal)) from None
        return device
