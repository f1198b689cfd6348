"""The folder of a class run: where results, feedback and decisions are."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from autograder.results.files import read_result
from autograder.results.records import Result


class Folder:
    """The folder that a class run writes: results, feedback, decisions.

    Args:
        path: where; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def result_file(self, unit: str, student: str, attempt: int | None = None) -> Path:
        """Where a result is; of one attempt among several, if `attempt` is given."""
        name = file_name(student)
        if attempt is None:
            return self.path / "results" / unit / f"{name}.json"
        return self.path / "results" / unit / "attempts" / f"{name}@{attempt}.json"

    def feedback_file(self, unit: str, student: str) -> Path:
        """Where the feedback for a student is."""
        return self.path / "feedback" / unit / f"{file_name(student)}.md"

    @property
    def resolutions_file(self) -> Path:
        """Where the decisions of people are."""
        return self.path / "resolutions.json"

    @property
    def has_results(self) -> bool:
        """Whether a class run has written here before."""
        return (self.path / "results").exists()

    def results(self) -> list[Result]:
        """The results that count, by unit and student.

        Raises:
            ResultError: a file cannot be read.
        """
        return list(self.each_result())

    def each_result(self) -> Iterator[Result]:
        """The same, one after another: together they may be large.

        Raises:
            ResultError: a file cannot be read.
        """
        return map(read_result, sorted((self.path / "results").glob("*/*.json")))

    def waiting_file(self, unit: str, student: str) -> Path:
        """Where a result is that would lower a mark, until a person accepts it."""
        return self.path / "waiting" / unit / f"{file_name(student)}.json"

    def waiting(self) -> list[Result]:
        """The results that would lower a mark, by unit and student.

        Raises:
            ResultError: a file cannot be read.
        """
        return [read_result(file) for file in sorted((self.path / "waiting").glob("*/*.json"))]

    def keep_previous(self) -> Path:
        """Copy the results aside, so that grading again loses nothing; returns where to."""
        stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        target, again = self.path / "previous" / stamp, 1
        while target.exists():
            again += 1
            target = target.with_name(f"{stamp}-{again}")
        target.mkdir(parents=True)
        for name in ("results", "feedback", "waiting"):
            if (self.path / name).exists():
                shutil.copytree(self.path / name, target / name)
        return target

    def previous(self) -> Folder | None:
        """The results before they were last graded again; None if they never were."""
        kept = sorted((self.path / "previous").glob("*/results"), key=_when_kept)
        return Folder(kept[-1].parent) if kept else None


def _when_kept(results: Path) -> tuple[str, int]:
    stamp, _, again = results.parent.name.partition("Z-")
    return stamp.removesuffix("Z"), int(again) if again.isdecimal() else 1


def file_name(student: str) -> str:
    """A file name for a student's id: readable, safe on every system, different for each id.

    Example:
        >>> file_name("doe jane"), file_name("../x")
        ('doe jane', '%2Fx-d6b96a97')
    """
    name = quote(student, safe=" @+,=")
    odd = len(name) > 120 or name.startswith(".") or name.endswith((".", " ")) or not name
    odd = odd or re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name) is not None
    if not odd:
        return name
    return f"{name[:100].strip('. ')}-{hashlib.sha256(student.encode()).hexdigest()[:8]}"
