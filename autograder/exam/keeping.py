"""Where exams are kept, and when a kept one may be used.

An exam's file is named by a digest of all that it depends on, so that one which would come out
otherwise today has another name. It is as secret as ``solutions/``: only its owner can read it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import mmap
import os
import platform
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

import autograder
from autograder.devices import CUDA
from autograder.exam.places import CARRIED, SUFFIX, user_folder
from autograder.exam.reading import Damaged, Exam, read_exam
from autograder.exam.requests import ExamRequest
from autograder.exam.values import NotKeepable

_DAYS = 30  # after which an exam that nobody used is deleted
# The rooms whose code decides what is in an exam.
_ROOMS = ("course", "devices", "exam", "supervisor", "testing", "worker")
_PACKAGES = ("handgrad", "torch", "numpy", "hypothesis", "pytest", "msgpack")


@dataclass(frozen=True)
class Kept:
    """An exam, and what had to be done for it.

    Attributes:
        exam: the exam.
        prepared: whether it had to be drawn.
        told: a sentence about that for who runs the command; empty if there is nothing to say.
        file: where it is kept now; None if nowhere.
    """

    exam: Exam
    prepared: bool = False
    told: str = ""
    file: Path | None = None


@dataclass(frozen=True)
class ExamStore:
    """Where exams are kept.

    Attributes:
        folder: where they are looked for and written; None to keep none.
        carried: other folders where they are looked for.
    """

    folder: Path | None
    carried: tuple[Path, ...] = ()

    @classmethod
    def here(cls, units: Path, *, keep: bool = True) -> ExamStore:
        """This user's, and what travels with a course.

        Args:
            units: the course's folder of units.
            keep: False to use and write none.
        """
        if not keep:
            return cls(None)
        return cls(user_folder(), (units / CARRIED,))

    def file(self, request: ExamRequest) -> Path | None:
        """The file of an exam, if it is there; its content may still be damaged."""
        folders = [*self.carried, *([self.folder] if self.folder else [])]
        name = file_name(request)
        return next((file for folder in folders if _is_ours(file := folder / name)), None)

    def open(self, request: ExamRequest) -> Kept:
        """A unit's exam: the kept one, or one that is drawn now and kept.

        Two processes that need the same draw it once.

        Raises:
            PreparationError: its tests cannot be used.
            CourseError: a known mistake is not well declared.
        """
        told = ""
        file = self.file(request)
        if file is not None:
            try:
                return Kept(_read(file), file=file)
            except (Damaged, OSError, ValueError):
                told = f"The exam kept for {request.unit.name} is damaged; it is prepared again."
        elif self._stale(request):
            told = (
                f"The exam that came with {request.unit.name} is of other files, settings or "
                "versions; it is prepared again."
            )
        if self.folder is None:
            return self._drawn(request, told)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            from filelock import FileLock  # only where something is drawn

            lock = FileLock(self.folder / f"{file_name(request)}.lock", mode=0o600)
            with lock:
                file = self.folder / file_name(request)
                if _is_ours(file):  # another process was faster
                    with contextlib.suppress(Damaged, OSError, ValueError):
                        return Kept(_read(file), told=told, file=file)
                return self._drawn(request, told)
        except OSError:
            return ExamStore(None)._drawn(request, told)  # there is no room for it, or no right

    def _drawn(self, request: ExamRequest, told: str) -> Kept:
        # Only now: with an exam at hand, neither hypothesis nor pytest is needed.
        from autograder.exam.exams import draw, live_exam
        from autograder.exam.writing import write_exam

        drawn = draw(request)
        try:
            data = write_exam(drawn, request)
        except NotKeepable as error:
            told = (
                f"{request.unit.name} is prepared anew for each run: a test draws {error}, which "
                "cannot be kept."
            )
            return Kept(live_exam(drawn), True, told)
        file = None
        if self.folder is not None:
            file = self.folder / file_name(request)
            with contextlib.suppress(OSError):
                self._forget_unused()
            try:
                write_secret(file, data)
            except OSError as error:
                told = f"The exam of {request.unit.name} cannot be kept ({error.strerror})."
                file = None
        return Kept(read_exam(bytearray(data)), True, told, file)

    def _stale(self, request: ExamRequest) -> bool:
        """Whether an exam of the unit travels with the course that cannot be used."""
        pattern = f"{request.unit.name}-*{SUFFIX}"
        return any(next(folder.glob(pattern), None) for folder in self.carried)

    def _forget_unused(self) -> None:
        assert self.folder is not None
        for old in self.folder.iterdir():
            if old.suffix in (SUFFIX, ".lock", ".part"):
                with contextlib.suppress(OSError):
                    if old.stat().st_mtime < time.time() - _DAYS * 86400:
                        old.unlink()


def file_name(request: ExamRequest) -> str:
    """The name of an exam's file."""
    return f"{request.unit.name}-{digest_of(request)}{SUFFIX}"


def digest_of(request: ExamRequest) -> str:
    """A digest of everything that an exam depends on."""
    unit = request.unit
    names = [file.name for file in request.test_files]
    if request.hidden:
        names += [unit.source_file.name, "mistakes.py"]
    files = {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for name in names
        if (file := unit.folder / name).is_file()
    }
    depends = {
        "unit": unit.name,
        "files": files,
        "seed": request.seed,
        "devices": request.devices,
        "hidden": request.hidden,
        "smaller": request.smaller,
        "gpu": torch.cuda.get_device_name(0) if CUDA.name in request.devices else "",
        **_versions(),
    }
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def _versions() -> dict[str, str]:
    """The versions of everything that takes part, this tool's own code among them."""
    tool = hashlib.sha256()
    package = Path(autograder.__file__).parent
    for room in _ROOMS:
        for file in sorted((package / room).rglob("*.py")):
            tool.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return {
        "tool": tool.hexdigest(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        # Sums are added up in another order on wider vectors.
        "vectors": torch.backends.cpu.get_cpu_capability(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def write_secret(file: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:  # mode 600, as mkstemp makes it
            stream.write(data)
        os.replace(part, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def _is_ours(file: Path) -> bool:
    """Whether a file is there that nobody else can have written."""
    try:
        found = file.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode):
        return False
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid in (os.getuid(), 0) and not found.st_mode & 0o022


def _read(file: Path) -> Exam:
    with file.open("rb") as stream, _mapped(stream.fileno()) as data:
        exam = read_exam(data)
    with contextlib.suppress(OSError):
        os.utime(file)
    return exam


@contextlib.contextmanager
def _mapped(descriptor: int) -> Iterator[memoryview]:
    """A file's content, of which only what is looked at takes memory; stays while it is used.

    A private copy, as far as somebody writes to it: PyTorch makes no tensor of what is read-only.
    """
    yield memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
