"""The devices that tests run on: `cpu`, `cuda` where there is one, `cuda (simulated)` where not.

- `Device` is one of them; grading, workers and the pytest plugin speak of devices by its name;
- `detection` finds out which of them this machine has, and why;
- `cuda` is what a process does to compute on a GPU;
- `simulation`, `tags`, `notes` are CUDA without a GPU: real values, and PyTorch's own errors where
  tensors of two devices meet.

Workers import this room, so it knows no secret and imports nothing of the others.
"""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from autograder.devices.simulation import Simulation


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


def available() -> list[str]:
    """The names of the devices that submissions are graded on here."""
    from autograder.devices.detection import detected

    return list(detected().devices)


def meant(name: str) -> Device:
    """The device that somebody means.

    Args:
        name: ``cpu``; ``cuda``: the real one if there is one, otherwise the simulated one;
            ``simulated`` or ``cuda (simulated)``.

    Raises:
        DeviceError: there is no such device here; the sentence says which there are.
    """
    from autograder.devices.detection import chosen

    return chosen(name)


class DeviceError(Exception):
    """A device cannot be used; the sentence says why."""
