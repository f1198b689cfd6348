"""What a test will ask, known from its run on the reference, as one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from autograder.course import Returns
from autograder.devices import Device
from autograder.supervisor import (
    Batch,
    Call,
    EarlierResult,
    Expectation,
    encode_batch,
    expected_error,
    expected_reply,
)
from autograder.testing import CallRecord, map_tensors


class _Example(Protocol):
    @property
    def calls(self) -> list[CallRecord]: ...


@dataclass
class Script:
    """The questions of one test, ready to send.

    Attributes:
        batch: all of them, encoded.
        spans: for each example, where its calls stand in the batch; None where they cannot be
            asked ahead.
        expected: for each call the reply that the reference would send; None where that cannot be
            said, or where there was no reference to ask.
        seconds: for each call the processor time that it took the reference.
    """

    batch: Batch | None = None
    spans: list[range | None] = field(default_factory=list)
    expected: list[Expectation | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def span(self, position: int) -> range | None:
        """Where the calls of an example stand in the batch, if they are there."""
        return self.spans[position] if position < len(self.spans) else None


def script_of(
    examples: Sequence[_Example], returns: Mapping[str, Returns], device: Device
) -> Script:
    """What a test asks on its examples, as one batch.

    Args:
        examples: as they ran on the reference.
        returns: how each function's result travels.
        device: the test's.

    Raises:
        AnswerSent: what a call should answer stands among the arguments of a later one.
    """
    calls: list[Call] = []
    spans: list[range | None] = []
    expected: list[Expectation | None] = []
    seconds: list[float] = []
    for example in examples:
        planned = _plan(example, returns, len(calls))
        if planned is None:
            spans.append(None)
            continue
        spans.append(range(len(calls), len(calls) + len(planned)))
        calls += planned
        expected += [
            expected_error(record.error)
            if record.error is not None
            else expected_reply(record.value, record.changed, call.returns, device)
            for record, call in zip(example.calls, planned, strict=True)
        ]
        seconds += [record.seconds for record in example.calls]
    if not calls:
        return Script(None, spans)
    return Script(encode_batch(calls, device), spans, expected, seconds)


def _plan(example: _Example, returns: Mapping[str, Returns], offset: int) -> list[Call] | None:
    """The calls of one example; None if one of them cannot be known ahead."""
    planned: list[Call] = []
    results: list[tuple[Any, EarlierResult]] = []
    # Tensors that were arguments: where one is returned, it is not known which a test means.
    given: dict[int, Tensor] = {}
    deeper: set[int] = set()  # tensors of results that no placeholder stands for
    for record in example.calls:

        def ahead(value: Any) -> Any:
            """An argument as it is, or the placeholder of the result that it is."""
            for known, placeholder in results:
                if value is known:
                    return placeholder
            if isinstance(value, (tuple, list)):
                return type(value)(ahead(v) for v in value)
            if isinstance(value, dict):
                return {k: ahead(v) for k, v in value.items()}
            if id(value) in deeper or callable(value):  # noqa: B023 - called in this turn only
                raise _NotAhead
            return value

        parts = returns.get(record.function)
        try:
            args = tuple(ahead(a) for a in record.args)
            kwargs = {k: ahead(v) for k, v in record.kwargs.items()}
        except _NotAhead:
            return None
        planned.append(Call(record.function, args, kwargs, parts))
        arguments = tensors_of([record.args, record.kwargs])
        _require_no_answer(record.function, arguments, results, given)
        given |= {id(tensor): tensor for tensor in arguments}
        if record.error is not None:
            continue  # it is meant to raise
        whole = record.value if isinstance(record.value, tuple) and parts != "opaque" else None
        position = offset + len(planned) - 1
        for i, part in [(None, record.value)] if whole is None else enumerate(whole):
            kind = parts if i is None or parts is None else parts[i]
            if kind == "opaque":
                results.append((part, EarlierResult(position, i)))
            elif isinstance(part, Tensor) and id(part) not in given:
                results.append((part, EarlierResult(position, i, by_value=True)))
            else:
                deeper |= {id(tensor) for tensor in tensors_of(part)}
    return planned


class AnswerSent(Exception):
    """A test sends what one call should answer as an argument of a later one."""


def _require_no_answer(
    function: str,
    arguments: Sequence[Tensor],
    results: Sequence[tuple[Any, EarlierResult]],
    given: Mapping[int, Tensor],
) -> None:
    """Nothing that a worker is asked for reaches it before it has answered.

    Raises:
        AnswerSent: an argument is equal to what an earlier call of the same message returns.
    """
    for argument in arguments:
        for result, _ in results:
            if argument is result or not isinstance(result, Tensor) or not _same(argument, result):
                continue
            if not any(_stands_in(argument, known) for known in given.values()):
                raise AnswerSent(
                    f"it passes the answer that it expects to {function}: pass on what the student "
                    "returned, which is compared already"
                )


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal, and so are by no accident."""
    if a.shape != b.shape or a.dtype != b.dtype or a.numel() < 2 or not a.is_floating_point():
        return False
    flat = a.detach().flatten()
    return bool((flat != flat[0]).any()) and torch.equal(a.detach(), b.detach())


def _stands_in(a: Tensor, known: Tensor) -> bool:
    """Whether a tensor's numbers stand one after the other in another one: it is a part of it.

    The sum over a batch of one sample is that sample, which the test had before.
    """
    flat, whole = a.detach().flatten(), known.detach().flatten()
    if flat.dtype != whole.dtype or flat.numel() > whole.numel():
        return False
    return bool((whole.unfold(0, flat.numel(), 1) == flat).all(1).any())


class _NotAhead(Exception):
    """An argument lies deep in what was returned before, or is a function: known when asked."""


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors in a value, in order; one that stands twice comes twice."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(value, note)
    return found
