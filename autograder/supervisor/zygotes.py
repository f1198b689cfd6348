"""The trusted end of zygotes (`autograder.worker.zygote`): starting, asking and ending them."""

from __future__ import annotations

import array
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import msgpack

from autograder.devices import Device
from autograder.supervisor.children import ChildProcess
from autograder.supervisor.connection import Worker
from autograder.supervisor.hiding import Hidden
from autograder.supervisor.launching import START_SECONDS, launch
from autograder.supervisor.output import PipeOutput
from autograder.worker import WIRE_VERSION, Ban, ForkedZygote, Limits, remove_tree

_ANSWER_SECONDS = 30.0


class ZygoteClient:
    """The trusted end of a process of which workers are forks.

    Args:
        control: the socket on which it answers.
        directory: where its workers' directories lie.
    """

    def __init__(self, control: socket.socket, directory: str) -> None:
        self._lock = threading.Lock()
        self._control, self._directory = control, directory

    def spawn(self, seed: int, limits: Limits, device: Device) -> Worker:
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
            "device": device.name,
        }
        try:
            with theirs:
                try:
                    answer, fd = self._ask(request, [theirs.fileno(), printed])
                finally:
                    os.close(printed)
            if fd is None:
                raise RuntimeError(f"A worker could not be started: {answer.get('error')}.")
            process = WorkerProcess(self, answer["pid"], fd, directory)
        except BaseException:
            ours.close()
            os.close(output)
            raise
        return Worker(process, ours, PipeOutput(output), limits, device)

    def reap(self, pid: int, patience: float) -> int | None:
        """End a worker; its exit status, or None if it had to be killed or nobody knows."""
        try:
            answer, _ = self._ask({"op": "reap", "pid": pid, "patience": patience})
        except ConnectionError:
            return None  # its children went with it
        status = answer.get("status")
        return status if isinstance(status, int) else None

    def _ask(
        self, request: dict[str, Any], fds: list[int] | None = None
    ) -> tuple[dict[str, Any], int | None]:
        """Its answer, and the descriptor that came with it."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        with self._lock:
            try:
                self._control.sendmsg([msgpack.packb(request)], rights)
            except OSError:
                raise ConnectionError("the zygote is gone") from None
            return self._receive(_ANSWER_SECONDS)

    def _receive(self, seconds: float) -> tuple[dict[str, Any], int | None]:
        fds: list[int] = []
        try:
            self._control.settimeout(seconds)
            data, fds, _, _ = socket.recv_fds(self._control, 1 << 12, 1)
        except OSError:
            data = b""
        answer = msgpack.unpackb(data) if data else None
        if not isinstance(answer, dict):
            # What comes late would answer another question: no more questions.
            self._stop()
            raise ConnectionError("the zygote is gone")
        return answer, fds[0] if fds else None

    def _stop(self) -> None:
        """Ask nothing more."""
        self._control.close()


class Zygote(ZygoteClient):
    """The trusted end of the process that all workers come from.

    Args:
        process: the process, which has just been started.
        control: the socket on which it answers.
        directory: where its workers' directories lie.
        errors: what it prints.

    Raises:
        RuntimeError: it does not come up.
    """

    def __init__(
        self,
        process: ChildProcess | subprocess.Popen[bytes],
        control: socket.socket,
        directory: str,
        errors: IO[bytes],
    ) -> None:
        super().__init__(control, directory)
        self._process, self._errors = process, errors
        Hidden.enter()
        try:
            ready, _ = self._receive(START_SECONDS)
        except ConnectionError:
            ready = {}
        except BaseException:
            self.close()
            raise
        if ready.get("ready") != WIRE_VERSION:
            self._process.kill()
            self._process.wait()
            said = self._said()
            self.close()
            raise RuntimeError(
                "The process that runs the students' code could not be started. Check that this "
                f"Python ({sys.executable}) can import autograder and torch.\n{said}"
            )

    @classmethod
    def launched(cls, profile: str, without: Collection[str]) -> Zygote:
        """A zygote in a Python of its own, which imports torch first.

        Args:
            profile: how its workers are confined.
            without: layers of the confinement to leave off.

        Raises:
            RuntimeError: it does not come up.
        """
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        directory = tempfile.mkdtemp(prefix="handgrad-")
        errors = tempfile.TemporaryFile()  # noqa: SIM115, closed in close()
        try:
            with theirs:
                process = launch(
                    "autograder.worker.zygote",
                    *(str(theirs.fileno()), directory, profile, ",".join(without)),
                    stdin=subprocess.DEVNULL,
                    printed=errors,
                    folder="/",
                    descriptors=[theirs.fileno()],
                )
        except BaseException:
            control.close()
            remove_tree(directory)
            raise
        return cls(process, control, directory, errors)

    @classmethod
    def adopted(cls, zygote: ForkedZygote) -> Zygote:
        """A zygote that was forked before this process knew anything secret.

        Raises:
            RuntimeError: it does not come up.
        """
        return cls(ChildProcess(zygote.pid), zygote.control, zygote.directory, zygote.errors)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def derive(self, ban: Ban) -> Derived:
        """A zygote in whose workers some operators are forbidden.

        Raises:
            ConnectionError: this one is gone.
            RuntimeError: the operators could not be forbidden.
        """
        directory = tempfile.mkdtemp(dir=self._directory)
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = {"op": "derive", "ban": ban.as_dict(), "directory": directory}
        try:
            with theirs:
                answer, _ = self._ask(request, [theirs.fileno()])
            if "pid" not in answer:
                raise RuntimeError(f"A zygote could not be derived: {answer.get('error')}.")
        except BaseException:
            control.close()
            raise
        derived = Derived(self, answer["pid"], control, directory)
        try:
            ready, _ = derived._receive(_ANSWER_SECONDS)
        except ConnectionError:
            ready = {}
        if ready.get("ready") != WIRE_VERSION:
            derived.close()
            if not self.alive:
                raise ConnectionError("the zygote is gone")
            raise RuntimeError(f"The operators could not be forbidden.\n{self._said()}")
        return derived

    def close(self) -> None:
        """End it, and with it every worker."""
        if self._errors.closed:
            return
        self._control.close()
        try:
            self._process.wait(_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        remove_tree(self._directory)
        Hidden.leave()

    def _stop(self) -> None:
        self._process.kill()

    def _said(self) -> str:
        """What it printed last."""
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace")


class Derived(ZygoteClient):
    """A fork of the zygote in which some operators are forbidden."""

    def __init__(self, zygote: Zygote, pid: int, control: socket.socket, directory: str) -> None:
        super().__init__(control, directory)
        self._zygote, self._pid = zygote, pid

    def close(self) -> None:
        """End it, and with it every worker of its own."""
        self._control.close()
        self._zygote.reap(self._pid, 0.0)


class WorkerProcess:
    """A worker's process, which is a child of the zygote's: only the zygote can reap it."""

    def __init__(self, zygote: ZygoteClient, pid: int, fd: int, directory: str) -> None:
        # The number is the zygote's, which may count in a namespace of its own.
        self._zygote, self._pid, self._directory = zygote, pid, directory
        self._fd: int | None = fd

    def pid(self) -> int | None:
        try:
            told = Path(f"/proc/self/fdinfo/{self._fd}").read_text()
        except OSError:
            return None
        found = re.search(r"^Pid:\t(\d+)$", told, re.MULTILINE)
        return int(found[1]) if found and found[1] != "0" else None

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
