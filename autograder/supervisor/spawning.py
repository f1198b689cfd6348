"""Workers as processes of their own: for systems without fork. Each takes seconds to start."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from types import TracebackType
from typing import IO, Self

from autograder.devices import CPU, Device
from autograder.supervisor.connection import Worker
from autograder.supervisor.launching import POSIX, START_SECONDS, launch
from autograder.supervisor.output import FileOutput, PipeOutput
from autograder.supervisor.transport import Output
from autograder.worker import FREE, Ban, Limits, remove_tree


class SpawnWorkers:
    """Workers that import torch each for themselves; see `autograder.supervisor.Workers`."""

    kind = "spawn"

    def __init__(self, profile: str = "cpu", without: Collection[str] = ()) -> None:
        self.profile = profile
        self._without = list(without)
        self._workers: list[Worker] = []
        self._closed = False

    def spawn(self, seed: int, limits: Limits, ban: Ban = FREE, device: Device = CPU) -> Worker:
        if self._closed:
            raise RuntimeError("these workers are closed")
        self._workers = [worker for worker in self._workers if worker.alive]
        directory = tempfile.mkdtemp(prefix="handgrad-")
        process: _Spawned | None = None
        output: Output | None = None
        try:
            output, printed = _new_output()
            with socket.create_server(("127.0.0.1", 0)) as server, printed:
                process = _Spawned(server.getsockname()[1], printed, directory)
                process.tell(
                    {
                        "token": (token := secrets.token_bytes(32)).hex(),
                        "seed": seed,
                        "limits": limits.as_dict(),
                        "ban": ban.as_dict(),
                        "directory": directory,
                        "device": device.name,
                        "profile": self.profile,
                        "without": self._without,
                    }
                )
                connection = _accept(server, process, token)
            worker = Worker(process, connection, output, limits, device)
        except BaseException:
            if process is not None:
                process.end(0.0)
            if output is not None:
                output.close()
            remove_tree(directory)
            raise
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        self._closed = True
        for worker in self._workers:
            worker.close()
        self._workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Spawned:
    """A worker's process, a child of ours."""

    def __init__(self, port: int, printed: IO[bytes], directory: str) -> None:
        self.directory = directory
        self.process = launch(
            "autograder.worker.spawned",
            str(port),
            stdin=subprocess.PIPE,
            printed=printed,
            folder=directory,
        )
        self._fd: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._fd = os.pidfd_open(self.process.pid)

    def tell(self, settings: dict[str, object]) -> None:
        """Send what it reads from its standard input."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError), self.process.stdin as stdin:
            stdin.write(json.dumps(settings).encode() + b"\n")

    def pid(self) -> int | None:
        return self.process.pid

    def ended_fd(self) -> int | None:
        return self._fd

    def end(self, patience: float) -> int | None:
        try:
            status: int | None = self.process.wait(patience) if patience else None
        except subprocess.TimeoutExpired:
            status = None
        if POSIX:
            # It leads a session: what it started goes with it.
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        remove_tree(self.directory)
        return status


def _accept(server: socket.socket, process: _Spawned, token: bytes) -> socket.socket:
    """The connection of the process that we started, and of no other."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.process.poll() is None:
        server.settimeout(0.5)
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        connection.settimeout(5.0)
        with contextlib.suppress(OSError):
            shown = b""
            while len(shown) < len(token) and (more := connection.recv(len(token) - len(shown))):
                shown += more
            if hmac.compare_digest(shown, token):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        connection.close()
    raise RuntimeError(
        "The process that runs the student's code could not be started. Check that this Python "
        f"({sys.executable}) can import autograder and torch."
    )


def _new_output() -> tuple[Output, IO[bytes]]:
    """Where a worker's output arrives, and the file to which it writes."""
    if POSIX:
        reading, writing = os.pipe()
        return PipeOutput(reading), os.fdopen(writing, "wb")
    handle, path = tempfile.mkstemp(prefix="handgrad-")
    return FileOutput(path), os.fdopen(handle, "wb")
