"""Finding a relation between a submission's wrong answers and the right ones, in all tests."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from autograder.course import Unit, functions
from autograder.devices import CPU
from autograder.exam import FAILURES_KEPT, PreparedTest
from autograder.grading.conditions import Condition, Properties, properties
from autograder.grading.relations import Answer, Kinship
from autograder.grading.replay import FailedExample
from autograder.supervisor import Expected, expected_value
from autograder.testing import CallRecord


@dataclass(frozen=True)
class Names:
    """What a unit's functions call what they are given and what they return.

    Attributes:
        parameters: by function.
        results: by function; those of a function that returns one thing are one.
    """

    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    results: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, unit: Unit) -> Names:
        """Those of a unit's reference."""
        known = functions(ast.parse(unit.source_file.read_text(encoding="utf-8")))
        parameters = {
            name: [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
            for name, node in known.items()
        }
        return cls(parameters, {name: _returned(node) for name, node in known.items()})


def _returned(function: ast.FunctionDef) -> list[str]:
    """The names in a function's last return statement; ``result`` for what has none."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    if not returns:
        return []
    value = max(returns, key=lambda node: node.lineno).value
    if not isinstance(value, ast.Tuple):
        return [value.id if isinstance(value, ast.Name) else "result"]
    places = (*_PLACES, *[""] * len(value.elts))
    return [
        part.id if isinstance(part, ast.Name) else f"{place} result".strip()
        for place, part in zip(places, value.elts, strict=False)
    ]


_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass
class Kinships:
    """The wrong answers of one submission, by exercise.

    Of right answers only which they are is kept: they are the exam's.
    """

    names: Callable[[], Names]
    _found: dict[str, Kinship] = field(default_factory=dict)
    _right: dict[str, list[tuple[PreparedTest, int]]] = field(default_factory=dict)
    _wrong: dict[str, list[tuple[PreparedTest, int]]] = field(default_factory=dict)

    def look(self, test: PreparedTest, failures: Sequence[FailedExample]) -> None:
        """Look at what came of a test."""
        if test.place is not CPU:
            return
        kinship = self._found.setdefault(test.exercise, Kinship())
        wrong = {failed.position for failed in failures}
        for failed in failures:
            answers = list(self._answers(test, failed))
            for answer in answers:
                kinship.wrong(answer)
            kinship.unrelated = kinship.unrelated or not answers
        tried = len(test.examples)
        if len(failures) == FAILURES_KEPT:
            tried = max(failed.position or 0 for failed in failures) + 1
        passed = self._right.setdefault(test.exercise, [])
        passed += [(test, position) for position in range(tried) if position not in wrong]
        failing = self._wrong.setdefault(test.exercise, [])
        failing += [(test, position) for position in wrong if position is not None]

    def sentences(self, exercise: str) -> list[str]:
        """What is to be told of an exercise; nothing if no relation explains all that is wrong."""
        kinship = self._found.get(exercise, Kinship())
        names = self.names().results.get(exercise, ())
        if not kinship.sentences(names):
            return [told] if (told := self._condition(exercise).sentence()) else []
        for test, position in self._right.get(exercise, ()):
            for record, right in _known(test, position):
                if record.function == exercise:
                    sizes = self._sizes(record)
                    kinship.right(Answer(_parts(right), _parts(right), sizes))
        return kinship.sentences(names)

    def _condition(self, exercise: str) -> Condition:
        """The inputs of the tests that are failed on some."""
        wrong, right = self._wrong.get(exercise, []), self._right.get(exercise, [])
        both = {id(test) for test, _ in wrong} & {id(test) for test, _ in right}
        wrong = [(test, position) for test, position in wrong if id(test) in both]
        right = [(test, position) for test, position in right if id(test) in both]
        return Condition(self._properties(exercise, wrong), self._properties(exercise, right))

    def _properties(
        self, exercise: str, those: Iterable[tuple[PreparedTest, int]]
    ) -> list[Properties]:
        return [properties(self._arguments(exercise, *one)) for one in those]

    def _arguments(self, exercise: str, test: PreparedTest, position: int) -> list[tuple[str, Any]]:
        """What a function is given in an example: in its first call, if there are several."""
        for record in test.examples[position].calls:
            if record.function == exercise:
                names = self.names().parameters.get(exercise, ())
                return [*zip(names, record.args, strict=False), *record.kwargs.items()]
        return []

    def _answers(self, test: PreparedTest, failed: FailedExample) -> Iterator[Answer]:
        """The wrong answers of the exercise's own function on an input."""
        if failed.position is None:
            return
        for (known, right), came in zip(_known(test, failed.position), failed.calls, strict=False):
            if known.function != came.function or came.error is not None:
                return
            if came.function != test.exercise:
                continue
            if not _same_inputs((known.args, known.kwargs), (came.args, came.kwargs)):
                return
            answer = Answer(_parts(came.value), _parts(right), self._sizes(came))
            if not _equal(answer):
                yield answer

    def _sizes(self, record: CallRecord) -> dict[str, int]:
        sizes: dict[str, int] = {}
        names = self.names().parameters.get(record.function, ())
        for name, value in (*zip(names, record.args, strict=False), *record.kwargs.items()):
            if isinstance(value, Tensor):
                sizes |= {f"{name}.shape[{axis}]": size for axis, size in enumerate(value.shape)}
            elif type(value) is int:
                sizes[name] = value
        return sizes


def _known(test: PreparedTest, position: int) -> Iterator[tuple[CallRecord, Any]]:
    """The calls of an example and what is right, as far as that is known ahead."""
    script = test.graded.script
    span = script.span(position)
    if span is None:
        return
    for record, i in zip(test.examples[position].calls, span, strict=True):
        expected = script.expected[i]
        if not isinstance(expected, Expected):
            return
        yield record, expected_value(expected, test.place)


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _equal(answer: Answer) -> bool:
    """Whether a result is the right one, as far as it can be compared."""
    if len(answer.got) != len(answer.right):
        return False
    return all(
        got.shape == right.shape and got.dtype == right.dtype and torch.equal(got, right)
        for got, right in zip(answer.got, answer.right, strict=True)
        if isinstance(got, Tensor) and isinstance(right, Tensor)
    )


def _same_inputs(known: Any, came: Any) -> bool:
    """Whether two calls were given the same, but for what only who made it can read."""
    if isinstance(known, Tensor):
        return isinstance(came, Tensor) and torch.equal(known, came)
    if isinstance(known, (tuple, list)):
        return len(known) == len(came) and all(itertools.starmap(_same_inputs, _both(known, came)))
    if isinstance(known, dict):
        return list(known) == list(came) and all(
            _same_inputs(known[name], came[name]) for name in known
        )
    if known is None or isinstance(known, (bool, int, float, str, torch.dtype)):
        return bool(known == came)
    return True


def _both(known: Sequence[Any], came: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(known, came, strict=True)
