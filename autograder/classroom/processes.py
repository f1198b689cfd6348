"""Several grading processes, and jobs handed to whichever is free."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Protocol

import msgspec

from autograder.classroom.grading_process import serve
from autograder.classroom.messages import Job, Orders, Reply, decode, encode
from autograder.devices import VISIBLE
from autograder.supervisor import launch

# Preparing a unit and starting a process are not the submission's time.
GRACE_SECONDS = 180.0


@dataclass
class _Member:
    process: GradingProcess
    connection: Connection
    gpu: str = ""
    job: Job | None = None
    deadline: float = 0.0


def run_jobs(
    jobs: Iterable[Job],
    orders: Orders,
    *,
    processes: int,
    job_seconds: float,
    gpus: Sequence[str] = (),
) -> Iterator[tuple[Job, Reply]]:
    """Run jobs in grading processes; replies come in the order in which they are done.

    A grading process that dies or hangs is replaced; its job's reply is a fault, so that no
    failure of the grader's own looks like a failure of the student.

    Args:
        jobs: what to grade.
        orders: for each process.
        processes: how many at once.
        job_seconds: how long a job may take, preparation aside.
        gpus: one for each process, as CUDA_VISIBLE_DEVICES names them; none to leave that alone.
    """
    waiting = list(reversed(list(jobs)))
    members: list[_Member] = []
    try:
        while waiting or any(m.job for m in members):
            while waiting and len(members) < min(processes, len(waiting) + _busy(members)):
                taken = {member.gpu for member in members}
                members.append(_start(orders, next((g for g in gpus if g not in taken), "")))
            for member in members:
                if member.job is None and waiting:
                    _hand(member, waiting.pop(), job_seconds)
            ready = wait([m.connection for m in members if m.job], timeout=1.0)
            for member in list(members):
                if member.job is None:
                    continue
                job = member.job
                broken = ""
                if member.connection in ready:
                    reply = _receive(member)
                    if reply is None:
                        broken = f"ended (exit code {member.process.exitcode})"
                elif time.monotonic() > member.deadline:
                    broken = "hung"
                else:
                    continue
                member.job = None
                if broken:
                    reply = Reply(number=job.number, fault=f"The grading process {broken}.")
                    members.remove(member)
                    _stop(member, patience=0)
                assert reply is not None
                if reply.last:
                    members.remove(member)
                    _stop(member)
                yield job, reply
    finally:
        for member in members:
            member.connection.close()  # all at once: what is in the middle of a job goes on a while
        patience = time.monotonic() + 5
        for member in members:
            _stop(member, max(0.0, patience - time.monotonic()))


def _busy(members: list[_Member]) -> int:
    return sum(member.job is not None for member in members)


def _start(orders: Orders, gpu: str) -> _Member:
    """Start a grading process and tell it what to grade with.

    On Linux it is the relative of its workers' zygote, so that torch is imported once for both. It
    is told nothing before that is forked: neither by its arguments nor by its environment.
    """
    ours, theirs = multiprocessing.Pipe()
    forks = sys.platform == "linux" and orders.worker in ("", "fork")
    with theirs, _seeing_only(gpu):
        process = _launched(theirs, orders.profile) if forks else _spawned(theirs)
    member = _Member(process, ours, gpu)
    told = msgspec.structs.replace(orders, environment=dict(os.environ), folder=os.getcwd())
    with contextlib.suppress(OSError):  # it is gone: the next look finds the closed connection
        ours.send_bytes(encode(told))
    return member


def _launched(connection: Connection, profile: str) -> GradingProcess:
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


def _spawned(connection: Connection) -> GradingProcess:
    # Read by torch when it is imported: a grading process computes on one core, so that as many
    # as there are cores run side by side, and none starts threads.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(connection,), daemon=True)
    with _interrupts_ignored():
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
def _seeing_only(gpu: str) -> Iterator[None]:
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
def _interrupts_ignored() -> Iterator[None]:
    """What is started inside ignores Ctrl+C from its first instruction on: it is for us to stop.

    A terminal sends it to every process at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _hand(member: _Member, job: Job, seconds: float) -> None:
    member.job, member.deadline = job, time.monotonic() + seconds + GRACE_SECONDS
    try:
        member.connection.send_bytes(encode(job))
    except OSError:
        member.deadline = 0.0  # it is gone: the next look finds the closed connection


def _receive(member: _Member) -> Reply | None:
    """Its reply; None if it is gone."""
    try:
        reply: Reply = decode(member.connection.recv_bytes(), Reply)
    except (EOFError, OSError):
        member.process.join(5)
        return None
    return reply


def _stop(member: _Member, patience: float = 5) -> None:
    member.connection.close()
    member.process.join(patience)
    if member.process.is_alive():
        member.process.kill()
        member.process.join()
