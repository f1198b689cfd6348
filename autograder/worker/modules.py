"""A student's module, run cell by cell in one namespace."""

from __future__ import annotations
import __future__

import linecache
import sys
import types

from autograder.devices import Device

_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


class LoadedModule:
    """A student's module on one device.

    Attributes:
        device: what it computes on.
        module: its namespace.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.module = types.ModuleType("")
        self._futures = 0  # the ``from __future__`` imports that hold in it

    def run(self, module: str, label: str, first_line: int, source: str) -> None:
        """Run one cell; raises what it raises.

        Args:
            module: the module's name; another one than before begins anew.
            label: the name of the file or cell.
            first_line: where in the file called ``label`` the text begins.
            source: the text.
        """
        if module != self.module.__name__:
            # Dataclasses and the like look for their module here.
            self.module = sys.modules[module] = types.ModuleType(module)
        _remember_source(label, first_line, source)
        # As in a notebook: `from __future__ import annotations` holds for the cells after it.
        code = compile(
            "\n" * (first_line - 1) + source,
            label,
            "exec",
            flags=self._futures,
            dont_inherit=True,
        )
        self._futures |= code.co_flags & _FUTURES
        with self.device.active():
            exec(code, self.module.__dict__)


def _remember_source(label: str, first_line: int, source: str) -> None:
    """Let tracebacks show lines; cells of one file have the same label and fill it up."""
    known = linecache.cache.get(label)
    lines = list(known[2]) if known is not None and len(known) == 4 else []
    new = [line + "\n" for line in source.splitlines()]
    lines += ["\n"] * (first_line - 1 + len(new) - len(lines))
    lines[first_line - 1 : first_line - 1 + len(new)] = new
    linecache.cache[label] = (sum(map(len, lines)), None, lines, label)
