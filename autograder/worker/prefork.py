"""One import of torch for a grading process and its zygote.

``python -I -m autograder.worker.prefork MODULE PROFILE WITHOUT ARGUMENT...`` is started with next
to nothing in its environment and knows nothing secret. It imports torch, forks the zygote of which
all workers are forks, and only then becomes what MODULE's `main` makes of it: a grading process,
which is told what to grade by messages.

So a worker's process never held a secret, although a grading process is its relative: what it
inherits is older than everything that the grading process knows.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import importlib
import signal
import socket
import sys
import tempfile
from types import FrameType
from typing import IO, NoReturn

from autograder.worker import confinement, process, zygote
from autograder.worker.forked import ForkedZygote

_CONTROL = 3  # the zygote's only descriptor but for the standard ones


def fork_zygote(profile: str, without: frozenset[str]) -> ForkedZygote:
    """Fork a zygote from this process as it is.

    Args:
        profile: how its workers are confined.
        without: layers of the confinement to leave off.

    Raises:
        RuntimeError: this process has threads, whose locks a fork would keep for ever.
    """
    if zygote.threads() != 1:
        raise RuntimeError(f"a zygote cannot be forked: {zygote.threads()} threads are running")
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    directory = tempfile.mkdtemp(prefix="handgrad-")
    errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by whoever ends the zygote
    pid = os.fork()
    if pid == 0:
        try:
            _become_zygote(theirs, directory, errors, profile, without)
        finally:
            process.end(1)
    theirs.close()
    return ForkedZygote(pid, control, directory, errors)


def _become_zygote(
    control: socket.socket,
    directory: str,
    errors: IO[bytes],
    profile: str,
    without: frozenset[str],
) -> NoReturn:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # a zygote has a parent of its own to follow
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(errors.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    os.dup2(control.fileno(), _CONTROL)
    os.closerange(_CONTROL + 1, 1 << 20)  # the way to whoever started this process among them
    sys.argv = [""]
    zygote.main(_CONTROL, directory, profile, without)


def _end_with(parent: int) -> None:
    """End when the parent does, also in the middle of a job that nobody waits for any more."""

    def parent_died(signum: int, frame: FrameType | None) -> None:
        # The kernel also sends this when only the thread ended that started us.
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGUSR1, parent_died)
    confinement.die_with(parent, signal.SIGUSR1)


def main(module: str, profile: str, without: frozenset[str], *arguments: str) -> None:
    """Import torch, fork the zygote, go on as the module says; end with whoever asked for it."""
    _end_with(os.getppid())
    process.warm_up()
    forked = fork_zygote(profile, without)
    importlib.import_module(module).main(forked, *arguments)
    process.end()  # what it took to import torch it would take to take it down again


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], frozenset(sys.argv[3].split(",")) - {""}, *sys.argv[4:])
