"""Archives that lead out, hide links, blow up, or are none."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path

from redteam.handing_in import MOST, WRONG, file, member, tarred, upload, zipped
from redteam.unit import HONEST

NOTHING = r"Nothing for 01_scaling was found: hand in scaling\.py"


def _reaches(path: Path, room: Path) -> bool:
    """Unpacked the plain way, a member that is a link reads what lies outside."""
    secret = room / "secret.py"
    secret.write_text("SECRET = 1\n")
    (room / "inside").mkdir()
    link = room / "inside" / "scaling.py"
    link.symlink_to(secret)
    return "SECRET" in link.read_text()


upload(
    "parent_path",
    goal="A member called ../planted is written beside the folder it is unpacked into.",
    make=file(".tar.gz", tarred(("../../planted.py", "x = 1\n"), ("scaling.py", HONEST))),
)
upload(
    "parent_path_zip",
    goal="A member called ../scaling.py takes the place of the work that was checked.",
    make=file(".zip", zipped(("scaling.py", HONEST), ("../scaling.py", WRONG))),
)
upload(
    "absolute_path",
    goal="A member with an absolute name takes the place of the work that was checked.",
    make=file(".zip", zipped(("scaling.py", HONEST), ("/scaling.py", "x = 1\n"))),
)
upload(
    "drive_path",
    goal="A member for drive C: is taken for a student's folder.",
    make=file(".zip", zipped(("C:\\hw\\scaling.py", "x = 1\n"), ("hw\\scaling.py", HONEST))),
)
upload(
    "link_then_file",
    goal="A link to the folder above, then a file through it, is written outside.",
    make=file(
        ".tar.gz",
        tarred(
            ("data/planted.py", "x = 1\n"),
            ("scaling.py", HONEST),
            special=(member("data", tarfile.SYMTYPE, "../.."),),
        ),
    ),
)
upload(
    "link_to_reference",
    goal="A link called scaling.py makes the grader read a file of its own as the student's.",
    make=file(".tar.gz", tarred(special=(member("scaling.py", tarfile.SYMTYPE, "/etc/passwd"),))),
    sentence=NOTHING,
    harms=_reaches,
)
upload(
    "link_in_zip",
    goal="A link in a zip archive makes the grader read a file of its own as the student's.",
    make=file(".zip", zipped(("scaling.py", "/etc/passwd"), mode=stat.S_IFLNK)),
    sentence=NOTHING,
)
upload(
    "hard_link",
    goal="A hard link in an archive makes a name for a file of the grader's.",
    make=file(".tar.gz", tarred(special=(member("scaling.py", tarfile.LNKTYPE, "/etc/passwd"),))),
    sentence=NOTHING,
)
upload(
    "named_pipe",
    goal="A named pipe in an archive makes the grader wait for a writer.",
    make=file(
        ".tar.gz", tarred(("scaling.py", HONEST), special=(member("wait.py", tarfile.FIFOTYPE),))
    ),
)
upload(
    "small_bomb_beside",
    goal="Eighty kilobytes fill the disk with eighty megabytes while they are unpacked.",
    make=file(".zip", zipped(("data.bin", bytes(80 << 20)), ("scaling.py", HONEST))),
)
upload(
    "bomb_module",
    goal="Eighty kilobytes become a module of eighty megabytes in memory.",
    make=file(".zip", zipped(("scaling.py", b"#" * (80 << 20)))),
    sentence=r"scaling\.py is larger than 1 MiB.*Hand in",
)
upload(
    "bomb_tar",
    goal="A compressed tar archive of zeros fills memory and disk while it is unpacked.",
    make=file(".tar.gz", tarred(("data.bin", bytes(80 << 20)))),
    sentence=r"unpacks to more than 250 times its size.*Hand in",
)
upload(
    "many_files",
    goal="Twenty thousand empty files use up the inodes.",
    make=file(".zip", zipped(*[(f"d/{n}.txt", "") for n in range(20_001)])),
    sentence=r"holds more than 20,000 files\. Hand in only",
    harms=lambda path, room: len(zipfile.ZipFile(path).namelist()) > MOST,
)
upload(
    "six_thousand_files",
    goal="Thousands of files beside the module are written to the disk.",
    make=file(".zip", zipped(*[(f"d/{n}.txt", "") for n in range(6_000)], ("scaling.py", HONEST))),
    harms=lambda path, room: len(zipfile.ZipFile(path).namelist()) > MOST,
)
upload(
    "zip_in_zip",
    goal="An archive that was packed twice is called empty.",
    make=file(".zip", zipped(("mine.zip", zipped(("hw/scaling.py", HONEST))))),
)
upload(
    "tar_called_zip",
    goal="An archive with the wrong ending is called damaged.",
    make=file(".zip", tarred(("scaling.py", HONEST))),
)
upload(
    "wrong_twin_first",
    goal="Of two folders with a scaling.py each the grader takes the one that is no work.",
    make=file(".zip", zipped(("__MACOSX/scaling.py", b"\0\5\26\7"), ("hw/scaling.py", HONEST))),
)
upload(
    "upper_case",
    goal="A file called SCALING.PY is not found.",
    make=file(".zip", zipped(("HW/SCALING.PY", HONEST))),
)
upload(
    "colliding_case",
    goal="Of two names that differ in capitals only the wrong one is read.",
    make=file(".zip", zipped(("A/scaling.py", "# nothing yet\n"), ("a/Scaling.py", HONEST))),
)
upload(
    "duplicate_names",
    goal="Two members with one name are called damage, or the checked one is not the graded one.",
    make=file(".zip", zipped(("scaling.py", WRONG), ("scaling.py", HONEST))),
    harms=lambda path, room: _two_of_a_name(path),
)
upload(
    "folder_called_module",
    goal="A folder called scaling.py ends the search with an error.",
    make=file(".zip", zipped(("scaling.py/scaling.py", HONEST))),
)


def _two_of_a_name(path: Path) -> bool:
    names = zipfile.ZipFile(path).namelist()
    return len(names) != len(set(names))


def _encrypted() -> bytes:
    data = bytearray(zipped(("scaling.py", HONEST)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


for name, goal, ending, data, sentence in (
    ("password", "A password ends the run.", ".zip", _encrypted(), "protected with a password"),
    ("rar", "Another kind of archive ends the run.", ".rar", b"Rar!\x1a\x07\1\0", "zip file"),
    (
        "seven_zip",
        "Another kind of archive ends the run.",
        ".7z",
        b"7z\xbc\xaf'\x1c",
        "zip file",
    ),
    ("empty_zip", "An empty archive ends the run.", ".zip", b"", r"is empty\. Pack"),
    ("no_zip", "A text called zip ends the run.", ".zip", b"my homework", "damaged or not a zip"),
    (
        "half_a_zip",
        "An upload that was cut off ends the run.",
        ".zip",
        zipped(("scaling.py", HONEST))[:300],
        r"damaged.*Pack your files again",
    ),
    (
        "half_a_tar",
        "An upload that was cut off ends the run.",
        ".tar.gz",
        tarred(("scaling.py", HONEST))[:300],
        r"damaged.*Pack your files again",
    ),
    ("zip_of_nothing", "An archive without files ends the run.", ".zip", zipped(), NOTHING),
    (
        "zip_of_a_picture",
        "An archive without a module ends the run.",
        ".zip",
        zipped(("photo.jpg", b"\xff\xd8")),
        NOTHING,
    ),
):
    upload(name, goal=goal, make=file(ending, data), sentence=sentence)
