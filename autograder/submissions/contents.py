"""The files of one attempt, wherever they lie: on disk, in an archive, in a class's archive."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from autograder.submissions.archives import open_archive
from autograder.submissions.folders import Item, read_file, walk
from autograder.submissions.naming import is_archive, is_source
from autograder.submissions.records import Limits, Piece, Unreadable
from autograder.submissions.text import clean

_Part = TypeVar("_Part", Piece, Item)


def files_of(pieces: Sequence[Piece], limits: Limits, notes: list[str]) -> list[Item]:
    """The modules and notebooks of a submission, archives opened.

    A piece that is an archive is always opened. Archives lying among other files are opened only
    if there is no module or notebook beside them (a student's data stays packed).

    Args:
        pieces: where the submission lies.
        limits: how much may be read.
        notes: receives sentences.

    Raises:
        Unreadable: if a part cannot be read and no other part holds any work.
    """
    failures: list[Unreadable] = []
    found = _all(lambda piece: _listed(piece, limits, notes), pieces, failures)
    for _ in range(2):  # an archive in an archive, and no deeper
        if any(is_source(item.basename) for item in found):
            break
        packed = [item for item in found if is_archive(item.basename)][: limits.nested_archives]
        found = _all(lambda item: _unpacked(item, limits, notes), packed, failures)
    sources = [item for item in found if is_source(item.basename)]
    if failures and not sources:
        raise failures[0]
    notes += [str(failure) for failure in failures]
    return sources


def _all(
    opened: Callable[[_Part], list[Item]], parts: Sequence[_Part], failures: list[Unreadable]
) -> list[Item]:
    """The files of all parts; one that cannot be read does not spoil the others."""
    found: list[Item] = []
    for part in parts:
        try:
            found += opened(part)
        except Unreadable as failure:
            failures.append(failure)
    return found


def _listed(piece: Piece, limits: Limits, notes: list[str]) -> list[Item]:
    called = piece.called or piece.member.rstrip("/").rpartition("/")[2] or piece.path.name
    if not piece.member:
        if os.path.isdir(piece.path) and not os.path.islink(piece.path):
            return walk(piece.path, limits, notes)
        item = Item(called, lambda limit: read_file(piece.path, "", limit))
    else:
        members = class_archive(piece.path, limits)
        if piece.member.endswith("/"):
            start = len(piece.member)
            inside = [
                Item(member.name[start:], member.load)
                for member in members
                if member.name.startswith(piece.member) and not member.name.endswith("/")
            ]
            if len(inside) > limits.members:
                raise Unreadable(f"The submission holds more than {limits.members:,} files.")
            return inside
        item = next(
            (Item(called, member.load) for member in members if member.name == piece.member),
            Item(called, _gone(called)),
        )
    return _unpacked(item, limits, notes) if is_archive(called) else [item]


def _gone(called: str) -> Callable[[int], bytes]:
    def load(limit: int) -> bytes:
        raise Unreadable(f"{clean(called)} is no longer where it was found.")

    return load


def _unpacked(item: Item, limits: Limits, notes: list[str]) -> list[Item]:
    """The files of a student's archive, under the archive's own name."""
    data = item.load(limits.archive_bytes)
    if not data:
        raise Unreadable(f"{clean(item.basename)} is empty. Pack your files again and hand it in.")
    members = open_archive(
        io.BytesIO(data),
        item.basename,
        members=limits.members,
        unpacked=limits.unpacked_bytes,
        ratio=limits.ratio,
        notes=notes,
    )
    return [Item(member.name, member.load) for member in members if not member.name.endswith("/")]


def class_archive(path: Path, limits: Limits) -> tuple[Item, ...]:
    """The members of the archive of a whole class, kept open between its students.

    Raises:
        Unreadable: if it is not a readable archive.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise Unreadable(f"{clean(path.name)} cannot be read: {error.strerror}.") from None
    # The process is part of the key: a forked grader shares the file's position with its parent.
    return _class_archive(path, facts.st_mtime_ns, facts.st_size, os.getpid(), limits)


@lru_cache(maxsize=1)
def _class_archive(
    path: Path, modified: int, size: int, process: int, limits: Limits
) -> tuple[Item, ...]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise Unreadable(f"{clean(path.name)} cannot be read: {error.strerror}.") from None
    return tuple(
        open_archive(
            file,
            path.name,
            members=limits.class_members,
            unpacked=limits.class_unpacked_bytes,
            ratio=limits.ratio,
            notes=[],
        )
    )
