"""What a worker prints: its beginning is kept, all of it is counted."""

from __future__ import annotations

import contextlib
import os

from autograder.supervisor.texts import clean

_KEPT = 64 << 10
_CHUNK = 64 << 10
_MOST_CHUNKS = 64  # in one go: who prints without end must not keep us here


class PipeOutput:
    """Output that comes through a pipe, for which one can wait."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._kept = bytearray()
        self.size = 0

    def fileno(self) -> int | None:
        return self._fd

    def drain(self) -> bool:
        for _ in range(_MOST_CHUNKS):
            try:
                chunk = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not chunk:
                return False
            self._kept += chunk[: _KEPT - len(self._kept)]
            self.size += len(chunk)
            if len(chunk) < _CHUNK:
                return True
        return True

    @property
    def text(self) -> str:
        return clean(self._kept.decode(errors="replace"), _KEPT)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FileOutput:
    """Output that goes to a file, because this system cannot wait for a pipe."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._kept = b""
        self.size = 0

    def fileno(self) -> int | None:
        return None

    def drain(self) -> bool:
        with contextlib.suppress(OSError), open(self._path, "rb") as file:
            self._kept = file.read(_KEPT)
            self.size = os.fstat(file.fileno()).st_size
        return True

    @property
    def text(self) -> str:
        return clean(self._kept.decode(errors="replace"), _KEPT)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
