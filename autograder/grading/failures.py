"""A failed test in words: its category, which everybody may know, and a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograder.devices import CPU
from autograder.grading import operators
from autograder.grading.advice import advice, is_about_placement
from autograder.grading.replay import Outcome
from autograder.results import Failure
from autograder.supervisor import Handle
from autograder.testing import (
    CallRecord,
    Case,
    Mismatch,
    Opaque,
    StudentStopped,
    describe,
    nothing_raised,
)


def failure_of(outcome: Outcome) -> Failure:
    """A failed test in words; its device is to be active.

    The category and the exception's type and line say nothing about hidden inputs; message,
    inputs and trace do, and a report decides who sees them.
    """
    assert outcome.smallest is not None
    error, calls = outcome.smallest.error, outcome.smallest.calls
    inputs = {name: describe(value) for name, value in _named(outcome.smallest.example.inputs)}
    last = calls[-1].function if calls else ""
    raised = bool(calls) and calls[-1].error is error
    if isinstance(error, Mismatch):
        return Failure(category=error.category, message=str(error), inputs=inputs)
    if isinstance(error, StudentStopped):
        return Failure(category=error.category, message=error.reason, inputs=inputs, function=last)
    if isinstance(error, NotImplementedError) and raised:
        # Student functions call one another: `conv2d_forward` may stop in an unwritten `im2col`.
        return Failure(
            category="not attempted",
            message=getattr(error, "message", str(error)),
            function=last,
            line=getattr(error, "line", ""),
        )
    operator = operators.operator_of(error) if raised else None
    if operator is not None:
        return Failure(
            category=operators.CATEGORY,
            message=operators.sentence(last, operator),
            function=last,
            operator=operator,
            line=getattr(error, "line", ""),
            trace=getattr(error, "trace", ""),
        )
    if raised:
        kind = getattr(error, "kind", type(error).__name__)
        told = str(getattr(error, "message", error))
        elsewhere = outcome.test.place is not CPU and is_about_placement(told)
        return Failure(
            category="wrong device" if elsewhere else "exception",
            message=f"{last} raised {kind}: {told}",
            exception=kind,
            line=getattr(error, "line", ""),
            trace=getattr(error, "trace", ""),
            inputs=inputs,
            function=last,
        )
    if isinstance(error, AssertionError):
        told = str(error).strip() or "the check does not hold"
        return Failure(category="wrong value", message=told, inputs=inputs)
    if isinstance(error, nothing_raised()):
        return Failure(category="no error raised", message=str(error), inputs=inputs)
    returned = ", ".join(describe(call.value, elements=0) for call in calls)
    return Failure(
        category="wrong type",
        message=f"The check could not use what was returned ({returned}): {error}",
        inputs=inputs,
    )


def advice_on(outcome: Outcome, failure: Failure, sources: Mapping[str, str]) -> str:
    """What to write instead, if the failure is one of placement; else whose cache was used, if any.

    Args:
        outcome: of the test.
        failure: the same in words.
        sources: the student's text, by label.
    """
    if outcome.smallest is None:
        return ""
    if failure.category != "wrong device":
        maker = _maker_of_cache(outcome.smallest.calls)
        known = failure.category in ("wrong value", "not finite", "exception")
        return f"It works on what your {maker} cached: see that too." if maker and known else ""
    called = [call.function for call in reversed(outcome.smallest.calls)]
    return advice(
        sources, failure.line, failure.message, dict.fromkeys(called), outcome.test.place.place
    )


def _maker_of_cache(calls: Sequence[CallRecord]) -> str:
    """The function that made what the last call was given to keep unread; empty if there is none.

    Only who wrote it knows what is in it: no test of the function that made it can look.
    """
    made = {
        id(part): record.function
        for record in calls
        for part in (record.value if isinstance(record.value, tuple) else (record.value,))
        if isinstance(part, (Handle, Opaque))
    }
    last = calls[-1] if calls else None
    given = (*last.args, *last.kwargs.values()) if last else ()
    found = (made[id(part)] for part in given if id(part) in made)
    return next((name for name in found if last and name != last.function), "")


def _named(inputs: dict[str, Any]) -> list[tuple[str, Any]]:
    """The drawn arguments by name, the fields of a case by their own names."""
    named: list[tuple[str, Any]] = []
    for name, value in inputs.items():
        named += vars(value).items() if isinstance(value, Case) else [(name, value)]
    return named
