"""Whether an attempt was late, by how much, and what that costs."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from autograder.course import Late, Policy
from autograder.results import Result
from autograder.submissions import Attempt

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Lateness:
    """What is to be said of the moment of an attempt.

    Attributes:
        late: whether it was late; None if nobody knows.
        days: how many days after the due date had begun; 0 if on time or unknown.
        penalty: the share of the points that it costs, 0 to 1.
    """

    late: bool | None
    days: int = 0
    penalty: float = 0.0


def lateness(attempt: Attempt, due: dt.datetime | None, rule: Late) -> Lateness:
    """How late an attempt came: by our due date, or by the download's word.

    A day is 24 hours from the due date, whatever the clocks do, and counts when it has begun. At
    the due date, and within the grace after it, an attempt is on time. The download's word says
    that something was late but not by how much, so it costs nothing by itself.

    Example:
        >>> due = dt.datetime(2026, 10, 15, 23, 59, tzinfo=dt.UTC)
        >>> rule = Late(per_day=0.1, grace_minutes=15, at_most=0.5)
        >>> from pathlib import Path
        >>> when = "2026-10-17T02:00:00+02:00"
        >>> lateness(Attempt("ada", "", "ada", when, 1, None, Path("ada"), ()), due, rule)
        Lateness(late=True, days=2, penalty=0.2)

    Args:
        attempt: when it came, if the download says so with a time zone.
        due: for this student; None if there is no date.
        rule: what lateness costs.
    """
    came = parse_moment(attempt.when)
    if due is None or came is None:
        return Lateness(attempt.late)
    by = came - due.astimezone(dt.UTC)
    if by <= dt.timedelta(minutes=rule.grace_minutes):
        return Lateness(False)
    days = math.ceil(by / _DAY)
    if rule.cutoff_days is not None and by > rule.cutoff_days * _DAY:
        return Lateness(True, days, 1.0)
    return Lateness(True, days, round(min(rule.at_most, rule.per_day * days), 6))


def parse_moment(text: str | None) -> dt.datetime | None:
    """An ISO 8601 moment in UTC; None if it is not one, or names no time zone."""
    try:
        when = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if when.tzinfo is None else when.astimezone(dt.UTC)


def with_lateness(result: Result, attempt: Attempt, policy: Policy) -> Result:
    """The result with what the course's dates make of it.

    Apart from grading, because it may change without it: an extension is granted after the fact.

    Args:
        result: as graded.
        attempt: that it is of.
        policy: the dates, and what students see of hidden tests.
    """
    due = policy.due_for(attempt.student, result.unit)
    closes = policy.closes(result.unit)
    here = lateness(attempt, due, policy.late)
    if result.status == "missing":
        here = Lateness(None)
    shown = "after due" if policy.show_hidden == "after due" else "hidden"
    exercises = [
        msgspec.structs.replace(
            exercise,
            tests=[
                test
                if test.visibility in ("public", shown)
                else msgspec.structs.replace(test, visibility=shown)
                for test in exercise.tests
            ],
        )
        for exercise in result.exercises
    ]
    return msgspec.structs.replace(
        result,
        submitted=attempt.when or "",
        due=due.isoformat() if due else "",
        closes=closes.isoformat() if closes else "",
        late=here.late,
        days_late=here.days,
        penalty=here.penalty,
        exercises=exercises,
    )


def unmeasured_lateness(results: Sequence[Result], rule: Late) -> str:
    """The sentence about work of which nobody knows how late it came; empty if there is none.

    Args:
        results: of a class.
        rule: what lateness costs.
    """
    if not rule.costs:
        return ""
    names = sorted(
        {
            r.student
            for r in results
            if (r.late and not r.days_late)
            or (r.due and r.submitted and not parse_moment(r.submitted))
        }
    )
    if not names:
        return ""
    some = ", ".join(names[:10]) + " and others" * (len(names) > 10)
    return (
        f"How late the work of {some} came is not known: the download gives no moment with a time "
        "zone, or course.toml no date. Nothing was taken off; `autograder resolve` does it by hand."
    )
