"""What the grader is told about an exception of the student's code."""

from __future__ import annotations

import linecache
from collections.abc import Collection
from dataclasses import astuple, dataclass
from types import TracebackType

_LONGEST_MESSAGE = 2000
_LONGEST_LINE = 200
_MOST_FRAMES = 8


@dataclass(frozen=True)
class Failure:
    """An exception in words.

    Attributes:
        kind: its type's name.
        base: the nearest builtin type it derives from; empty if it stands for none.
        message: its text.
        line: ``"label:number"`` where it left the student's own code.
        trace: the frames in the student's own code, outermost first.
    """

    kind: str
    base: str = ""
    message: str = ""
    line: str = ""
    trace: str = ""

    def parts(self) -> list[str]:
        """As it travels."""
        return [str(part).encode(errors="replace").decode() for part in astuple(self)]


def describe_failure(error: BaseException, labels: Collection[str]) -> Failure:
    """Describe an exception.

    Args:
        error: the exception.
        labels: the file names under which the student's cells were compiled; frames of other
            files are left out.

    Returns:
        A description, whatever the exception's own methods do.
    """
    try:
        message = str(error)[:_LONGEST_MESSAGE]
    except BaseException:
        message = ""
    if isinstance(error, SystemExit):
        message = "your code called sys.exit() or exit()"
    elif isinstance(error, EOFError) and "reading a line" in message:
        message = "your code called input(), but nobody is there to answer"
    kind = str(type(error).__name__)[:100]
    base = next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins")
    try:
        frames = _frames(error.__traceback__, labels)
        if isinstance(error, SyntaxError) and error.filename in labels and error.lineno:
            frames.append((str(error.filename), error.lineno, ""))
    except BaseException:
        frames = []
    line = f"{frames[-1][0]}:{frames[-1][1]}" if frames else ""
    return Failure(kind, base, message, line, "\n".join(map(_show, frames[-_MOST_FRAMES:])))


def _frames(tb: TracebackType | None, labels: Collection[str]) -> list[tuple[str, int, str]]:
    frames = []
    while tb is not None:
        code = tb.tb_frame.f_code
        if code.co_filename in labels:
            frames.append((code.co_filename, tb.tb_lineno, code.co_name))
        tb = tb.tb_next
    return frames


def _show(frame: tuple[str, int, str]) -> str:
    label, number, function = frame
    where = f"{label}:{number}" + (
        f", in {function}" if function and function != "<module>" else ""
    )
    return f"{where}\n    {linecache.getline(label, number).strip()[:_LONGEST_LINE]}"
