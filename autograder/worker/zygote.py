"""A clean process with torch imported, of which every worker is a fork.

``python -I -m autograder.worker.zygote FD DIRECTORY`` is started with an empty environment. On the
inherited socket FD it answers, with one packet for each:

    fork {seed, limits, directory} + two descriptors (connection, output)  ->  {pid}
    reap {pid, patience}                                                   ->  {status}

A fork copies one thread only: with a second one running, a lock that it holds would stay locked in
the worker for ever. So threads are counted before every fork, and nothing here starts one.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import array
import gc
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any, NoReturn

import msgpack

from autograder.worker import confinement, process
from autograder.worker.wire import VERSION

_LARGEST_REQUEST = 1 << 16


class Zygote:
    """The fork server's state: its socket, its directory, and the workers that live."""

    def __init__(self, control: socket.socket, directory: str) -> None:
        self._control, self._directory = control, directory
        self._children: set[int] = set()

    def serve(self) -> NoReturn:
        """Answer requests until the grader is gone, then leave nothing behind."""
        self._send({"ready": VERSION, "threads": threads()})
        while True:
            data, fds = self._receive()
            if not data:
                self.leave()
            request = msgpack.unpackb(data)
            try:
                if request["op"] == "fork":
                    self._send({"pid": self._fork(request, fds)})
                else:
                    self._send({"status": self._reap(request["pid"], request["patience"])})
            except OSError as error:
                self._send({"error": str(error)})
            finally:
                for fd in fds:
                    os.close(fd)

    def leave(self) -> NoReturn:
        """Kill and reap every worker, delete their directories, end."""
        for pid in list(self._children):
            self._reap(pid, 0.0)
        confinement.remove_tree(self._directory)
        os._exit(0)

    def _fork(self, request: dict[str, Any], fds: list[int]) -> int:
        if threads() != 1:
            raise OSError(f"a worker cannot be forked safely: {threads()} threads are running")
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._become_worker(request, fds, parent)
                status = 0
            finally:
                process.end(status)
        self._children.add(pid)
        return pid

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
        )

    def _reap(self, pid: int, patience: float) -> int | None:
        """Wait for a worker's own end, then kill it; the wait status, or None if we ended it."""
        if pid not in self._children:
            return None
        deadline = time.monotonic() + patience
        ended, status = os.waitpid(pid, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(0.002)
            ended, status = os.waitpid(pid, os.WNOHANG)
        # The worker leads a session: what it started goes with it.
        for kill in (os.killpg, os.kill):
            try:
                kill(pid, signal.SIGKILL)
            except OSError:
                continue
        if not ended:
            os.waitpid(pid, 0)
        self._children.discard(pid)
        return os.waitstatus_to_exitcode(status) if ended else None

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._control.send(msgpack.packb(message))
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


def threads() -> int:
    """How many threads this process has."""
    return len(os.listdir("/proc/self/task"))


def main(fd: int, directory: str) -> NoReturn:
    """Warm up, then serve."""
    gc.disable()
    zygote = Zygote(socket.socket(fileno=fd), directory)
    parent = os.getppid()

    def parent_died(signum: int, frame: FrameType | None) -> None:
        # The kernel also sends this when only the thread ended that started us.
        if os.getppid() != parent:
            zygote.leave()

    signal.signal(signal.SIGTERM, parent_died)
    confinement.die_with(parent, signal.SIGTERM)
    confinement.set_dumpable(False)  # no worker may look into the parent of the next one
    process.warm_up()
    confinement.tasks_of_this_user()  # once for all workers
    gc.collect()
    gc.freeze()
    zygote.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
