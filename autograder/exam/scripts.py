"""What a test will ask, known from its run on the reference, as one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.course import Returns
from autograder.exam.prepared import PreparedExample, PreparedTest
from autograder.supervisor import Batch, Call, EarlierResult, encode_batch
from autograder.testing import map_tensors


@dataclass
class Script:
    """The questions of one test, ready to send.

    Attributes:
        batch: all of them, encoded.
        spans: for each example, where its calls stand in the batch; None where they cannot be
            asked ahead.
    """

    batch: Batch | None
    spans: list[range | None]


def script_of(test: PreparedTest, returns: Mapping[str, Returns]) -> Script:
    """What `test` asks on its examples, as one batch."""
    calls: list[Call] = []
    spans: list[range | None] = []
    for example in test.examples:
        planned = _plan(example, returns, len(calls))
        spans.append(None if planned is None else range(len(calls), len(calls) + len(planned)))
        calls += planned or []
    return Script(encode_batch(calls, test.place) if calls else None, spans)


def _plan(
    example: PreparedExample, returns: Mapping[str, Returns], offset: int
) -> list[Call] | None:
    """The calls of one example; None if one of them cannot be known ahead."""
    planned: list[Call] = []
    opaque: list[tuple[Any, EarlierResult]] = []
    values: set[int] = set()
    for record in example.calls:

        def ahead(value: Any) -> Any:
            """An argument as it is, or the placeholder of the opaque result that it is."""
            for known, placeholder in opaque:
                if value is known:
                    return placeholder
            if isinstance(value, (tuple, list)):
                return type(value)(ahead(v) for v in value)
            if isinstance(value, dict):
                return {k: ahead(v) for k, v in value.items()}
            if id(value) in values or callable(value):  # noqa: B023 - called in this turn only
                raise _NotAhead
            return value

        parts = returns.get(record.function)
        try:
            args = tuple(ahead(a) for a in record.args)
            kwargs = {k: ahead(v) for k, v in record.kwargs.items()}
        except _NotAhead:
            return None
        planned.append(Call(record.function, args, kwargs, parts))
        if record.error is not None:
            continue  # it is meant to raise
        position = offset + len(planned) - 1
        if parts == "opaque":
            opaque.append((record.value, EarlierResult(position, None)))
        elif parts is None:
            values |= _tensor_ids(record.value)
        else:
            for i, (part, kind) in enumerate(zip(record.value, parts, strict=True)):
                if kind == "opaque":
                    opaque.append((part, EarlierResult(position, i)))
                else:
                    values |= _tensor_ids(part)
    return planned


class _NotAhead(Exception):
    """An argument is what the student returned before, or a function: known only when asked."""


def _tensor_ids(value: Any) -> set[int]:
    found: set[int] = set()

    def note(tensor: Tensor) -> Tensor:
        found.add(id(tensor))
        return tensor

    map_tensors(value, note)
    return found
