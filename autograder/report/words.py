"""What a student is told about one test: the one place that knows what must stay hidden."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Sequence

from autograder.classroom import parse_moment
from autograder.results import ExerciseResult, Failure, Result, TestResult

CATEGORIES = {
    "wrong value": "a result has wrong values",
    "wrong shape": "a result has the wrong shape",
    "wrong dtype": "a result has the wrong dtype",
    "wrong device": "a result is on the wrong device",
    "wrong type": "a result has the wrong type",
    "wrong length": "the number of results is wrong",
    "not finite": "a result is not finite (inf or nan)",
    "autograd graph": "a result carries an autograd graph",
    "input changed": "an input or a cache was changed in place",
    "exception": "your code raised an exception",
    "no error raised": "an invalid argument was accepted",
    "timeout": "your code took too long",
    "crash": "your code ended its process",
    "protocol": "your code interfered with the grader's messages",
    "out of memory": "your code used more memory than the GPU has",
    "device failure": "your code made the GPU fail",
    "not attempted": "not written yet",
    "too slow": "right, but slower than it may be",
    "timing": "right, but its time could not be measured well",
    "forbidden operator": "your code used what this unit asks you to write yourself",
}

_STOPPED = frozenset({"timeout", "crash", "out of memory", "device failure"})

STATUS = {
    "full": "right",
    "partial": "partly right",
    "wrong": "not right yet",
    "not attempted": "not attempted",
    "blocked": "waits for another exercise",
    "to be marked": "will be marked by a person",
    "marked": "marked by a person",
}


def is_open(test: TestResult, result: Result, now: dt.datetime) -> bool:
    """Whether a student may see the message and the failing inputs of a test.

    Args:
        test: which.
        result: that it belongs to.
        now: the moment, with its time zone.
    """
    if test.visibility != "after due":
        return test.visibility == "public"
    closes = parse_moment(result.closes)
    return closes is not None and now > closes


def failure_told(test: TestResult, full: bool | None = None) -> str:
    """Why a test failed, as far as a student may know.

    Of a hidden test: the category, and of an exception its type and the line in the student's own
    file, and what to write there instead. No values, no message and no printed text: the student's
    code writes those, and could write the hidden inputs into them.

    Args:
        test: which.
        full: whether to tell all the same; by default of public tests only.
    """
    failure = test.failure
    if failure is None:
        return ""
    shown = test.visibility == "public" if full is None else full
    sentence = failure.message if shown else _category(failure)
    if test.device != "cpu":
        sentence = f"On {test.device}: {sentence}"
    if failure.advice:
        sentence += f"{chr(10) if shown else '. '}{failure.advice}"
    return sentence


def failures_to_tell(exercise: ExerciseResult) -> list[TestResult]:
    """The failed tests of an exercise that are worth telling.

    What fails on the CPU most often fails on a second device in the same way: then that says
    nothing new.
    """
    failed = [test for test in exercise.tests if test.failure is not None]
    known = {(_without_device(test), _kind(test)) for test in failed if test.device == "cpu"}
    stopped = {_without_device(test) for test in failed if test.device == "cpu"}
    return [
        test
        for test in failed
        if test.device == "cpu"
        or not (
            (_without_device(test), _kind(test)) in known
            or (test.status == "not run" and _without_device(test) in stopped)
        )
    ]


def _without_device(test: TestResult) -> str:
    name, _, parameters = test.name.partition("[")
    others = [part for part in parameters.rstrip("]").split("-") if part != test.device]
    return f"{test.visibility} {name} {others}"


def _kind(test: TestResult) -> tuple[str, str]:
    assert test.failure is not None
    return test.failure.category, test.failure.exception


def _category(failure: Failure) -> str:
    sentence = CATEGORIES.get(failure.category, "the check failed")
    if failure.exception:
        if failure.category == "wrong device":
            sentence = "tensors on different devices met"
        # A type of the student's own could be named after what it is to carry out.
        known = failure.exception if failure.exception in _EXCEPTIONS else "a type of its own"
        sentence += f" ({known}{_place(failure)})"
    elif failure.category in ("forbidden operator", "too slow", "timing"):
        return failure.message  # made by the grader, and names no input
    elif failure.category in _STOPPED and failure.function:
        sentence += f" (in {failure.function})"
    return sentence


_EXCEPTIONS = frozenset(
    name
    for name, cls in vars(builtins).items()
    if isinstance(cls, type) and issubclass(cls, BaseException)
)


def _place(failure: Failure) -> str:
    return f" at {failure.line}" if failure.line else ""


def counted(tests: Sequence[TestResult]) -> list[str]:
    """Failed hidden tests by what went wrong: their names would say what is tested.

    Example: ``["2 hidden tests: a result has wrong values"]``
    """
    counts: dict[str, int] = {}
    for test in tests:
        sentence = failure_told(test, full=False)
        counts[sentence] = counts.get(sentence, 0) + 1
    return [
        f"{count} hidden test{'s' if count > 1 else ''}: {sentence}"
        for sentence, count in counts.items()
    ]


def devices_told(result: Result) -> str:
    """The sentence that says on which devices was graded; empty for the CPU alone, as ever."""
    devices = result.run.devices
    if not devices or (devices == ["cpu"] and not result.run.devices_why):
        return ""
    text = f"Graded on {' and '.join(devices)}."
    if any("simulated" in device for device in devices):
        text += " The simulated device checks where tensors are; it is not a CUDA pass."
    elif devices == ["cpu"]:
        text += f" {result.run.devices_why}"
    return text


def building_on(exercise: ExerciseResult) -> str:
    """The sentence about exercises that this one builds on; empty if there is none to say."""
    if exercise.with_ours:
        names, one = " and ".join(exercise.with_ours), len(exercise.with_ours) == 1
        loses = "loses its points" if one else "lose their points"
        return f"Graded with our {names}, since yours {loses} there already."
    if not exercise.depends_on:
        return ""
    names = " and ".join(exercise.depends_on)
    return f"It builds on {names}, which also lost points: look there first."


def points_text(value: float | None) -> str:
    """Points without needless decimals; a dash while they are open.

    Example:
        >>> points_text(2.0), points_text(1.25), points_text(None)
        ('2', '1.25', '–')
    """
    return "–" if value is None else f"{value:g}"


def mark_text(result: Result) -> str:
    """The mark, ``31 / 40``, with what waits for a person."""
    text = f"{points_text(result.mark)} / {points_text(result.max_points)}"
    return f"{text} ({points_text(result.pending)} open)" if result.pending else text


def lateness_told(result: Result) -> str:
    """The sentence about coming late; empty if there is nothing to say."""
    if not result.late:
        return ""
    if not result.days_late:
        return "It came late."
    plural = "s" * (result.days_late > 1)
    text = f"It came up to {result.days_late} day{plural} late: due {result.due}, handed in "
    text += f"{result.submitted}."
    if result.points is None or result.resolution is not None or not result.penalty:
        return text
    lost = points_text(round(result.points - (result.mark or 0.0), 2))
    share = f"{100 * result.penalty:g}%"
    return (
        f"{text} Of {points_text(result.points)} points earned this takes {share}, {lost} points."
    )


def printable(text: str) -> str:
    """Text from outside without characters that a terminal or a page would obey.

    Control characters, escapes, and the marks that reverse or hide text become `?`.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
