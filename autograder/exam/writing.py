"""An exam as bytes: a head, a digest of all that follows, an index, and pieces of data.

No pickle: reading an exam runs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgpack

from autograder.course import Returns
from autograder.devices import Device
from autograder.exam.exams import Drawn
from autograder.exam.prepared import ExampleSet, PreparedExample, Rehearsed, seconds_of
from autograder.exam.preparing import DrawnTest
from autograder.exam.reading import HEAD, digest
from autograder.exam.requests import ExamRequest
from autograder.exam.scripts import tensors_of
from autograder.exam.values import NotKeepable, write_value
from autograder.supervisor import Expectation, ExpectedError
from autograder.testing import CallRecord, Opaque

# Answers of the reference that are larger are computed again when a test asks for them.
_LARGEST_ANSWERS = 1 << 20


def write_exam(drawn: Drawn, request: ExamRequest) -> bytes:
    """An exam as bytes.

    Raises:
        NotKeepable: a test draws something that has no form in which it could be kept.
    """
    pieces = _Pieces()
    files = {file: file.read_text(encoding="utf-8") for file in request.test_files}
    source = request.unit.source_file
    index = {
        "files": [[f"{request.unit.name}/{file.name}", text] for file, text in files.items()],
        "reference": [source.name, source.read_text(encoding="utf-8")] if request.hidden else None,
        "mistakes": [[m.name, m.exercise, m.sentence] for m in drawn.mistakes],
        "seconds": seconds_of(drawn.tests),
        "tests": [_test(test, list(files).index(test.file), pieces, drawn) for test in drawn.tests],
    }
    packed = msgpack.packb(index)
    body = b"".join([len(packed).to_bytes(8, "little"), packed, *pieces.data])
    return b"".join([HEAD, digest(memoryview(body)), body])


class _Pieces:
    """Pieces of data, each found again by where it begins and how long it is."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self._end = 0

    def add(self, data: bytes | memoryview) -> list[int]:
        self.data.append(bytes(data))
        begin, self._end = self._end, self._end + len(data)
        return [begin, len(data)]


def _test(test: DrawnTest, file: int, pieces: _Pieces, drawn: Drawn) -> dict[str, Any]:
    fixtures = {
        name: pieces.add(write_value(value)) if name not in _OWN else None
        for name, value in test.fixtures.items()
    }
    return {
        "name": test.name,
        "exercise": test.exercise,
        "points": test.points,
        "public": test.public,
        "device": test.device,
        "variant": test.variant,
        "location": test.location,
        "speed": test.speed,
        "refuses": test.refuses,
        "probe": test.probe,
        "file": file,
        "function": test.function.__name__,
        "fixtures": fixtures,
        "graded": _examples(test.graded, test.place, pieces, drawn.returns),
        "smaller": [_examples(s, test.place, pieces, drawn.returns) for s in test.smaller],
        "rehearsed": [pieces.add(_answers(answers, test.place)) for answers in test.rehearsed],
    }


_OWN = frozenset({"student", "reference", "device"})


def _examples(
    those: ExampleSet, device: Device, pieces: _Pieces, returns: Mapping[str, Returns]
) -> list[int]:
    script = those.script
    written = [
        pieces.add(_example(example, device, returns, asked=script.span(i) is not None))
        for i, example in enumerate(those.examples)
    ]
    batch = script.batch
    told = {
        "examples": written,
        "spans": [None if s is None else [s.start, s.stop] for s in script.spans],
        "seconds": script.seconds,
        "expected": [_expected(e, pieces) for e in script.expected],
        "batch": None
        if batch is None
        else [batch.functions, batch.returns, pieces.add(batch.meta), pieces.add(batch.payload)],
    }
    return pieces.add(msgpack.packb(told))


def _expected(expected: Expectation | None, pieces: _Pieces) -> list[Any] | None:
    if isinstance(expected, ExpectedError):
        return [expected.kind, expected.message]
    if expected is None:
        return None
    return [expected.meta, pieces.add(expected.payload), expected.returns]


def _example(
    example: PreparedExample, device: Device, returns: Mapping[str, Returns], *, asked: bool
) -> bytes:
    """An example; its answers as far as they can be kept, its calls if they are asked ahead."""
    passed_on = {
        id(t) for record in example.calls for t in tensors_of([record.args, record.kwargs])
    }
    calls = [_call(record, returns, passed_on) for record in example.calls] if asked else []
    kept: list[list[Any]] = []
    for answer in example.answers:
        one = [answer.function, answer.args, answer.kwargs, answer.value]
        try:
            size = len(write_value(one, device))
        except NotKeepable:
            break  # from here on the reference is asked again
        if size > _LARGEST_ANSWERS:
            break
        kept.append(one)
    return write_value([example.inputs, kept, calls, example.spreads], device)


def _call(
    record: CallRecord, returns: Mapping[str, Returns], passed_on: Collection[int]
) -> list[Any]:
    """A call, of its result only what it is told apart by later: what is passed on of it."""

    def kept(value: Any, how: str | None) -> Any:
        return value if how == "opaque" or id(value) in passed_on else None

    parts, value = returns.get(record.function), record.value
    failed = record.error is not None
    if failed:
        value = None
    elif isinstance(parts, tuple):
        value = tuple(kept(v, how) for v, how in zip(value, parts, strict=True))
    elif parts is None and isinstance(value, tuple):
        value = tuple(kept(v, None) for v in value)
    else:
        value = kept(value, parts)
    return [record.function, record.args, record.kwargs, value, failed]


def _answers(answers: Mapping[int, Sequence[Rehearsed]], device: Device) -> bytes:
    told = {
        number: [[c.function, c.changed, _without_opaque(c.value), c.kind, c.message] for c in made]
        for number, made in answers.items()
    }
    try:
        return write_value(told, device)
    except NotKeepable:
        # One of them returns what cannot be kept, say a function: that one is not recognised.
        return write_value({n: m for n, m in told.items() if _is_keepable(m, device)}, device)


def _is_keepable(value: Any, device: Device) -> bool:
    try:
        write_value(value, device)
    except NotKeepable:
        return False
    return True


def _without_opaque(value: Any) -> Any:
    """The same result, all opaque values of which are one."""
    if isinstance(value, Opaque):
        return _SOMETHING
    if type(value) is tuple:
        return tuple(map(_without_opaque, value))
    return value


_SOMETHING = Opaque(None)
