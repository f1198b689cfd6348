"""What `student` and `reference` are: code under test, behind one attribute access.

A `Student` turns ``student.conv2d_forward(x, w, b)`` into a call of whatever implementation is
behind it: a module in this process, a worker process, an alternative, a mistake. It writes down
every call, which is what a diagnosis compares and what the unchanged-inputs check reads.

A `Reference` answers from memory when it is asked again what it was asked before: the reference's
results on an example are computed once, not once per submission.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor

from autograder.course import Returns
from autograder.testing.cases import copied
from autograder.worker import snapshot


@dataclass
class CallRecord:
    """One call of the code under test and what came of it.

    Attributes:
        function: its name.
        args: positional arguments, as the test passed them.
        kwargs: keyword arguments.
        value: what it returned; None if it raised.
        changed: which arguments the call changed, e.g. ``["args[0]"]``.
        error: what it raised, if it did.
        seconds: of this process's own time that it took, where that was measured.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any = None
    changed: list[str] = field(default_factory=list)
    error: BaseException | None = None
    seconds: float = 0.0


class Backend(Protocol):
    """An implementation of a unit's functions."""

    def call(self, record: CallRecord) -> None:
        """Call ``record.function``; fill in ``record.value`` and ``record.changed``, or raise."""


class Student:
    """The code under test: every attribute is a function of it.

    Attributes:
        backend: the implementation that answers.
        calls: what was called since the example began, in order.
    """

    def __init__(self, backend: Backend | None = None) -> None:
        self.backend = backend
        self.calls: list[CallRecord] = []

    def begin_example(self) -> None:
        """Forget the calls of the example before."""
        self.calls = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def function(*args: Any, **kwargs: Any) -> Any:
            if self.backend is None:
                raise RuntimeError("no implementation is being tested")
            record = CallRecord(name, args, kwargs)
            self.calls.append(record)
            try:
                self.backend.call(record)
            except BaseException as error:
                record.error = error
                raise
            return record.value

        function.__name__ = name
        return function


class Opaque:
    """A result that is its maker's business, like a cache: a test can only hand it back.

    What a `Handle` is when the code under test runs in another process.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "an opaque value"


class ModuleBackend:
    """A module in this process: the reference, a variant of it, or a student's own at home.

    Functions get copies of the arguments, as they would in another process: a test's inputs cannot
    be changed by what is tested. Exceptions pass through as they are, so that a debugger stops in
    the line that raised.

    Args:
        module: where the functions are.
        returns: for each function how its result travels (`autograder.course.calls.returns`).
        own: whether the module is our own; see `autograder.worker.snapshot`.
    """

    def __init__(
        self,
        module: ModuleType,
        returns: Mapping[str, Returns] | None = None,
        *,
        own: bool = False,
    ) -> None:
        self.module, self.returns, self.own = module, returns or {}, own

    def call(self, record: CallRecord) -> None:
        function = getattr(self.module, record.function, None)
        if function is None:
            raise NotImplementedError(
                f"there is no function {record.function} in {self.module.__name__}"
            )
        args, kwargs = _unwrap(copied((record.args, record.kwargs)))
        before = snapshot(args, kwargs, own=self.own)
        began = time.process_time()
        try:
            value = function(*args, **kwargs)
        finally:
            record.seconds = time.process_time() - began
        record.changed = before.changes()
        record.value = self._wrap(record.function, value)

    def _wrap(self, function: str, value: Any) -> Any:
        parts = self.returns.get(function)
        if parts is None:
            return value
        if parts == "opaque":
            return Opaque(value)
        if not isinstance(value, (tuple, list)) or len(value) != len(parts):
            came = (
                f"{len(value)} values" if isinstance(value, (tuple, list)) else type(value).__name__
            )
            raise TypeError(
                f"{function} should return a tuple of {len(parts)} values, but returned {came}"
            )
        return tuple(
            Opaque(v) if part == "opaque" else v for v, part in zip(value, parts, strict=True)
        )


def _unwrap(value: Any) -> Any:
    if isinstance(value, Opaque):
        return value.value
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrap(v) for v in value)
    if isinstance(value, dict):
        return {k: _unwrap(v) for k, v in value.items()}
    return value


@dataclass
class Answered:
    """A question the reference was asked, and its answer."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any


class Reference:
    """The reference implementation, remembering its answers to the current example.

    An answer is reused only when function and arguments are the ones it was asked with, bit for
    bit; so a question that depends on what the student returned is computed afresh.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._known: list[Answered] = []
        self._next = 0

    def begin_example(self, known: list[Answered]) -> None:
        """Start an example whose answers so far are `known`; new ones are appended to it."""
        self._known, self._next = known, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def ask(*args: Any, **kwargs: Any) -> Any:
            position, self._next = self._next, self._next + 1
            if position < len(self._known):
                known = self._known[position]
                if (
                    known.function == name
                    and same_value(known.args, args)
                    and same_value(known.kwargs, kwargs)
                ):
                    return known.value
                return getattr(self._module, name)(*args, **kwargs)
            value = getattr(self._module, name)(*args, **kwargs)
            self._known.append(Answered(name, args, kwargs, value))
            return value

        return ask


def same_value(a: Any, b: Any) -> bool:
    """Whether two arguments are interchangeable: identical, or equal bit for bit in every part."""
    if a is b:
        return True
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return (
            a.dtype == b.dtype
            and a.device == b.device
            and a.stride() == b.stride()
            and torch.equal(a, b)
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same_value, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same_value(a[k], b[k]) for k in a)
    return isinstance(a, (bool, int, float, str, torch.dtype)) and a == b
