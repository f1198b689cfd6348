"""Whether an attempt was late: our due date first, the download's word otherwise."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from autograder.grading.desk import late
from autograder.submissions import Attempt

DUE = dt.datetime(2026, 10, 15, 23, 59, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("when", "said", "due", "expected"),
    [
        ("2026-10-15T23:58:00+00:00", True, DUE, False),
        ("2026-10-16T00:00:00+00:00", False, DUE, True),
        ("2026-10-16T01:30:00+02:00", None, DUE, False),
        ("2026-10-16T00:00:00", True, DUE, True),  # no time zone: nothing to compare with
        ("yesterday", False, DUE, False),
        (None, True, DUE, True),
        ("2026-10-16T00:00:00+00:00", None, None, None),
    ],
)
def test_late_is_after_the_due_date(when, said, due, expected):
    attempt = Attempt("ada", "", "ada.py", when, 1, said, Path("ada.py"), ())
    assert late(attempt, due) is expected
