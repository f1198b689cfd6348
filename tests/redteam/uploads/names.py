"""Names of students, files and folders that a shell, a terminal, a page or a table would obey."""

from __future__ import annotations

import os
from pathlib import Path

from redteam.handing_in import file, folder, shown_raw, upload, zipped
from redteam.unit import HONEST

HERE = file(".py", HONEST)

NAMES = {
    "bell\x07 and \x1b[2J": ("A name clears the terminal of who grades.", "bell� and �[2J"),
    "two\nlines": ("A name with a line break makes a second line in a report.", "two�lines"),
    "\u202egnp.exe": ("A name that runs backwards passes for another's.", "�gnp.exe"),
    "zero\u200bwidth": ("A name with an invisible letter passes for another's.", "zero�width"),
    "<img src=x onerror=alert(1)>": ("A name is run by the browser that shows the report.", ""),
    "=cmd|' !A0": ("A name is run by the spreadsheet that opens the grades.", ""),
    "+1+1": ("A name is computed by the spreadsheet that opens the grades.", ""),
    "@SUM(1+1)": ("A name is computed by the spreadsheet that opens the grades.", ""),
    "-rf": ("A name is taken for an option of a command.", ""),
}
for name, (goal, student) in NAMES.items():
    upload(name, goal=goal, make=HERE, student=student, harms=shown_raw)

upload(
    "x" * 252,
    goal="A name of 255 bytes is too long for the files that are written about it.",
    make=HERE,
    student="x" * 119 + "…",
    harms=lambda path, room: len(f"{path.name}.json".encode()) > 255,
)
upload(
    "\N{SNOWMAN}" * 84,
    goal="A name of 252 bytes in 84 characters is too long for the files written about it.",
    make=HERE,
    student="\N{SNOWMAN}" * 84,
    harms=lambda path, room: len(f"{path.name}.json".encode()) > 255,
)
upload(
    "con",
    goal="A name that Windows keeps for itself makes a report that cannot be written there.",
    make=folder({"scaling.py": HONEST}),
    harms=lambda path, room: path.name.lower() == "con",
)
upload(
    "folders with spaces",
    goal="Spaces and line breaks in the names of folders inside an archive end the run.",
    make=file(".zip", zipped((" my work\n/new \x1b[31m folder/scaling.py", HONEST))),
    harms=lambda path, room: b"\x1b[31m" in path.read_bytes(),
)
upload(
    "Bidi inside",
    goal="The name of the file that is graded runs backwards in the report.",
    make=folder({"\u202eyp.scaling.py": HONEST}),
    harms=lambda path, room: any(not p.name.isprintable() for p in path.iterdir()),
)


def _not_unicode(root: Path, name: str) -> None:
    (root / os.fsdecode(b"caf\xe9")).mkdir()
    (root / os.fsdecode(b"caf\xe9") / "scaling.py").write_text(HONEST)


upload(
    os.fsdecode(b"caf\xe9"),
    goal="A name that is no Unicode ends the run when its report is written.",
    make=_not_unicode,
    student="caf�",
    harms=lambda path, room: not path.name.isprintable(),
)
upload(
    "Twin",
    goal="Two ids that differ in capitals only overwrite each other's result.",
    make=HERE,
    harms=lambda path, room: (path.parent / "twin.py").exists(),
)
upload(
    "twin",
    goal="Two ids that differ in capitals only overwrite each other's result.",
    make=HERE,
    harms=lambda path, room: (path.parent / "Twin.py").exists(),
)


def _linked(root: Path, name: str) -> None:
    (root / name).mkdir()
    (root / name / "scaling.py").symlink_to(root.parent / "honest.py")


upload(
    "link_on_disk",
    goal="A link in a student's folder makes the grader read another's work, or its own.",
    make=_linked,
    sentence=r"Nothing for 01_scaling was found",
    harms=lambda path, room: (path / "scaling.py").read_text() == HONEST,
)


def _piped(root: Path, name: str) -> None:
    (root / name).mkdir()
    os.mkfifo(root / name / "scaling.py")


upload(
    "pipe_on_disk",
    goal="A named pipe in a student's folder makes the grader wait for ever.",
    make=_piped,
    sentence=r"Nothing for 01_scaling was found",
    harms=lambda path, room: (path / "scaling.py").is_fifo(),
)


def _twice(root: Path, name: str) -> None:
    (root / name).mkdir()
    (root / name / "scaling.py").write_text(HONEST)
    (root / f"{name}.zip").write_bytes(zipped(("scaling.py", "raise SystemExit\n")))


upload(
    "handed_in_twice",
    goal="Of two entries of one student the wrong one counts, or one overwrites the other.",
    make=_twice,
    harms=lambda path, room: path.with_suffix(".zip").exists(),
)
