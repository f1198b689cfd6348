"""CUDA devices on a machine that has none: real values, simulated placement.

    >>> with Simulation(devices=2):
    ...     x = torch.zeros(3, device="cuda:1")
    ...     x + torch.ones(3)
    Traceback (most recent call last):
    RuntimeError: Expected all tensors to be on the same device, but found at least two devices, \
cuda:1 and cpu!

Tensors stay ordinary CPU tensors whose storage carries the logical device (`tags`). Two modes of
torch do the rest: one sees the calls of its interface (`calls`), one every operator (`operations`).
It is a check of placement and no more: numerics, speed, memory and streams are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

import torch

from autograder.devices.calls import Calls
from autograder.devices.notes import Note, Notebook
from autograder.devices.operations import Operations
from autograder.devices.patches import Patch, exchange, replacements
from autograder.devices.state import Machine
from autograder.devices.tags import unseen


class Simulation:
    """A simulated machine, for one thread. Outside of ``with`` it has no effect.

    Args:
        devices: how many CUDA devices the machine has.
        files: names of a student's files, as tracebacks show them, on which to take notes. The set
            may grow later.
    """

    def __init__(self, devices: int = 2, files: Set[str] = frozenset()) -> None:
        self._notebook = Notebook(files)
        self._machine = Machine(devices, self._notebook)
        self._calls: AbstractContextManager[object] = Calls(self._machine)
        self._operations: AbstractContextManager[object] = Operations(self._machine)
        self._machine.seen = self._calls
        self._entered = 0
        self._below = 0  # how many function modes there were before ours
        self._before: list[Patch] = []
        self._patches: list[Patch] = []
        self._cudnn = False

    def enter(self) -> Simulation:
        """Begin; may be nested."""
        self._entered += 1
        if self._entered > 1:
            return self
        if not self._patches:
            self._patches = replacements(self._machine)
        self._before = exchange(self._patches)
        # Code of torch that asks for cuDNN where a tensor says it is on CUDA would warn.
        self._cudnn = torch.backends.cudnn.enabled
        torch.backends.cudnn.enabled = False
        self._operations.__enter__()
        self._below = torch._C._len_torch_function_stack()
        self._calls.__enter__()
        return self

    def exit(self) -> None:
        """End what `enter` began."""
        self._entered -= 1
        if self._entered:
            return
        # A mode that the student's code entered and never left goes with ours.
        while torch._C._len_torch_function_stack() > self._below:
            torch._C._pop_torch_function_stack()
        self._operations.__exit__(None, None, None)
        torch.backends.cudnn.enabled = self._cudnn
        exchange(self._before)

    def __enter__(self) -> Simulation:
        return self.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.exit()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Code that runs inside is not simulated, e.g. a callback into the grader."""
        with unseen():
            yield

    @property
    def notes(self) -> list[Note]:
        """Where the student's code left the device, each line once."""
        return self._notebook.notes()

    def clear_notes(self) -> None:
        """Forget the notes so far."""
        self._notebook.clear()
