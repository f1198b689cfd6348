"""Folders on disk, read without ever following a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.submissions.naming import is_ignored
from autograder.submissions.records import Limits, Unreadable
from autograder.submissions.text import clean

# O_NONBLOCK: opening a named pipe that somebody put into a submission must not wait for a writer.
_FILE = os.O_RDONLY | sum(
    getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_FOLDER = os.O_RDONLY | sum(
    getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC")
)
_DEEPEST = 20


@dataclass(frozen=True)
class Item:
    """A file of a submission, wherever it lies.

    Attributes:
        name: its path within the submission, with ``/``; a final ``/`` marks a folder.
        load: reads it, given how many bytes it may have; raises `Unreadable` beyond that.
    """

    name: str
    load: Callable[[int], bytes]

    @property
    def basename(self) -> str:
        """The last part of the name."""
        return self.name.rstrip("/").rpartition("/")[2]


def walk(root: Path, limits: Limits, notes: list[str]) -> list[Item]:
    """The files below a folder, nearest first, then by name; links are noted and left alone.

    Raises:
        Unreadable: if the folder cannot be listed or holds too many files.
    """
    found: list[Item] = []
    level = [""]
    for _ in range(_DEEPEST):
        deeper: list[str] = []
        for folder in level:
            for entry in _scan(root / folder):
                name = f"{folder}{entry.name}"
                if is_ignored(entry.name):
                    continue
                if entry.is_symlink():
                    notes.append(f"{clean(name)} is a link and was not followed.")
                elif entry.is_dir(follow_symlinks=False):
                    deeper.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    found.append(Item(name, _loader(root, name)))
                if len(found) + len(deeper) > limits.members:
                    raise Unreadable(
                        f"The submission holds more than {limits.members:,} files. "
                        "Hand in only your module or notebook."
                    )
        level = sorted(deeper)
    return found


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise Unreadable(
            f"The folder {clean(folder.name)} cannot be read: {error.strerror}."
        ) from None


def _loader(root: Path, name: str) -> Callable[[int], bytes]:
    return lambda limit: read_file(root, name, limit)


def read_file(root: Path, name: str, limit: int) -> bytes:
    """At most ``limit`` bytes of the file ``name`` below ``root``, following no link below it.

    Args:
        root: a folder; if ``name`` is ``""``, the file itself.
        name: a relative path with ``/``.
        limit: how many bytes the file may have.

    Raises:
        Unreadable: if it is a link, not a regular file, too large, or cannot be opened.
    """
    shown = clean(name or root.name)
    try:
        descriptor = _open(root, name)
    except OSError as error:
        raise Unreadable(f"{shown} cannot be read: {error.strerror or error}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable(f"{shown} is not an ordinary file.")
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise Unreadable(f"{shown} cannot be read: {error.strerror or error}.") from None
    if len(data) > limit:
        raise too_large(shown, limit)
    return data


def too_large(name: str, limit: int) -> Unreadable:
    """The refusal of a file that is larger than it may be."""
    size = f"{limit / 2**20:.0f} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    notebook = name.casefold().endswith(".ipynb")
    advice = (
        "Clear all outputs, save it, and hand it in again"
        if notebook
        else "Hand in only your module or notebook"
    )
    return Unreadable(
        f"{clean(name)} is larger than {size}, which is more than a submission needs. {advice}."
    )


def _open(root: Path, name: str) -> int:
    parts = [part for part in name.split("/") if part]
    if os.open not in os.supports_dir_fd:
        path = root.joinpath(*parts)
        for step in (path, *path.parents[: len(parts)]):
            if step.is_symlink():
                raise OSError(0, "it is reached through a link")
        return os.open(path, _FILE)
    if not parts:
        return os.open(root, _FILE)
    here = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        return os.open(parts[-1], _FILE, dir_fd=here)
    finally:
        os.close(here)
