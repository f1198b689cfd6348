"""Which examples are worth running on the simulated device, where each operation costs more.

Where a tensor is made does not depend on its values, so a few examples say whether an exercise
places its tensors well: enough of them that every form of call which its tests make is made once,
and every line of the reference that they reach is reached once. If one of them fails, all tests of
the exercise run there, as they would on a real device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from torch import Tensor

from autograder.devices import DispatchMode
from autograder.exam.prepared import PreparedExample, PreparedTest
from autograder.testing import CallRecord, ModuleBackend, map_tensors

# What an example and a message to a worker cost, counted in operators.
EXAMPLE, MESSAGE = 100, 25
# So much dearer may an example be without a dimension of 0 or 1, over which a loop has no second
# turn.
DEGENERATE = 2


class Watch(DispatchMode):
    """A module as a backend that notes what a test makes it do.

    Args:
        backend: the module.

    Attributes:
        operators: how many a test took, its own included; the simulated device makes them slow.
        messages: how many would have come back from a worker: results, and calls of functions that
            were passed in.
        lines: of the module, that were reached.
    """

    def __init__(self, backend: ModuleBackend) -> None:
        super().__init__()
        self.operators = self.messages = 0
        self.lines: set[int] = set()
        self._backend = backend

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.operators += 1
        return func(*args, **(kwargs or {}))

    def call(self, record: CallRecord) -> None:
        """Answer as the module does."""
        self.messages += 1
        kwargs = {name: self._heard(value) for name, value in record.kwargs.items()}
        heard = replace(record, args=tuple(map(self._heard, record.args)), kwargs=kwargs)
        before = sys.gettrace()  # a debugger's, or a measurement's of coverage
        sys.settrace(self._trace)
        try:
            self._backend.call(heard)
        finally:
            sys.settrace(before)
        record.value, record.changed = heard.value, heard.changed

    def _heard(self, value: Any) -> Any:
        """A function that says when it is called; anything else as it is."""
        if not callable(value):
            return value

        def function(*args: Any, **kwargs: Any) -> Any:
            self.messages += 1
            return value(*args, **kwargs)

        return function

    def _trace(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        if frame.f_globals is not self._backend.module.__dict__:
            return None
        self.lines.add(frame.f_lineno)
        return self._trace


@dataclass
class _Candidate:
    """An example, with what it would show and what it would cost.

    Attributes:
        variant: of its test.
        position: among the test's examples.
        public: whether students have the test.
        forms: of its calls, and the lines of the reference that it reaches.
        cost: in operators.
    """

    variant: str
    position: int
    public: bool
    forms: set[object]
    cost: int


def probes(tests: Iterable[PreparedTest]) -> dict[str, list[int]]:
    """Examples that together show everything that is to be shown, for each exercise.

    Chosen greedily, as weighted set covers are (V. Chvatal, Mathematics of Operations Research 4
    (1979), 233-235): next comes what shows most that is new for its cost.

    Args:
        tests: as they ran on the CPU, with what they called on the reference.

    Returns:
        For each test's variant the positions of its examples.
    """
    by_exercise: dict[str, list[_Candidate]] = {}
    for test in tests:
        for position, example in enumerate(test.examples):
            if (found := _candidate(test, position, example)) is not None:
                by_exercise.setdefault(test.exercise, []).append(found)
    chosen: dict[str, list[int]] = {}
    for candidates in by_exercise.values():
        shown: set[object] = set()
        for public in (True, False):  # what a public test shows, students are told in full
            left = [c for c in candidates if c.public is public]
            while any(c.forms - shown for c in left):
                best = max(left, key=lambda c: len(c.forms - shown) / c.cost)
                chosen.setdefault(best.variant, []).append(best.position)
                shown |= best.forms
    return chosen


def _candidate(test: PreparedTest, position: int, example: PreparedExample) -> _Candidate | None:
    if any(call.error is not None for call in example.calls):
        return None  # it is refused before anything is computed
    if all(_is_plain((call.args, call.kwargs, call.value)) for call in example.calls):
        return None  # there is nothing that could be elsewhere
    tensors = [t for call in example.calls for t in _tensors((call.args, call.kwargs))]
    cost = EXAMPLE + MESSAGE * example.messages + example.operators
    if min((size for tensor in tensors for size in tensor.shape), default=2) < 2:
        cost *= DEGENERATE
    forms = {*_forms(example), *example.lines}
    return _Candidate(test.variant, position, test.public, forms, cost)


def count_elements(inputs: Any) -> int:
    """How much there is to look at in an input: its elements."""
    return sum(tensor.numel() for tensor in _tensors(inputs))


def _forms(example: PreparedExample) -> Iterator[object]:
    """What about the calls of an example may lead another way through a function."""
    for call in example.calls:
        yield (call.function, len(call.args))
        named = [*enumerate(call.args), *call.kwargs.items()]
        for name, value in named:
            yield (call.function, name, _kind(value))


def _kind(value: Any) -> object:
    if isinstance(value, Tensor):
        return ("tensor", value.dim() > 0, value.is_floating_point())
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, frozenset(map(_kind, value)))
    return type(value).__name__


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (bool, int, float, str))


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(value, note)
    return found
