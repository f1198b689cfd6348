"""The functions that a running notebook holds, as an implementation to test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from autograder.course import Returns
from autograder.devices import CPU, Device, noted_files, the_simulation
from autograder.grading.local import LocalBackend
from autograder.supervisor import Code


class LiveBackend(LocalBackend):
    """Calls the functions of a namespace, which stay where they are.

    Args:
        module: the name of the unit's module.
        namespace: where the functions are; read at each call, never written.
        returns: how each function's result travels.
        named: what the person at the notebook calls a file of code; None if it is not theirs.
        device: what they compute on.
    """

    def __init__(
        self,
        module: str,
        namespace: Mapping[str, Any],
        returns: Mapping[str, Returns],
        named: Callable[[str], str | None],
        device: Device = CPU,
    ) -> None:
        super().__init__(Code(module, ()), returns, device)
        self._module.__dict__.update(
            {name: namespace[name] for name in returns if callable(namespace.get(name))}
        )
        self._named = named

    def load(self) -> bool:
        """Everything is loaded: the cells were run by the person who wrote them."""
        if self.device.simulated:
            the_simulation().clear_notes()
        functions = self._module.__dict__.values()
        noted_files().update(code.co_filename for f in functions if (code := _code(f)))
        return True

    def named(self, file: str) -> str | None:
        """The notebook's name of a cell."""
        return self._named(file)


def _code(function: object) -> CodeType | None:
    return getattr(function, "__code__", None)
