"""A class of broken and odd uploads, graded by the command itself between honest ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from redteam.handing_in import Upload
from redteam.reports import obeyed, rendered
from redteam.tally import HARMED, SUCCEEDED, TRIED, Tally
from redteam.unit import HONEST, POINTS
from redteam.uploads import every_upload

from autograder.classroom.class_run import Folder
from autograder.results import Result

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="uses names and special files that other systems do not allow"
)

UPLOADS = every_upload()
HONEST_STUDENTS = (
    "0 honest first",
    "m honest in the middle",
    "\N{LATIN SMALL LETTER Z}z honest last",
)


def _label(upload: Upload) -> str:
    return upload.name.encode("unicode_escape", "surrogatepass").decode()[:40]


each_upload = pytest.mark.parametrize("upload", [pytest.param(u, id=_label(u)) for u in UPLOADS])


class Run:
    """What came of the class."""

    def __init__(self, folder: Folder, entries: Path, said: str) -> None:
        self.folder, self.entries, self.said = folder, entries, said
        self.results = {result.student: result for result in folder.results()}

    def told(self, result: Result) -> str:
        """The feedback as it was written."""
        file = self.folder.feedback_file(result.unit, result.student)
        return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("class")
    (root / "honest.py").write_text(HONEST)
    entries = root / "entries"
    entries.mkdir()
    for upload in UPLOADS:
        upload.make(entries)
    for name in HONEST_STUDENTS:
        (entries / f"{name}.py").write_text(HONEST)
    out = root / "out"
    command = [sys.executable, "-m", "autograder", "grade", str(entries), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "--unit", "scaling", "--call-limit", "3"],
        cwd=course,
        env=environment,
        capture_output=True,
        timeout=400,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said, said[-3000:]
    return Run(Folder(out), entries, said)


@each_upload
def test_an_odd_upload_gets_full_marks_and_a_broken_one_a_sentence(
    upload: Upload, run: Run, tally: Tally
) -> None:
    tally(TRIED, f"upload:{_label(upload)}")
    result = run.results.get(upload.student)
    assert result is not None, f"{upload.student!r} is not among {sorted(run.results)}"
    told = run.told(result)
    if upload.sentence:
        said = " ".join([result.message, *result.notes])
        right = bool(re.search(upload.sentence, said)) and result.points == 0.0
        right &= said.endswith(".") and "Traceback" not in told
    else:
        right = (result.status, result.points) == ("graded", POINTS)
    if not right:
        tally(SUCCEEDED, f"upload:{_label(upload)}")
    assert right, f"{upload.goal}\n{result.status} {result.points}: {result.message} {result.notes}"
    assert obeyed(rendered(result)) == []


@each_upload
def test_handled_without_care_an_upload_does_harm(upload: Upload, run: Run, tmp_path: Path) -> None:
    path = next(p for p in run.entries.iterdir() if _student_of(p) == upload.name)
    room = tmp_path / "room"
    room.mkdir()
    assert upload.harms(path, room), upload.goal


def _student_of(path: Path) -> str:
    return re.sub(r"(\.tar\.gz|\.zip|\.rar|\.7z|\.py|\.ipynb)$", "", path.name)


def test_the_honest_among_them_get_full_marks(run: Run, tally: Tally) -> None:
    points = {name: run.results[name].points for name in HONEST_STUDENTS}
    for name in [name for name, got in points.items() if got != POINTS]:
        tally(HARMED, name)
    assert set(points.values()) == {POINTS}


def test_nothing_is_lost_and_nobody_is_invented(run: Run) -> None:
    assert set(run.results) == {u.student for u in UPLOADS} | set(HONEST_STUDENTS)


def test_no_report_on_the_class_is_obeyed_by_what_shows_it(run: Run) -> None:
    assert obeyed(rendered(*run.results.values(), folder=run.folder)) == []
    table = (run.folder.path / "grades.csv").read_text(encoding="utf-8")
    assert obeyed({"csv": table}) == []
    assert obeyed({"terminal": run.said}) == []
