"""The end of a worker's process, and why it came."""

from __future__ import annotations

import signal
from typing import Protocol

from autograder.worker import Limits


class Process(Protocol):
    """A worker's process, however it was started."""

    def pid(self) -> int | None:
        """Its number, as this process counts; None if it is not known."""

    def ended_fd(self) -> int | None:
        """A descriptor that becomes readable when the process ends, if there is such a thing."""

    def end(self, patience: float) -> int | None:
        """Kill it after giving it time to end by itself; leave nothing of it behind.

        Returns:
            Its exit status (negative: the signal), or None if it had to be killed.
        """


def why_it_ended(status: int | None, where: str, limits: Limits) -> str:
    """A sentence, without the full stop, for the student whose code was running.

    Args:
        status: the exit status; negative: the signal; None if the process was still there.
        where: what was running, e.g. ``"linear_forward"``.
        limits: what it was allowed to use.
    """
    if status is None:
        return f"{where} closed the connection to the grader"
    if status >= 0:
        return f"{where} ended the Python process (exit status {status})"
    known = {
        "SIGSEGV": "stopped with a segmentation fault",
        "SIGBUS": "stopped with a bus error",
        "SIGFPE": "stopped with an arithmetic fault",
        "SIGABRT": "aborted the Python process; a reason may be that memory ran out "
        f"({limits.memory_mb} MB are allowed)",
        "SIGKILL": "was killed, most likely because it used too much memory",
        "SIGXCPU": f"used more than {limits.cpu_seconds} s of processor time",
        "SIGXFSZ": f"wrote a file of more than {limits.file_mb} MB",
    }
    for name, words in known.items():
        if getattr(signal, name, None) == -status:
            return f"{where} {words}"
    return f"{where} ended the Python process (signal {-status})"


def why_it_did_not_load(label: str, kind: str, line: str, message: str) -> str:
    """A sentence for the student whose file or cell raised when it was run, and what to do.

    Args:
        label: the file or cell.
        kind: the type of the exception.
        line: where, if that is known.
        message: what it said.
    """
    said = f": {message.rstrip('.')}" if message else ""
    where = f" at {line}" if line else ""
    advice = (
        "Restart the kernel and run all cells to see it"
        if ".ipynb[" in label
        else "Run the file by itself to see it"
    )
    return f"{label} stopped with {kind}{where}{said}. {advice}."
