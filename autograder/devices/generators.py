"""Random generators with a logical device."""

from __future__ import annotations

from typing import Any

import torch

_Original = torch.Generator


# The type checker knows no base class made by a call, and torch declares attributes here.
class _Kind(type(_Original)):  # type: ignore[misc]
    """Makes torch's own generators count as instances too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Original)


class Generator(_Original, metaclass=_Kind):
    """A generator of the CPU that says it belongs to a device.

    Args:
        device: where the tensors must be that it fills; an index is not checked, as in PyTorch.
    """

    _place: torch.device

    def __new__(cls, device: Any = "cpu") -> Generator:
        where = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
        on_cuda = where.type == "cuda"
        generator: Generator = _Original.__new__(cls, "cpu" if on_cuda else where)  # type: ignore[call-arg]
        generator._place = torch.device("cuda", where.index or 0) if on_cuda else where
        return generator

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it belongs."""
        return self._place

    def clone_state(self) -> Generator:
        """A generator of the same device that continues in the same way."""
        copy = Generator(self._place)
        copy.set_state(self.get_state())
        return copy
