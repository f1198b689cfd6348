"""A folder of submissions, on disk or inside an archive, seen the same way."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autograder.submissions.contents import class_archive
from autograder.submissions.folders import read_file
from autograder.submissions.naming import is_archive, is_ignored, is_source
from autograder.submissions.records import Limits, Piece, Unreadable
from autograder.submissions.text import clean


class Place(Protocol):
    """Where several submissions, or the parts of one, lie side by side."""

    @property
    def label(self) -> str:
        """What the place is called."""
        ...

    @property
    def path(self) -> Path:
        """The folder, or the archive that holds it."""
        ...

    def entries(self) -> dict[str, bool]:
        """Entry -> is it a folder; in the order of names; noise and links left out."""
        ...

    def links(self) -> list[str]:
        """Entries that are links, which are never followed."""
        ...

    def inside(self, entry: str) -> Place:
        """A folder among the entries."""
        ...

    def piece(self, entry: str, called: str = "") -> Piece:
        """An entry as a part of a submission."""
        ...

    def whole(self) -> Piece:
        """The place itself as a submission."""
        ...

    def text(self, entry: str, limit: int) -> bytes:
        """The bytes of a file among the entries."""
        ...


@dataclass(frozen=True)
class Folder:
    """A place on disk."""

    path: Path

    @property
    def label(self) -> str:
        return self.path.name

    def entries(self) -> dict[str, bool]:
        return {
            entry.name: entry.is_dir(follow_symlinks=False)
            for entry in self._scan()
            if not entry.is_symlink()
        }

    def links(self) -> list[str]:
        return [entry.name for entry in self._scan() if entry.is_symlink()]

    def _scan(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.path) as entries:
                kept = [entry for entry in entries if not is_ignored(entry.name)]
        except OSError as error:
            raise Unreadable(
                f"The folder {clean(str(self.path), 300)} cannot be read: {error.strerror}."
            ) from None
        return sorted(kept, key=lambda entry: entry.name)

    def inside(self, entry: str) -> Folder:
        return Folder(self.path / entry)

    def piece(self, entry: str, called: str = "") -> Piece:
        return Piece(self.path / entry, called=called or entry)

    def whole(self) -> Piece:
        return Piece(self.path, called=self.path.name)

    def text(self, entry: str, limit: int) -> bytes:
        return read_file(self.path, entry, limit)


Tree = dict[str, "Tree | None"]  # entry -> its own entries, or None for a file


@dataclass(frozen=True)
class Packed:
    """A place inside the archive of a class.

    Attributes:
        path: the archive.
        limits: how much it may hold.
        prefix: the folder in it, with a final ``/``, or ``""``.
        tree: what is below that folder.
    """

    path: Path
    limits: Limits
    prefix: str
    tree: Tree = field(repr=False)

    @classmethod
    def at(cls, path: Path, limits: Limits) -> Packed:
        """The top of an archive."""
        return cls(path, limits, "", tree_of(item.name for item in class_archive(path, limits)))

    @property
    def label(self) -> str:
        return self.prefix.rstrip("/").rpartition("/")[2] or self.path.name

    def entries(self) -> dict[str, bool]:
        return {name: self.tree[name] is not None for name in sorted(self.tree)}

    def links(self) -> list[str]:
        return []

    def inside(self, entry: str) -> Packed:
        return Packed(self.path, self.limits, f"{self.prefix}{entry}/", self.tree[entry] or {})

    def piece(self, entry: str, called: str = "") -> Piece:
        slash = "" if self.tree.get(entry) is None else "/"
        return Piece(self.path, f"{self.prefix}{entry}{slash}", called or entry)

    def whole(self) -> Piece:
        return Piece(self.path, self.prefix, self.label)

    def text(self, entry: str, limit: int) -> bytes:
        for item in class_archive(self.path, self.limits):
            if item.name == f"{self.prefix}{entry}":
                return item.load(limit)
        raise Unreadable(f"{clean(entry)} is no longer in {clean(self.path.name)}.")


def tree_of(names: Iterable[str]) -> Tree:
    """The folders that the names of an archive's members make; a final ``/`` marks a folder.

    Example:
        >>> tree_of(["hw/alice/layers.py", "hw/bob.py", "hw/carol/"])
        {'hw': {'alice': {'layers.py': None}, 'bob.py': None, 'carol': {}}}
    """
    root: Tree = {}
    for name in names:
        *folders, last = name.split("/")
        here = root
        for folder in folders:
            inner = here.get(folder)
            if inner is None:
                inner = here[folder] = {}
            here = inner
        if last:
            here.setdefault(last, None)
    return root


def has_work(place: Place, depth: int = 4) -> bool:
    """Whether there is a module, notebook or archive in a place or below it."""
    return any(
        (depth > 0 and has_work(place.inside(name), depth - 1))
        if folder
        else is_source(name) or is_archive(name)
        for name, folder in place.entries().items()
    )


def located(place: Place, name: str) -> Path:
    """The path to show for an entry: inside an archive that is the archive."""
    return place.path / name if isinstance(place, Folder) else place.path
