"""Several grading processes, and jobs handed to whichever is free."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

import msgspec

from autograder.classroom.messages import (
    Job,
    Orders,
    Ready,
    Reply,
    Task,
    decode,
    encode,
)
from autograder.classroom.starting import (
    GradingProcess,
    interrupts_remembered,
    launched,
    seeing_only,
    spawned,
)

# Preparing a unit and starting a process are not the submission's time.
GRACE_SECONDS = 180.0


@dataclass
class _Member:
    process: GradingProcess
    connection: Connection
    gpu: str = ""
    heard: bool = False
    job: Task | None = None
    deadline: float = 0.0


class _Waiting:
    """What is still to be done.

    The first job of a unit prepares it. Until it has, or has ended, no other of the unit is begun,
    but those of other units are: so no two processes prepare the same.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, deque[Task]] = {}
        for task in tasks:
            self._tasks.setdefault(task.unit, deque()).append(task)
        self._prepared: set[str] = set()
        self._busy: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._tasks.values()))

    def next(self) -> Task | None:
        """What can be done now; None if everything waits for a unit that is being prepared."""
        unit = next((unit for unit in self._tasks if unit not in self._busy), None)
        if unit is None:
            return None
        tasks = self._tasks[unit]
        task = tasks.popleft()
        if not tasks:
            del self._tasks[unit]
        if unit not in self._prepared:
            self._busy.add(unit)
        return task

    def ready(self, task: Task) -> None:
        """The unit of a task is prepared."""
        self._prepared.add(task.unit)
        self._busy.discard(task.unit)

    def ended(self, task: Task) -> None:
        """A task is done; if it came to nothing before its unit was prepared, the next one may."""
        self._busy.discard(task.unit)


class GradingProcesses:
    """Grading processes, started when there is something for them to do, ended together.

    One that dies or hangs is replaced; what it was doing gets a fault as its reply, so that no
    failure of the grader's own looks like a failure of the student.

    Args:
        orders: for each of them.
        most: how many at once.
        gpus: one for each process, as CUDA_VISIBLE_DEVICES names them; none to leave that alone.

    Attributes:
        most, gpus: the same.
    """

    def __init__(self, orders: Orders, most: int, gpus: Sequence[str] = ()) -> None:
        self._orders, self.most, self.gpus = orders, most, gpus
        self._members: list[_Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for member in self._members:
            member.connection.close()  # all at once: what is in the middle of a job goes on a while
        # Whoever presses Ctrl+C waits for nothing.
        patience = time.monotonic() + (5 if kind is None else 1)
        for member in self._members:
            _stop(member, max(0.0, patience - time.monotonic()))
        self._members = []

    def start(self) -> None:
        """Start one more: it imports torch while others do something else."""
        taken = {member.gpu for member in self._members}
        gpu = next((gpu for gpu in self.gpus if gpu not in taken), "")
        self._members.append(_start(self._orders, gpu))

    def run_jobs(
        self,
        jobs: Iterable[Job],
        job_seconds: float,
        on_told: Callable[[str], None] = lambda sentence: None,
    ) -> Iterator[tuple[Job, Reply]]:
        """Run jobs; replies come in the order in which they are done.

        Args:
            jobs: what to grade.
            job_seconds: how long a job may take, preparation aside.
            on_told: told of sentences for who runs the command.
        """
        for task, reply in self.run(jobs, job_seconds, on_told):
            assert isinstance(task, Job)
            yield task, reply

    def run(
        self,
        tasks: Iterable[Task],
        seconds: float = 0.0,
        on_told: Callable[[str], None] = lambda sentence: None,
    ) -> Iterator[tuple[Task, Reply]]:
        """Have tasks done; replies come in the order of their ends.

        Args:
            tasks: what to do.
            seconds: how long one may take, preparation aside.
            on_told: told of sentences for who runs the command.
        """
        waiting, members = _Waiting(tasks), self._members
        with interrupts_remembered() as look:
            yield from self._turns(waiting, members, seconds, on_told, look)

    def _turns(
        self,
        waiting: _Waiting,
        members: list[_Member],
        job_seconds: float,
        on_told: Callable[[str], None],
        look: Callable[[], None],
    ) -> Iterator[tuple[Task, Reply]]:
        while waiting or _busy(members):
            look()
            while waiting and len(members) < min(self.most, len(waiting) + _busy(members)):
                self.start()
            for member in members:
                if member.job is None and (task := waiting.next()):
                    _hand(member, task, job_seconds)
            ready = wait([m.connection for m in members if m.job], timeout=1.0)
            for member in list(members):
                if (job := member.job) is None:
                    continue
                if member.connection in ready:
                    reply, member.heard = _receive(member), True
                    if isinstance(reply, Ready):
                        waiting.ready(job)
                        if reply.told:
                            on_told(reply.told)
                        continue
                    broken = "" if reply else f"ended (exit code {member.process.exitcode})"
                elif time.monotonic() > member.deadline:
                    reply, broken = None, "hung"
                else:
                    continue
                member.job = None
                if reply is None:
                    number = job.number if isinstance(job, Job) else -1
                    reply = Reply(number=number, fault=f"The grading process {broken}.")
                if broken or reply.last:
                    members.remove(member)
                    _stop(member, patience=0 if broken else 5)
                waiting.ended(job)
                yield job, reply


def _busy(members: list[_Member]) -> int:
    return sum(member.job is not None for member in members)


def _start(orders: Orders, gpu: str) -> _Member:
    """Start a grading process and tell it what to grade with.

    On Linux it is the relative of its workers' zygote, so that torch is imported once for both. It
    is told nothing before that is forked: neither by its arguments nor by its environment.
    """
    ours, theirs = multiprocessing.Pipe()
    forks = sys.platform == "linux" and orders.worker in ("", "fork")
    with theirs, seeing_only(gpu):
        process = launched(theirs, orders.profile) if forks else spawned(theirs)
    member = _Member(process, ours, gpu)
    told = msgspec.structs.replace(orders, environment=dict(os.environ), folder=os.getcwd())
    with contextlib.suppress(OSError):  # it is gone: the next look finds the closed connection
        ours.send_bytes(encode(told))
    return member


def _hand(member: _Member, job: Task, seconds: float) -> None:
    member.job, member.deadline = job, time.monotonic() + seconds + GRACE_SECONDS
    try:
        member.connection.send_bytes(encode(job))
    except OSError:
        member.deadline = 0.0  # it is gone: the next look finds the closed connection


def _receive(member: _Member) -> Ready | Reply | None:
    """What it says; None if it is gone."""
    try:
        said: Ready | Reply = decode(member.connection.recv_bytes(), Ready | Reply)
    except (EOFError, OSError):
        member.process.join(5)
        return None
    return said


def _stop(member: _Member, patience: float = 5) -> None:
    member.connection.close()
    if member.heard or member.job is not None:  # otherwise it may still be importing torch
        member.process.join(patience)
    if member.process.is_alive():
        member.process.kill()
        member.process.join()
