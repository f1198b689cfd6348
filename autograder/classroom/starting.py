"""Starting a grading process: forked beside its workers' zygote where that is possible."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from types import FrameType
from typing import Protocol

from autograder.classroom.grading_process import serve
from autograder.devices import VISIBLE
from autograder.supervisor import launch


def launched(connection: Connection, profile: str) -> GradingProcess:
    """Start one that forks its workers' zygote when torch is imported, before it is told anything.

    Args:
        connection: its end of ours.
        profile: how its workers are confined.
    """
    with open(2, "wb", closefd=False) as errors:
        started = launch(
            "autograder.worker.prefork",
            *("autograder.classroom.grading_process", profile, "", str(connection.fileno())),
            stdin=subprocess.DEVNULL,
            printed=errors,
            folder="/",  # what it imports there must not know where we are
            descriptors=[connection.fileno()],
        )
    return LaunchedProcess(started)


def spawned(connection: Connection) -> GradingProcess:
    """Start one where there is no fork; it starts its workers one by one.

    Args:
        connection: its end of ours.
    """
    # Read by torch when it is imported: a grading process computes on one core, so that as many
    # as there are cores run side by side, and none starts threads.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(connection,), daemon=True)
    with _interrupts_held():
        process.start()
    return process


class GradingProcess(Protocol):
    """A grading process, however it was started."""

    @property
    def pid(self) -> int | None: ...

    @property
    def exitcode(self) -> int | None: ...

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool: ...

    def kill(self) -> None: ...


class LaunchedProcess:
    """A program that was started, as `multiprocessing` shows a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def exitcode(self) -> int | None:
        return self._process.poll()

    def join(self, timeout: float | None = None) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()


@contextlib.contextmanager
def seeing_only(gpu: str) -> Iterator[None]:
    """What is started inside uses this GPU and no other."""
    if not gpu:
        yield
        return
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = gpu
    try:
        yield
    finally:
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """What is started inside never hears Ctrl+C, which is for us; we hear it afterwards.

    A terminal sends it to every process at once.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: there it would be lost
        yield
        return
    resource_tracker.ensure_running()  # where it is started with a process, it lets signals in
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def interrupts_remembered() -> Iterator[Callable[[], None]]:
    """Ctrl+C as usual, and what to call now and then so that none is lost.

    Python raises `KeyboardInterrupt` wherever it is, and in a destructor nobody hears of it.

    Returns:
        Raises `KeyboardInterrupt` if somebody pressed Ctrl+C.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    usual, came = before, False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        usual(number, frame)

    def look() -> None:
        if came:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield look
    finally:
        signal.signal(signal.SIGINT, before)
