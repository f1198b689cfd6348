"""How a broken or odd upload is declared, and what a grader would do that expects no such thing.

    upload(
        "latin_1",
        goal="An accent in a comment costs the whole grade.",
        make=file("scaling.py", HONEST.encode("latin-1")),
        full=True,
    )

Each is one student's entry in a class folder. An honest but odd one gets full marks; of a broken
one the student is told in a sentence what is wrong and what to do.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redteam.unit import HONEST

MODULE = "scaling.py"
LARGEST = 40 << 20  # bytes that handling one student's work may leave on the disk
MOST = 5000  # files

Make = Callable[[Path], None]


@dataclass(frozen=True)
class Upload:
    """One student's entry in the class folder.

    Attributes:
        name: of the student.
        goal: what an attacker, or bad luck, wins if nothing is done about it.
        make: writes the entry into the class folder; its name begins with the student's.
        sentence: what the student must be told (a regular expression); empty: full marks.
        student: the id under which it is graded, if it is not `name`.
        harms: whether handling it without care does harm; given its path and an empty folder.
    """

    name: str
    goal: str
    make: Make
    sentence: str = ""
    student: str = ""
    harms: Callable[[Path, Path], bool] = field(default=lambda path, room: carelessly(path, room))


UPLOADS: list[Upload] = []


def upload(
    name: str,
    *,
    goal: str,
    make: Callable[[Path, str], None],
    sentence: str = "",
    student: str = "",
    harms: Callable[[Path, Path], bool] | None = None,
) -> None:
    """Declare an upload; see `Upload`."""
    chosen: dict[str, Any] = {} if harms is None else {"harms": harms}
    UPLOADS.append(
        Upload(name, goal, lambda folder: make(folder, name), sentence, student or name, **chosen)
    )


# What is handed in


def file(ending: str, data: bytes | str) -> Callable[[Path, str], None]:
    """A single file ``STUDENT.ending``."""

    def make(folder: Path, name: str) -> None:
        content = data.encode() if isinstance(data, str) else data
        (folder / f"{name}{ending}").write_bytes(content)

    return make


def folder(files: dict[str, bytes | str]) -> Callable[[Path, str], None]:
    """A folder ``STUDENT`` with these files."""

    def make(root: Path, name: str) -> None:
        (root / name).mkdir()
        for inside, data in files.items():
            path = root / name / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)

    return make


def zipped(*members: tuple[str, bytes | str], mode: int = stat.S_IFREG) -> bytes:
    """A zip archive; members may have the same name."""
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),  # about two members with one name
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes | str], special: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    """A tar.gz archive: special members first."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info in special:
            archive.addfile(info)
        for name, data in members:
            content = data.encode() if isinstance(data, str) else data
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member of a tar archive that is no file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def notebook(*cells: str, version: int = 4, **extra: Any) -> str:
    """A notebook with these code cells."""
    text = "input" if version == 3 else "source"
    built = [
        {"cell_type": "code", "metadata": {}, text: cell.splitlines(keepends=True), "outputs": []}
        for cell in cells
    ]
    if version == 3:
        return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": built}]})
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": built, **extra})


# A grader of fifty lines, as one writes it in an afternoon


def carelessly(path: Path, room: Path) -> bool:
    """Whether unpacking, finding, reading and running a submission the plain way does harm.

    Harm is an error, a file outside the room or one that is no file, too many or too large files,
    the wrong file, or a process that ends or does not come back.
    """
    inside = room / "inside"
    inside.mkdir()
    beside = _listing(room.parent)
    try:
        source = _found(path, inside)
    except Exception:
        return True
    files = [p for p in inside.rglob("*") if not p.is_dir()]
    odd = any(p.is_symlink() or not p.is_file() for p in files)
    large = sum(p.lstat().st_size for p in files) > LARGEST or len(source) > LARGEST
    if odd or large or len(files) > MOST or _listing(room.parent) != beside:
        return True
    return not _runs(source)


def _found(path: Path, inside: Path) -> str:
    if path.suffix == ".zip":
        zipfile.ZipFile(path).extractall(inside)
    elif path.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            archive.extractall(inside, filter="fully_trusted")
    elif path.is_dir():
        inside = path
    if path.is_file() and path.suffix in (".py", ".ipynb"):
        chosen = path
    else:
        chosen = next(iter(sorted(inside.rglob(MODULE)) + sorted(inside.rglob("*.ipynb"))))
    if chosen.suffix == ".ipynb":
        cells = json.loads(chosen.read_text(encoding="utf-8"))["cells"]
        return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return chosen.read_text(encoding="utf-8")


def _listing(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def _runs(source: str) -> bool:
    """Whether the code runs to its end in a grading process and defines what is asked for."""
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_run, args=(source,))
    process.start()
    process.join(2.0)
    process.kill()
    process.join()
    return process.exitcode == 7


def _run(source: str) -> None:
    import os
    import sys

    sys.stdin, sys.stdout = open(os.devnull), open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stdout
    os.dup2(sys.stdout.fileno(), 1)
    names: dict[str, Any] = {"__name__": "scaling"}
    try:
        exec(compile(source, MODULE, "exec"), names)
        import torch

        right = float(names["total"](torch.ones(2, 2), torch.ones(2))) == 4.0
    except Exception:
        right = False
    os._exit(7 if right else 1)


def shown_raw(path: Path, room: Path) -> bool:
    """Whether a report that prints the entry's name as it is could be obeyed by what shows it."""
    name = path.name
    return not name.isprintable() or name.startswith(("=", "+", "-", "@")) or "<" in name


WRONG = HONEST.replace("return (x * w).sum()", "return (x * w).mean()")
