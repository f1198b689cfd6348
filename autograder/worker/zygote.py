"""A clean process with torch imported, of which every worker is a fork.

``python -I -m autograder.worker.zygote FD DIRECTORY PROFILE WITHOUT`` is started with an empty
environment. On the inherited socket FD it answers, with one packet for each:

    fork {seed, limits, directory, device} + two descriptors (connection, output)
                                          ->  {pid} + a descriptor of the process
    reap {pid, patience}                  ->  {status}
    derive {ban, directory} + one descriptor (socket)
                                          ->  {pid}

A derived zygote is a fork in which some operators are forbidden for good, so that its workers do
not have to do that each. It answers on its own socket and ends with the one it comes from.

PROFILE and WITHOUT, names with commas between them, say how its workers are confined.

A fork copies one thread only: with a second one running, a lock that it holds would stay locked in
the worker for ever. So threads are counted before every fork, and nothing here starts one.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import array
import gc
import select
import signal
import socket
import sys
from dataclasses import replace
from types import FrameType
from typing import Any, NoReturn

import msgpack

from autograder.worker import confinement, process
from autograder.worker.children import ChildProcesses
from autograder.worker.forbidden import Ban, forbid
from autograder.worker.wire import WIRE_VERSION

_LARGEST_REQUEST = 1 << 16
_PATIENCE = 10.0  # seconds that a derived zygote has to end its workers


class Zygote:
    """The fork server's state: its socket, its directory, its workers and how they are confined."""

    def __init__(
        self,
        control: socket.socket,
        directory: str,
        children: ChildProcesses,
        plan: confinement.Plan,
    ) -> None:
        self._control, self._directory = control, directory
        self._children, self._plan = children, plan
        self._derived: dict[int, int] = {}  # process numbers and descriptors of them

    def serve(self) -> NoReturn:
        """Answer requests until the grader is gone, then leave nothing behind."""
        self._send({"ready": WIRE_VERSION, "threads": threads()})
        while True:
            data, fds = self._receive()
            if not data:
                self.leave()
            request = msgpack.unpackb(data)
            try:
                if request["op"] == "fork":
                    pid, fd = self._fork(request, fds)
                    self._send({"pid": pid}, fd)
                elif request["op"] == "derive":
                    self._send({"pid": self._derive(request, fds[0])})
                elif request["pid"] in self._derived:
                    self._send({"status": self._end_derived(request["pid"])})
                else:
                    status = self._children.reap(request["pid"], request["patience"])
                    self._send({"status": status})
            except OSError as error:
                self._send({"error": str(error)})
            finally:
                for fd in fds:
                    os.close(fd)

    def leave(self) -> NoReturn:
        """Kill and reap every worker, delete their directories, end."""
        self._children.close()
        for pid in list(self._derived):
            self._end_derived(pid)
        confinement.remove_tree(self._directory)
        os._exit(0)

    def _fork(self, request: dict[str, Any], fds: list[int]) -> tuple[int, int]:
        _require_one_thread()

        def live(parent: int) -> None:
            status = 1
            try:
                self._become_worker(request, fds, parent)
                status = 0
            finally:
                process.end(status)

        return self._children.fork(live)

    def _derive(self, request: dict[str, Any], fd: int) -> int:
        """A fork of this process that forbids operators and then does what this one does."""
        _require_one_thread()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_zygote(request, fd, parent)
            finally:
                process.end(1)
        self._derived[pid] = os.pidfd_open(pid)
        return pid

    def _become_zygote(self, request: dict[str, Any], fd: int, parent: int) -> None:
        self._control.close()
        control = socket.socket(fileno=os.dup(fd))
        self._children.begin_anew()
        layers = forbid(Ban.of(request["ban"]))
        plan = replace(self._plan, before={**self._plan.before, **layers})
        derived = Zygote(control, request["directory"], self._children, plan)

        def parent_died(signum: int, frame: FrameType | None) -> None:
            if os.getppid() != parent:
                derived.leave()

        signal.signal(signal.SIGTERM, parent_died)
        confinement.die_with(parent, signal.SIGTERM)
        gc.collect()
        gc.freeze()
        derived.serve()

    def _end_derived(self, pid: int) -> int:
        """Wait for the end of a derived zygote, to which the grader has hung up."""
        fd = self._derived.pop(pid)
        waiting = select.poll()
        waiting.register(fd, select.POLLIN)
        if not waiting.poll(_PATIENCE * 1000):
            os.kill(pid, signal.SIGKILL)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _become_worker(self, request: dict[str, Any], fds: list[int], parent: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        connection, output = fds
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(connection, 3)
        os.set_inheritable(3, False)
        os.closerange(4, 1 << 20)  # the zygote's own socket among them
        process.live(
            socket.socket(fileno=3),
            seed=request["seed"],
            limits=confinement.Limits(**request["limits"]),
            directory=request["directory"],
            parent=parent,
            plan=self._plan,
            device=request["device"],
        )

    def _send(self, message: dict[str, Any], fd: int | None = None) -> None:
        rights = array.array("i", [] if fd is None else [fd])
        carried = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if rights else []
        try:
            self._control.sendmsg([msgpack.packb(message)], carried)
        except OSError:
            self.leave()

    def _receive(self) -> tuple[bytes, list[int]]:
        fds = array.array("i")
        try:
            data, ancillary, _, _ = self._control.recvmsg(
                _LARGEST_REQUEST, socket.CMSG_SPACE(2 * fds.itemsize)
            )
        except ConnectionError:
            return b"", []
        for _, _, content in ancillary:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        return data, list(fds)


def _require_one_thread() -> None:
    if threads() != 1:
        raise OSError(f"a worker cannot be forked safely: {threads()} threads are running")


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def main(fd: int, directory: str, profile: str, without: frozenset[str]) -> NoReturn:
    """Warm up, then serve."""
    gc.disable()
    zygote: Zygote | None = None
    parent = os.getppid()

    def parent_died(signum: int, frame: FrameType | None) -> None:
        # The kernel also sends this when only the thread ended that started us. The first process
        # of a namespace cannot see its parent, which is ours and has one thread.
        if os.getpid() == 1 or os.getppid() != parent:
            if zygote is not None:
                zygote.leave()
            os._exit(1)

    signal.signal(signal.SIGTERM, parent_died)
    confinement.die_with(parent, signal.SIGTERM)
    children = ChildProcesses(
        without
    )  # may go on in a child, whose parent is the process that we were
    if os.getppid() != parent:
        confinement.die_with(os.getppid(), signal.SIGTERM)
    process.warm_up()
    # After the imports: what was imported is what workers must be able to read.
    plan = confinement.Plan.of(profile, without, children.layers)
    confinement.set_dumpable(False)  # no worker may look into the parent of the next one
    gc.collect()
    gc.freeze()
    zygote = Zygote(socket.socket(fileno=fd), directory, children, plan)
    zygote.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], frozenset(sys.argv[4].split(",")) - {""})
