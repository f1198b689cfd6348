"""Names that say which of a student's attempts a file or folder is."""

from __future__ import annotations

import re

from autograder.submissions.times import timestamp

_ATTEMPT = re.compile(r"(?:attempt|submission)[-_ ]?(\d{1,4})", re.IGNORECASE)


def attempt_folder(name: str) -> tuple[str | None, int] | None:
    """(time, number) of a folder or archive of one attempt inside a student's folder.

    Example:
        >>> attempt_folder("attempt_2"), attempt_folder("2026-10-01T12-00"), attempt_folder("hw")
        ((None, 2), ('2026-10-01T12:00:00', 0), None)
    """
    numbered = _ATTEMPT.fullmatch(name)
    if numbered:
        return None, int(numbered[1])
    when = timestamp(name)
    return (when, 0) if when else None


def split_attempt(name: str) -> tuple[str, str | None, int]:
    """Student, time and number of a name such as ``alice@2026-10-01T12-00`` or ``alice@2``.

    An ``@`` followed by anything else belongs to the name, as in an email address.

    Example:
        >>> split_attempt("ada@uni.edu@2"), split_attempt("ada@uni.edu")
        (('ada@uni.edu', None, 2), ('ada@uni.edu', None, 0))
    """
    student, at, rest = name.rpartition("@")
    if at and student:
        if re.fullmatch(r"\d{1,4}", rest):
            return student, None, int(rest)
        when = timestamp(rest)
        if when:
            return student, when, 0
    return name, None, 0
