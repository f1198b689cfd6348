"""What a test will ask, known from its run on the reference."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from autograder.devices import CPU
from autograder.exam import script_of
from autograder.exam.scripts import AnswerSent
from autograder.supervisor import ExpectedError
from autograder.testing import CallRecord, Opaque
from autograder.worker import TO_WORKER, frames

X, Y = torch.ones(2), torch.full((2,), 7.0)


def asked(*calls: CallRecord, returns=None):
    """The script of a test that makes these calls, and the arguments that it sends."""
    script = script_of([SimpleNamespace(calls=list(calls))], returns or {}, CPU)
    if script.batch is None:
        return script, None
    _, _, packed = frames.unpack(script.batch.meta, TO_WORKER)
    return script, [frames.unpack(meta, TO_WORKER)[1] for meta, _ in packed]


def test_what_a_function_returned_is_passed_on_in_the_worker():
    script, (_, arguments) = asked(CallRecord("f", (X,), {}, Y), CallRecord("g", (Y, 2), {}, X))
    assert arguments == [["r", 0, None, True], 2]
    # An answer never stands among the questions.
    assert Y.numpy().tobytes() not in bytes(script.batch.payload)


def test_a_part_of_what_a_function_returned_is_passed_on():
    first = CallRecord("f", (X,), {}, (torch.zeros(1), Y, Opaque(0)))
    second = CallRecord("g", (Y, first.value[2]), {}, X)
    _, (_, arguments) = asked(first, second, returns={"f": ("value", "value", "opaque")})
    assert arguments == [["r", 0, 1, True], ["r", 0, 2, False]]


def test_an_input_that_the_reference_gives_back_may_be_meant_as_either():
    script, arguments = asked(CallRecord("f", (X,), {}, X), CallRecord("g", (X,), {}, Y))
    assert arguments is None
    assert script.spans == [None]


def test_what_lies_deeper_in_a_result_cannot_be_asked_ahead():
    script, arguments = asked(CallRecord("f", (X,), {}, {"y": Y}), CallRecord("g", (Y,), {}, X))
    assert arguments is None
    assert script.spans == [None]


def test_a_refusal_is_expected_as_the_reference_makes_it():
    class Own(ValueError):
        pass

    for error, expected in (
        (ValueError("x must have rank 1"), ExpectedError("ValueError", "x must have rank 1")),
        (Own("of the reference's own type"), None),
        (NotImplementedError("why is found out first"), None),
    ):
        script, _ = asked(CallRecord("f", (X,), {}, error=error))
        assert script.expected == [expected]


def test_an_answer_is_never_sent_before_it_was_given():
    first = CallRecord("step", (X,), {}, torch.tensor([1.0, 2.0]))
    again = CallRecord("step", (torch.tensor([1.0, 2.0]),), {}, Y)
    with pytest.raises(AnswerSent, match="passes the answer that it expects to step"):
        asked(first, again)
    # What was an argument before tells nothing, nor does what is everywhere the same.
    asked(CallRecord("step", (first.value.clone(),), {}, first.value), again)
    asked(CallRecord("step", (X,), {}, torch.zeros(2)), CallRecord("f", (torch.zeros(2),), {}, Y))
    # Nor does a part of an argument: the sum over a batch of one sample is that sample.
    batch = torch.tensor([[3.0, 1.0, 2.0]])
    asked(CallRecord("step", (batch,), {}, torch.tensor([1.0, 2.0])), again)
