"""A device that tests run on, and the names of those there can be."""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder.errors import HandgradError

if TYPE_CHECKING:
    import torch

    from autograder.devices.simulation import Simulation


class DeviceError(HandgradError):
    """A device cannot be used; the sentence says why."""


@dataclass(frozen=True)
class Device:
    """One device that tests run on.

    Attributes:
        name: what settings, results and people call it.
        place: where its tensors are, in PyTorch's words.
        reach: where a tensor may be at all, beside the CPU.
        simulated: whether its tensors are on the CPU and only tagged.
    """

    name: str
    place: str
    reach: frozenset[str] = frozenset()
    simulated: bool = False

    @property
    def torch(self) -> torch.device:
        """What a test gets as `device`."""
        import torch

        return torch.device(self.place)

    def active(self) -> AbstractContextManager[object]:
        """Inside, code computes on this device. Needed by the simulated one only; may be nested."""
        return the_simulation() if self.simulated else contextlib.nullcontext()

    def paused(self) -> AbstractContextManager[object]:
        """Inside, while this device is active, tensors are the plain tensors that they are."""
        return the_simulation().paused() if self.simulated else contextlib.nullcontext()


CPU = Device("cpu", "cpu")
CUDA = Device("cuda", "cuda:0", frozenset({"cuda:0"}))
# Two devices, inputs on the second: code that says "cuda" or "cuda:0" is somewhere else.
SIMULATED = Device("cuda (simulated)", "cuda:1", frozenset({"cuda:0", "cuda:1"}), simulated=True)

VISIBLE = "CUDA_VISIBLE_DEVICES"  # the variable that says which GPUs a process may use

DEVICES = {device.name: device for device in (CPU, CUDA, SIMULATED)}


@functools.cache
def the_simulation() -> Simulation:
    """The simulated device of this process."""
    from autograder.devices.simulation import Simulation

    return Simulation(devices=len(SIMULATED.reach), files=noted_files())


@functools.cache
def noted_files() -> set[str]:
    """The files whose lines the simulation may name in its notes: the student's."""
    return set()
