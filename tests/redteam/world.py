"""What attacks aim at: decoys of everything that a submission must not reach."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

_SHARED = ("/dev/shm", "/var/tmp")
_TOKEN = "RED_TEAM_TOKEN"  # in the environment of the grading process


class World:
    """The decoys, and what has happened to them.

    Args:
        folder: where files of the grader's side lie.
        course: the folder of the course that is being graded.
    """

    def __init__(self, folder: Path, course: Path) -> None:
        self.folder, self.course = folder, course
        self.secret = secrets.token_hex(16)
        os.environ[_TOKEN] = self.secret
        self.private = folder / "private.txt"
        self.private.write_text(self.secret)
        self.private.chmod(0o600)
        self.exams = folder / "exams"
        self.shared = [Path(place) / f"planted-{self.secret}" for place in _SHARED]
        self.mark = folder / "daemon"
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self._mailbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mailbox.bind(("127.0.0.1", 0))
        for address in (str(folder / "s"), f"\0{self.secret}"):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            self._listeners.append(listener)
        for listener in (*self._listeners, self._mailbox):
            listener.setblocking(False)
        self._victim: subprocess.Popen[bytes] | None = None

    def refresh(self) -> None:
        """Undo what an attack before has done."""
        self.reached()
        for path in (*self.planted(), *([self.mark] if self.mark.exists() else [])):
            path.unlink()
        self.private.chmod(0o600)
        self.private.write_text(self.secret)
        if self._victim is None or self._victim.poll() is not None:
            self._victim = subprocess.Popen(
                ["sleep", "600"], env={"TOKEN": self.secret}, start_new_session=True
            )

    def facts(self) -> dict[str, Any]:
        """What an attacker is assumed to know."""
        assert self._victim is not None
        return {
            "hidden_tests": str(self.course / "solutions" / "01_scaling" / "test_hidden.py"),
            "reference": str(self.course / "solutions" / "01_scaling" / "scaling.py"),
            "private": str(self.private),
            "exam": str(next(self.exams.glob("*.exam"))),
            "folder": str(self.folder),
            "shared": [str(path) for path in self.shared],
            "mark": str(self.mark),
            "port": self._listeners[0].getsockname()[1],
            "mailbox": self._mailbox.getsockname()[1],
            "abstract": f"\0{self.secret}",
            "victim": self._victim.pid,
            "stack": self._stack(self._victim.pid),
            "grader": os.getpid(),
        }

    def reached(self) -> bool:
        """Whether somebody connected, or sent something, since this was asked last."""
        found = False
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.accept()[0].close()
                found = True
        with contextlib.suppress(OSError):
            self._mailbox.recv(100)
            found = True
        return found

    def hit(self) -> bool:
        """Whether a signal ended the process next door."""
        assert self._victim is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._victim.wait(0.2)
        return self._victim.poll() is not None

    def planted(self) -> list[Path]:
        """Files that were left behind outside of the worker."""
        return [p for p in (*self.shared, self.folder / "planted") if p.exists()]

    def spoilt(self) -> bool:
        """Whether the grader's file is not as it was."""
        changed = self.private.stat().st_mode & 0o777 != 0o600
        return changed or self.private.read_text() != self.secret

    def outlived(self) -> bool:
        """Whether a process that was started is still there; it ends now."""
        if not self.mark.exists():
            return False
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self.mark.read_text()), signal.SIGKILL)
            return True
        return False

    def close(self) -> None:
        """Put everything away."""
        self.outlived()
        os.environ.pop(_TOKEN, None)
        for listener in (*self._listeners, self._mailbox):
            listener.close()
        for path in self.planted():
            path.unlink()
        if self._victim is not None:
            self._victim.kill()
            self._victim.wait()

    @staticmethod
    def _stack(pid: int) -> tuple[int, int]:
        """The last page of a process's stack, where its environment lies."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                if line.endswith("[stack]"):
                    end = int(line.split("-")[1].split()[0], 16)
                    return end - 4096, 4096
        return 0, 0
