"""An exam out of its bytes.

A piece is decoded when somebody needs it; a submission that answers like the reference needs the
questions and the bytes of the answers only.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import msgpack

from autograder.course import Returns
from autograder.devices import DEVICES, Device
from autograder.exam.loading import LaterModule, LaterTests
from autograder.exam.prepared import ExampleSet, PreparedExample, PreparedTest, Rehearsed
from autograder.exam.scripts import Script
from autograder.exam.values import read_value
from autograder.supervisor import Batch, Expectation, Expected, ExpectedError
from autograder.testing import Answered, CallRecord, Reference, Student

HEAD = b"handgrad exam 1\n"
DIGEST = 32

S = TypeVar("S")
T = TypeVar("T")


class Damaged(Exception):
    """What should be an exam is none, or not a whole one."""


@dataclass(frozen=True)
class KnownMistake:
    """A known mistake, as far as naming it needs it."""

    name: str
    exercise: str
    sentence: str


@dataclass
class Exam:
    """A unit's tests, ready to be asked of submissions.

    Attributes:
        tests: in the order of their files.
        mistakes: the known mistakes; tests refer to them by number.
        seconds: for each function the longest that a call of it took the reference.
        student: the `student` fixture of all tests; its backend is the submission.
    """

    tests: list[PreparedTest]
    mistakes: tuple[KnownMistake, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    student: Student = field(default_factory=Student)


def read_exam(data: bytearray | memoryview) -> Exam:
    """The exam that `write_exam` wrote.

    Raises:
        Damaged: it is none, or not a whole one.
    """
    view = memoryview(data)
    begin = len(HEAD) + DIGEST
    if bytes(view[: len(HEAD)]) != HEAD:
        raise Damaged("it does not begin like an exam")
    if digest(view[begin:]) != bytes(view[len(HEAD) : begin]):
        raise Damaged("a part of it is missing or was changed")
    size = int.from_bytes(view[begin : begin + 8], "little")
    index = msgpack.unpackb(view[begin + 8 : begin + 8 + size], strict_map_key=False)
    return _Reading(index, view[begin + 8 + size :]).exam()


def digest(data: memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST).digest()


class _Reading:
    """An exam on its way out of its bytes."""

    def __init__(self, index: dict[str, Any], pieces: memoryview) -> None:
        self._index, self._pieces = index, pieces
        self._student = Student()
        reference = index["reference"]
        self._reference = (
            None
            if reference is None
            else Reference(LaterModule(Path(reference[0]).stem, reference[1], reference[0]))
        )
        self._files = [
            LaterTests(f"handgrad_tests_{Path(file).stem}", text, file)
            for file, text in index["files"]
        ]

    def exam(self) -> Exam:
        return Exam(
            [self._test(test) for test in self._index["tests"]],
            tuple(KnownMistake(*mistake) for mistake in self._index["mistakes"]),
            self._index["seconds"],
            self._student,
        )

    def piece(self, where: Sequence[int]) -> memoryview:
        return self._pieces[where[0] : where[0] + where[1]]

    def _test(self, told: dict[str, Any]) -> PreparedTest:
        device = DEVICES[told["device"]]
        return PreparedTest(
            **{name: told[name] for name in _COPIED},
            body=self._files[told["file"]].body(told["function"]),
            fixtures={n: self._fixture(n, where, device) for n, where in told["fixtures"].items()},
            graded=_StoredExamples(self, told["graded"], device, timed=told["speed"] is not None),
            smaller=[_StoredExamples(self, where, device) for where in told["smaller"]],
            rehearsed=Later(told["rehearsed"], lambda where: self._answers(where, device)),
        )

    def _fixture(self, name: str, where: Sequence[int] | None, device: Device) -> Any:
        if where is not None:
            return read_value(self.piece(where))
        return {
            "student": self._student,
            "reference": self._reference,
            "device": device.torch,
        }[name]

    def batch(self, told: Sequence[Any], device: Device) -> Batch:
        functions, returns, meta, payload = told
        return Batch(
            functions=tuple(functions),
            returns=tuple(map(_returns, returns)),
            device=device,
            callbacks=(),
            handles=(),
            meta=bytes(self.piece(meta)),
            payload=self.piece(payload),
        )

    def example(self, where: Sequence[int], device: Device) -> PreparedExample:
        inputs, answers, calls, spreads = read_value(self.piece(where), device)
        return PreparedExample(
            inputs,
            [Answered(*answer) for answer in answers],
            [
                CallRecord(name, args, kwargs, value, error=_RAISED if failed else None)
                for name, args, kwargs, value, failed in calls
            ],
            spreads=spreads,
        )

    def _answers(self, where: Sequence[int], device: Device) -> dict[int, list[Rehearsed]]:
        told = read_value(self.piece(where), device)
        return {number: [Rehearsed(*call) for call in made] for number, made in told.items()}


class _StoredExamples(ExampleSet):
    """Examples of which nothing is read before it is needed."""

    def __init__(
        self, reading: _Reading, where: Sequence[int], device: Device, *, timed: bool = False
    ) -> None:
        self._reading, self._where, self._device = reading, where, device
        self.timed = timed

    @functools.cached_property
    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = msgpack.unpackb(self._reading.piece(self._where))
        return told

    @functools.cached_property
    def examples(self) -> Sequence[PreparedExample]:  # type: ignore[override]
        return Later(
            self._told["examples"], lambda where: self._reading.example(where, self._device)
        )

    @functools.cached_property
    def script(self) -> Script:  # type: ignore[override]
        told = self._told
        return Script(
            None if told["batch"] is None else self._reading.batch(told["batch"], self._device),
            [None if s is None else range(*s) for s in told["spans"]],
            [self._expected(told) for told in told["expected"]],
            told["seconds"],
        )

    def _expected(self, told: Any) -> Expectation | None:
        if told is None:
            return None
        if len(told) == 2:
            return ExpectedError(*told)
        meta, payload, returns = told
        return Expected(meta, self._reading.piece(payload), _returns(returns))


_COPIED = (
    "name",
    "exercise",
    "points",
    "public",
    "device",
    "variant",
    "location",
    "speed",
    "refuses",
    "probe",
)
_RAISED = Exception("the reference raises here")


def _returns(told: Any) -> Returns:
    return tuple(told) if isinstance(told, list) else told


class Later(Sequence[T], Generic[S, T]):
    """A sequence whose items are made when they are first asked for, and kept.

    Args:
        sources: for each item what it is made of.
        make: makes an item.
    """

    def __init__(self, sources: Sequence[S], make: Callable[[S], T]) -> None:
        self._sources, self._make = sources, make
        self._made: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._sources)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        if index not in self._made:
            self._made[index] = self._make(self._sources[index])
        return self._made[index]
