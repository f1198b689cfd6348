"""Workers as forks of a zygote (`autograder.worker.zygote`): Linux."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import Any, Self

import msgpack

from autograder.grading.connection import Worker
from autograder.grading.output import PipeOutput
from autograder.worker.confinement import Limits, remove_tree, set_dumpable
from autograder.worker.wire import VERSION

_START_SECONDS = 120.0
_ANSWER_SECONDS = 30.0
# The dynamic loader may need it to find CUDA; nothing else of our environment goes along.
_INHERITED = ("LD_LIBRARY_PATH",)


class ForkWorkers:
    """Workers that take milliseconds to start; see `autograder.grading.workers.Workers`."""

    kind = "fork"
    confines = True

    def __init__(self) -> None:
        self._zygote: _Zygote | None = _Zygote()
        self._workers: list[Worker] = []

    def spawn(self, seed: int, limits: Limits) -> Worker:
        if self._zygote is None:
            raise RuntimeError("these workers are closed")
        self._workers = [worker for worker in self._workers if worker.alive]
        try:
            worker = self._zygote.spawn(seed, limits)
        except ConnectionError:
            # A student's code may have killed it: that must cost nobody else anything.
            self._zygote.close()
            self._zygote = _Zygote()
            worker = self._zygote.spawn(seed, limits)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self._workers = []
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Zygote:
    """The trusted end of a zygote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._directory = tempfile.mkdtemp(prefix="handgrad-")
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        module = "autograder.worker.zygote"
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-m", module, str(theirs.fileno()), self._directory],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=self._errors,
                    stderr=self._errors,
                    cwd="/",
                    env={**environment, "PATH": os.defpath, "LANG": "C.UTF-8"},
                    start_new_session=True,  # Ctrl-C in the terminal is ours to handle
                )
        except BaseException:
            remove_tree(self._directory)
            raise
        _Hidden.enter()
        try:
            ready = self._receive(_START_SECONDS)
        except ConnectionError:
            ready = {}
        except BaseException:
            self.close()
            raise
        if ready.get("ready") != VERSION:
            self._process.kill()
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read()[-2000:].decode(errors="replace")
            self.close()
            raise RuntimeError(
                "The process that runs the students' code could not be started. Check that this "
                f"Python ({sys.executable}) can import autograder and torch.\n{said}"
            )

    def spawn(self, seed: int, limits: Limits) -> Worker:
        """A new worker.

        Raises:
            ConnectionError: the zygote is gone.
            RuntimeError: it refused.
        """
        directory = tempfile.mkdtemp(dir=self._directory)
        ours, theirs = socket.socketpair()
        output, printed = os.pipe()
        request = {
            "op": "fork",
            "seed": seed,
            "limits": limits.as_dict(),
            "directory": directory,
        }
        try:
            with theirs:
                try:
                    answer = self._ask(request, [theirs.fileno(), printed])
                finally:
                    os.close(printed)
            if "error" in answer:
                raise RuntimeError(f"A worker could not be started: {answer['error']}.")
            process = _Forked(self, answer["pid"], directory)
        except BaseException:
            ours.close()
            os.close(output)
            raise
        return Worker(process, ours, PipeOutput(output), limits)

    def reap(self, pid: int, patience: float) -> int | None:
        """End a worker; its exit status, or None if it had to be killed or nobody knows."""
        try:
            status = self._ask({"op": "reap", "pid": pid, "patience": patience}).get("status")
        except ConnectionError:
            return None  # its children went with it
        return status if isinstance(status, int) else None

    def close(self) -> None:
        """End it, and with it every worker."""
        if self._control.fileno() < 0:
            return
        self._control.close()
        try:
            self._process.wait(_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        remove_tree(self._directory)
        _Hidden.leave()

    def _ask(self, request: dict[str, Any], fds: list[int] | None = None) -> dict[str, Any]:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        with self._lock:
            try:
                self._control.sendmsg([msgpack.packb(request)], rights)
            except OSError:
                raise ConnectionError("the zygote is gone") from None
            return self._receive(_ANSWER_SECONDS)

    def _receive(self, seconds: float) -> dict[str, Any]:
        self._control.settimeout(seconds)
        try:
            data = self._control.recv(1 << 12)
        except OSError:
            data = b""
        answer = msgpack.unpackb(data) if data else None
        if not isinstance(answer, dict):
            # What comes late would answer another question: no more questions.
            self._process.kill()
            raise ConnectionError("the zygote is gone")
        return answer


class _Forked:
    """A worker's process, which is a child of the zygote's: only the zygote can reap it."""

    def __init__(self, zygote: _Zygote, pid: int, directory: str) -> None:
        self._zygote, self._pid, self._directory = zygote, pid, directory
        # Its number cannot be another process's yet: it is not reaped before we ask for it.
        self._fd: int | None = None
        with contextlib.suppress(OSError):
            self._fd = os.pidfd_open(pid)

    def ended_fd(self) -> int | None:
        return self._fd

    def end(self, patience: float) -> int | None:
        if not patience and self._fd is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)
        status = self._zygote.reap(self._pid, patience)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        remove_tree(self._directory)
        return status


class _Hidden:
    """While there is a zygote, processes of our user may not look into this one."""

    _count = 0

    @classmethod
    def enter(cls) -> None:
        cls._count += 1
        with contextlib.suppress(OSError):
            set_dumpable(False)

    @classmethod
    def leave(cls) -> None:
        cls._count -= 1
        if not cls._count:
            with contextlib.suppress(OSError):
                set_dumpable(True)
