"""What a student is told about one test: the one place that knows what must stay hidden."""

from __future__ import annotations

from autograder.grading.results import ExerciseResult, Failure, Result, TestResult

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
    "not attempted": "not written yet",
}

STATUS = {
    "full": "right",
    "partial": "partly right",
    "wrong": "not right yet",
    "not attempted": "not attempted",
    "blocked": "waits for another exercise",
    "to be marked": "will be marked by a person",
    "marked": "marked by a person",
}


def told(test: TestResult) -> str:
    """Why a test failed, in one sentence, as far as a student may know.

    Of a hidden test: the category, and of an exception its type and the line in the student's own
    file. No values, no message and no printed text: the student's code writes those, and could
    write the hidden inputs into them.
    """
    failure = test.failure
    if failure is None:
        return ""
    if test.visibility == "public":
        return failure.message
    sentence = CATEGORIES.get(failure.category, "the check failed")
    if failure.exception:
        sentence += f" ({failure.exception}{_place(failure)})"
    elif failure.category in ("timeout", "crash") and failure.function:
        sentence += f" (in {failure.function})"
    return sentence


def _place(failure: Failure) -> str:
    return f" at {failure.line}" if failure.line else ""


def blocked_by(exercise: ExerciseResult) -> str:
    """The sentence about exercises to look at first; empty if there are none."""
    if not exercise.depends_on:
        return ""
    names = " and ".join(exercise.depends_on)
    return f"It builds on {names}, which also lost points: look there first."


def points(value: float | None) -> str:
    """Points without needless decimals; a dash while they are open.

    Example:
        >>> points(2.0), points(1.25), points(None)
        ('2', '1.25', '–')
    """
    return "–" if value is None else f"{value:g}"


def total(result: Result) -> str:
    """``31 / 40``, with what waits for a person."""
    text = f"{points(result.points)} / {points(result.max_points)}"
    return f"{text} ({points(result.pending)} open)" if result.pending else text


def visible(text: str) -> str:
    """Text from outside without characters that a terminal or a page would obey.

    Control characters, escapes, and the marks that reverse or hide text become `?`.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
