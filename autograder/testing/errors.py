"""What can go wrong in a student's code, as the tests see it."""

from __future__ import annotations

import builtins

_PLAIN = {
    name: cls
    for name, cls in vars(builtins).items()
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    and not issubclass(cls, (OSError, UnicodeError, Warning, BaseExceptionGroup))
}


class StudentError(Exception):
    """The student's code raised an exception.

    Attributes:
        kind: the name of the exception's type, e.g. ``"IndexError"``.
        message: its text. Written by the student's process: shown in public reports only.
        line: the line of the student's own file where it left that file, e.g. ``"layers.py:41"``.
        trace: the traceback's lines in the student's own file; public reports only.
    """

    def __init__(self, kind: str, message: str, line: str = "", trace: str = "") -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind, self.message, self.line, self.trace = kind, message, line, trace


class NotDefined(StudentError):
    """The student's module does not define the function: whatever it is asked, this is the answer.

    `student_error` makes one that is also the builtin exception that kept it from being defined, or
    a ``NotImplementedError``.
    """


class StudentStopped(BaseException):
    """The student's process did not answer: it hung, died, or broke the protocol.

    Not an ``Exception``, so that hypothesis neither retries nor shrinks it: a hang costs its
    deadline once.

    Attributes:
        category: ``"timeout"``, ``"crash"`` or ``"protocol"``.
        reason: a sentence for the student.
    """

    def __init__(self, category: str, reason: str) -> None:
        super().__init__(reason)
        self.category, self.reason = category, reason


def nothing_raised() -> type[BaseException]:
    """What `pytest.raises` raises where nothing was raised.

    pytest is imported only where that is asked: grading what is right does without.
    """
    import pytest

    return pytest.fail.Exception


def kind_of(error: BaseException | None) -> str:
    """The name of an exception's type, wherever it was raised; empty for none."""
    if error is None:
        return ""
    return error.kind if isinstance(error, StudentError) else type(error).__name__


def student_error(
    kind: str,
    message: str,
    line: str = "",
    trace: str = "",
    base: str = "",
    *,
    of: type[StudentError] = StudentError,
) -> StudentError:
    """A `StudentError` that is also an instance of the builtin exception it stands for.

    So ``pytest.raises(ValueError)`` means the same whether the student's code ran in this process
    or in another one.

    Args:
        kind: the name of the exception's type.
        message: its text.
        line: where it left the student's file.
        trace: its traceback within that file.
        base: the nearest builtin type it derives from (default: ``kind``).
        of: which kind of `StudentError`.

    Example:
        >>> isinstance(student_error("ValueError", "p must be below 1"), ValueError)
        True
    """
    plain = _PLAIN.get(base or kind)
    if plain is None:
        return of(kind, message, line, trace)
    cls = type(f"Student{plain.__name__}", (of, plain), {})
    error = cls(kind, message, line, trace)
    assert isinstance(error, StudentError)
    return error


def missing_again(missing: StudentError) -> StudentError:
    """Why a function is not defined, anew: what is raised twice keeps both tracebacks."""
    told = (missing.kind, missing.message, missing.line, missing.trace)
    if isinstance(missing, NotImplementedError):  # nobody wrote it; not: its file stopped so
        return student_error(*told, of=NotDefined)
    return NotDefined(*told)
