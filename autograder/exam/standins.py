"""Stand-ins for what draws: a kept test is run on kept inputs, and hypothesis is long to import.

Decorators give the function back, strategies are never asked. Everything else is the real one.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping, Sequence
from typing import Any


class _Strategy:
    """A strategy that draws nothing, and whatever it is made of or made into."""

    def __getattr__(self, name: str) -> _Strategy:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> _Strategy:
        return self

    def __or__(self, other: object) -> _Strategy:
        return self


def _decorator(*args: Any, **kwargs: Any) -> Any:
    """Whatever it is given, it leaves the function that it decorates as it is."""
    return lambda function: function


_STRATEGY = _Strategy()
_OF_HYPOTHESIS = {
    "strategies": _STRATEGY,
    **dict.fromkeys(("example", "given", "seed", "settings"), _decorator),
}
_OURS = {
    **dict.fromkeys(("exercise", "given"), _decorator),
    **dict.fromkeys(("dtypes", "labels", "sizes", "tensors"), _STRATEGY),
}


class _Module:
    """A module, of which some names are stand-ins."""

    def __init__(self, name: str, names: Mapping[str, object]) -> None:
        self._name, self._names = name, names

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        return getattr(importlib.import_module(self._name), name)


def import_without_drawing(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """``__import__`` for a test file that will not draw anything."""
    wanted = set(fromlist or ())
    if name == "autograder.testing" and wanted:
        return _Module(name, _OURS)
    if name == "hypothesis" and wanted and wanted <= _OF_HYPOTHESIS.keys():
        return _Module(name, _OF_HYPOTHESIS)
    if name == "hypothesis.strategies" and wanted:
        return _STRATEGY
    return builtins.__import__(name, globals, locals, fromlist or (), level)
