"""The simulated machine: its devices, and which call of torch's interface is running."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.devices.notes import Notebook
from autograder.devices.tags import CPU, device_of, tag_all, tensors_in


@dataclass(frozen=True)
class Frame:
    """A call of torch's interface.

    Attributes:
        args: its positional arguments.
        kwargs: its arguments by name.
        target: the device that it asks for, if it does.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    target: torch.device | None

    def device(self) -> torch.device:
        """Where a tensor lies that the call makes out of nothing."""
        if self.target is not None:
            return self.target
        for tensor in tensors_in((*self.args, *self.kwargs.values())):
            device = device_of(tensor)
            if device != CPU:
                return device
        return CPU


@dataclass
class Machine:
    """A machine with simulated CUDA devices, as one thread sees it.

    Attributes:
        devices: how many it has.
        notebook: where legal but slow things are noted.
        current: the index of the device that ``"cuda"`` means.
        default: what ``torch.set_default_device`` was told.
        frame: the call of torch's interface that is running.
        hidden: whether that call's inner calls are hidden from the simulation's function mode.
        seen: that function mode.
    """

    devices: int
    notebook: Notebook
    current: int = 0
    default: torch.device | None = None
    frame: Frame | None = None
    hidden: bool = False
    seen: AbstractContextManager[Any] = field(default_factory=nullcontext)

    def real(self, device: torch.device) -> torch.device:
        """The device that really holds the data."""
        return CPU if device.type == "cuda" else device

    def resolve(self, device: Any) -> torch.device:
        """What the device argument of a call means: a name, an index or a ``torch.device``.

        Raises:
            RuntimeError: the machine has no such device.
        """
        if isinstance(device, int) and not isinstance(device, bool):
            device = torch.device("cuda", device)
        where: torch.device = torch.device(device)
        if where.type != "cuda":
            return CPU if where.type == "cpu" else where
        index = self.current if where.index is None else where.index
        if index >= self.devices:
            raise RuntimeError(
                "CUDA error: invalid device ordinal\n"
                "GPU device may be out of range, do you have enough GPUs?"
            )
        return torch.device("cuda", index)

    def default_device(self) -> torch.device:
        """Where a factory puts a tensor if it is not told."""
        return CPU if self.default is None else self.resolve(self.default)

    def call(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        target: torch.device | None = None,
    ) -> Any:
        """Run a call of torch's interface whose arguments C++ may see.

        Args:
            function: what was called.
            args: its positional arguments.
            kwargs: its arguments by name.
            target: where tensors lie that it makes out of nothing; None: where its tensors are.
        """
        before, hidden = self.frame, self.hidden
        self.frame, self.hidden = Frame(args, kwargs, target), True
        try:
            return function(*args, **kwargs)
        finally:
            self.frame, self.hidden = before, hidden

    def ask(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """`call`, for a function that makes a new tensor where ``device`` says.

        A generator has to belong to that device, or to that of the tensors where none is said.
        """
        device, generator = kwargs.get("device"), kwargs.get("generator")
        target = None if device is None else self.resolve(device)
        if isinstance(generator, torch.Generator):
            self._check_generator(generator, Frame(args, kwargs, target).device())
        if target is None:
            return self.call(function, args, kwargs)
        result = self.call(function, args, {**kwargs, "device": self.real(target)}, target)
        tag_all(result, target)
        return result

    @contextmanager
    def student_code(self) -> Iterator[None]:
        """Show calls to the simulation again, although a call of torch's interface is running."""
        if not self.hidden:
            yield
            return
        self.hidden = False
        try:
            with self.seen:
                yield
        finally:
            self.hidden = True

    def _check_generator(self, generator: torch.Generator, device: torch.device) -> None:
        if generator.device.type != device.type:
            raise RuntimeError(
                f"Expected a '{device.type}' device type for generator but found "
                f"'{generator.device.type}'"
            )


Handler = Callable[[Machine, Any, tuple[Any, ...], Mapping[str, Any]], Any]
"""What answers a call of torch's interface: the machine, the function and its arguments."""
