"""Forking workers, each into a process namespace of its own where the system allows that.

The first process of such a namespace is special: the kernel drops signals for it that would end
another, so a worker's own abort or a limit's signal could not say why it ended. A small process of
ours is that first one. It waits for the worker, says how it ended, and is what the grader kills;
the kernel ends everything in the namespace with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn

from autograder.worker import kernel, namespaces
from autograder.worker.kernel import CLONE_NEWPID, die_with_parent

OFF = "off"


@dataclass
class _Child:
    fd: int  # of the process
    status: int | None  # where the first process of its namespace says how the worker ended


class ChildProcesses:
    """The workers of this process.

    Args:
        without: layers to leave off.

    Attributes:
        layers: which of the layers that are made here, ``user`` and ``pids``, hold.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self._children: dict[int, _Child] = {}
        self._own: int | None = None  # our own process namespace, to come back to
        self.layers: dict[str, str] = {}
        # A process namespace of our own, which our user namespace owns, is one to come back to.
        self.layers["user"] = _enter_user_namespace(without, CLONE_NEWPID)
        if self.layers["user"] == "ok":
            _continue_in_a_child()
        self.layers["pids"] = OFF if "pids" in without else self._try_process_namespaces()

    def _try_process_namespaces(self) -> str:
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

        def there_and_back() -> None:
            kernel.unshare(CLONE_NEWPID)
            kernel.setns(own, CLONE_NEWPID)

        if reason := namespaces.failure(there_and_back):
            os.close(own)
            return reason
        self._own = own
        return "ok"

    def fork(self, live: Callable[[int], None]) -> tuple[int, int]:
        """Start a worker.

        Args:
            live: what it does; is given the number of the process that it must not outlive.

        Returns:
            The number to `reap` it by, and a descriptor of the process, good until then.

        Raises:
            OSError: it could not be started.
        """
        status: int | None = None
        if self._own is None:
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                _run(live, parent)
        else:
            status, told = os.pipe()
            kernel.unshare(CLONE_NEWPID)
            try:
                pid = os.fork()
                if pid == 0:
                    _be_first(live, told)
            finally:
                kernel.setns(self._own, CLONE_NEWPID)
                os.close(told)
        fd = os.pidfd_open(pid)
        self._children[pid] = _Child(fd, status)
        return pid, fd

    def begin_anew(self) -> None:
        """In a fork of the process that made this: the workers so far are that one's."""
        for child in self._children.values():
            os.close(child.fd)
            if child.status is not None:
                os.close(child.status)
        self._children = {}

    def reap(self, pid: int, patience: float) -> int | None:
        """Wait for a worker's own end, then kill it.

        Returns:
            Its exit status (negative: the signal), or None if it had to be killed.
        """
        child = self._children.pop(pid, None)
        if child is None:
            return None
        try:
            waiting = select.poll()
            waiting.register(child.fd, select.POLLIN)
            ended = bool(waiting.poll(patience * 1000))
            # The worker leads a session: what it started goes with it.
            for kill in (os.killpg, os.kill):
                with contextlib.suppress(OSError):
                    kill(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if ended and child.status is not None:
                said = os.read(child.status, 4)
                code = struct.unpack("=i", said)[0] if len(said) == 4 else code
            return code if ended else None
        finally:
            os.close(child.fd)
            if child.status is not None:
                os.close(child.status)

    def close(self) -> None:
        """Kill and reap every worker."""
        for pid in list(self._children):
            self.reap(pid, 0.0)


def before_spawned(without: Collection[str] = ()) -> dict[str, str]:
    """Enter a user namespace in a process that will be a worker itself.

    Returns:
        The same layers that a `ChildProcesses` has.
    """
    if sys.platform != "linux":
        return dict.fromkeys(("user", "pids"), "only Linux has this")
    return {
        "user": _enter_user_namespace(without, 0),
        "pids": "only forked workers have this",
    }


def _enter_user_namespace(without: Collection[str], more: int) -> str:
    """Enter one where it helps; what came of it."""
    if "user" in without:
        return OFF
    if os.geteuid() == 0 and namespaces.may_mount():
        return "not needed: this is root"
    reason = namespaces.why_no_user_namespace()
    if not reason:
        try:
            namespaces.enter_user_namespace(more)
        except OSError as error:  # with a second thread, which the attempt's process did not have
            reason = str(error)
    return reason or "ok"


def _be_first(live: Callable[[int], None], told: int) -> NoReturn:
    """Be the first process of a namespace: start the worker, wait, say how it ended."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        watch = select.poll()
        watch.register(told, 0)
        if watch.poll(0):  # nobody can read it: our parent ended before we said so
            os._exit(1)
        first = os.getpid()
        worker = os.fork()
        if worker == 0:
            os.close(told)
            _run(live, first)
        os.dup2(told, 0)
        os.closerange(1, 1 << 16)  # the worker's connection must be the worker's alone
        while True:
            pid, status = os.wait()
            if pid == worker:
                os.write(0, struct.pack("=i", os.waitstatus_to_exitcode(status)))
                os._exit(0)
    finally:
        os._exit(1)


def _run(live: Callable[[int], None], parent: int) -> NoReturn:
    try:
        live(parent)
    finally:
        os._exit(1)


def _continue_in_a_child() -> None:
    """Fork and go on in the child; this process stays until the child ends."""
    pid = os.fork()
    if pid == 0:
        return
    os.closerange(3, 1 << 16)
    with contextlib.suppress(BaseException):
        os._exit(max(1, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
    os._exit(1)
