"""Which examples are worth running on the simulated device, where each operation costs more.

Where a tensor is made does not depend on its values, so a few examples say whether an exercise
places its tensors well: enough of them that every form of call which its tests make is made once.
If one of them fails, all tests of the exercise run there, as they would on a real device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor

from autograder.testing.cases import map_tensors

if TYPE_CHECKING:
    from autograder.grading.prepare import Example, PreparedTest

Form = tuple[object, ...]
_Order = tuple[bool, bool, bool, int]

MANY_CALLS = 3


def probes(tests: Iterable[PreparedTest]) -> dict[str, list[int]]:
    """Examples that together make every form of call, for each exercise.

    Args:
        tests: as they ran on the CPU, with what they called on the reference.

    Returns:
        For each test's variant the positions of its examples. What takes many calls is avoided;
        public tests go first, so that students see at home what grading sees; then small inputs.
    """
    by_exercise: dict[str, list[tuple[_Order, str, int, set[Form]]]] = {}
    for test in tests:
        for position, example in enumerate(test.examples):
            if any(call.error is not None for call in example.calls):
                continue  # it is refused before anything is computed
            least, elements = _extent(example)
            long = len(example.calls) > MANY_CALLS
            order = (long, not test.public, least < 2, elements)
            made = set(_forms(example))
            by_exercise.setdefault(test.exercise, []).append((order, test.variant, position, made))
    chosen: dict[str, list[int]] = {}
    for candidates in by_exercise.values():
        open_forms = set().union(*(forms for *_, forms in candidates))
        for _, variant, position, forms in sorted(candidates, key=lambda c: c[0]):
            if forms & open_forms:
                chosen.setdefault(variant, []).append(position)
                open_forms -= forms
    return chosen


def elements(inputs: Any) -> int:
    """How much there is to look at in an input: its elements."""
    return sum(tensor.numel() for tensor in _tensors(inputs))


def _extent(example: Example) -> tuple[int, int]:
    """The smallest dimension of what is passed, and all its elements."""
    tensors = [t for call in example.calls for t in _tensors((call.args, call.kwargs))]
    dimensions = [size for tensor in tensors for size in tensor.shape]
    return min(dimensions, default=2), sum(tensor.numel() for tensor in tensors)


def _forms(example: Example) -> Iterator[Form]:
    """What about the calls of an example may lead another way through a function."""
    for call in example.calls:
        yield (call.function, len(call.args))
        named = [*enumerate(call.args), *call.kwargs.items()]
        for name, value in named:
            yield (call.function, name, _kind(value))


def _kind(value: Any) -> object:
    if isinstance(value, Tensor):
        return ("tensor", min(value.dim(), 1) + (value.dim() > 2), value.is_floating_point())
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, frozenset(map(_kind, value)))
    return type(value).__name__


def _tensors(value: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(value, note)
    return found
