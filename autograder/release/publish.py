"""Writing a release, also where students or staff have begun to work.

``handgrad.json`` remembers what was released. A file that is still as released is brought up to
date; one that somebody changed stays as it is, and if its released text changed too, the new text
is written beside it. Only files that the tool released, and nobody changed, are ever deleted.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from autograder.course import (
    MARKER,
    CourseError,
    Release,
    Unit,
    find_units,
    read_policy,
    read_release,
)
from autograder.release.figures import figure_files, kept_figures
from autograder.release.folder import ASSIGNMENTS, Contents, digest, write_contents
from autograder.release.package import Package, build_wheel, find_package

_CACHES = {"__pycache__", ".hypothesis", ".ipynb_checkpoints", ".pytest_cache"}


@dataclass(frozen=True)
class ReleaseReport:
    """What a release changed.

    Attributes:
        out: the folder.
        version: e.g. ``"0.1.0+3f2a9c1b"``.
        written: files that are new.
        updated: files that were as released before, and are as released now.
        kept: files that somebody changed, with the place of the new text, or None where the
            released text has not changed.
        removed: files that are no longer part of the release.
        left: files that are no longer part of the release but were changed by somebody.
        wheel: the tool's wheel, if the release holds it.
        notes: further sentences.
    """

    out: Path
    version: str
    written: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: dict[str, str | None] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    wheel: Path | None = None
    notes: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """The report for people, one sentence each."""
        said = [f"Released {self.version} to {self.out}."]
        said += [f"New: {path}." for path in self.written]
        said += [f"Updated: {path}." for path in self.updated]
        for path, beside in self.kept.items():
            if beside is None:
                said.append(f"Kept: {path}, which was changed here.")
            else:
                said.append(f"Kept: {path}, which was changed here; its new text is {beside}.")
        said += [
            f"Removed: {path}, which is no longer part of the course." for path in self.removed
        ]
        said += [
            f"Left: {path}, which is no longer part of the course but was changed here."
            for path in self.left
        ]
        if len(said) == 1:
            said.append("Nothing changed.")
        if self.wheel is not None:
            said.append(f"The tool is in it: {self.wheel.name}.")
        return said + self.notes


def release(
    root: Path, out: Path, *, wheel: bool = True, only: Collection[str] = ()
) -> ReleaseReport:
    """Write what students get.

    Args:
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write to; made if it does not exist. It may hold an earlier release, a
            repository's ``.git``, and work. ``assignments/`` of the course is generated as a whole:
            there, files are overwritten.
        wheel: whether the tool's wheel is part of it.
        only: the names of the units to release, for a course that is published piece by piece;
            units that ``out`` already holds stay in it. None named means all.

    Returns:
        What changed.

    Raises:
        CourseError: a unit cannot be released, or ``out`` is no place for a release. Then nothing
            has been written.
    """
    require_apart(root, out)
    package = find_package()
    generated = out.resolve() == (root / ASSIGNMENTS).resolve()
    if generated and only:
        raise CourseError(
            f"{ASSIGNMENTS}/ holds all units of the course; name another folder for some of them."
        )
    earlier = _released_before(out, forgiving=generated)
    before = dict(earlier.files) if earlier else {}
    if only and earlier:
        only = {*only, *(unit.name for unit in earlier.units)}
    draw = partial(figure_files, root)
    contents = _contents(root, package, draw, wheel=wheel, only=only)
    files = contents.files
    for path in files.keys() | before.keys():
        _within(out, path)

    with tempfile.TemporaryDirectory() as scratch:
        # Built before anything is written: if it fails, nothing has changed.
        built = build_wheel(package, Path(scratch)) if wheel and package.source else None
        report = ReleaseReport(
            out, contents.version, wheel=out / built.name if built is not None else None
        )
        for path, content in files.items():
            if path != MARKER:
                _publish(report, path, content, before.get(path), overwrite=generated)
        for path in sorted(before.keys() - files.keys()):
            _withdraw(report, path, before[path])
        if built is not None:
            _write(out, built.name, built.read_bytes())
            _drop_old_wheels(report, out, built.name)
    _write(out, MARKER, files[MARKER])
    if wheel and package.source is None:
        report.notes.append(
            "The tool was installed from a wheel, so requirements.txt names the published version "
            f"{package.version}."
        )
    return report


def check_assignments(root: Path) -> list[str]:
    """Whether ``assignments/`` is what `release` would write.

    Args:
        root: the course's folder, which holds ``solutions/`` and ``assignments/``.

    Returns:
        A sentence for each difference; none if there is no difference.

    Raises:
        CourseError: a unit cannot be released.
    """
    out = root / ASSIGNMENTS
    differences: list[str] = []
    as_kept = partial(kept_figures, root, differences)
    files = _contents(root, find_package(), as_kept, wheel=False).files
    advice = "run `autograder release`, and commit what it writes"
    for path, content in files.items():
        place = out / path
        if not place.is_file():
            differences.append(f"{ASSIGNMENTS}/{path} is missing: {advice}.")
        elif digest(place.read_bytes()) != digest(content):
            differences.append(f"{ASSIGNMENTS}/{path} is not what solutions/ say: {advice}.")
    for place in sorted(out.rglob("*")) if out.is_dir() else []:
        path = place.relative_to(out).as_posix()
        if path not in files and not place.is_dir() and not _CACHES & set(place.parts):
            differences.append(f"{ASSIGNMENTS}/{path} is not generated from solutions/: delete it.")
    return differences


def _contents(
    root: Path,
    package: Package,
    figures: Callable[[Unit, str], dict[str, bytes]],
    *,
    wheel: bool,
    only: Collection[str] = (),
) -> Contents:
    solutions = root / "solutions"
    units = find_units(solutions)
    if not units:
        raise CourseError(f"{solutions} holds no unit; add a folder like 05_convolution to it.")
    policy = read_policy(solutions / "course.toml")
    policy.check_names(unit.name for unit in units)
    published = wheel and package.source is None
    requirement = f"handgrad=={package.version}" if published else f"./{package.wheel}"
    if only:
        units = [unit for unit in units if unit.name in only]
    return write_contents(units, policy, package, requirement, figures)


def require_apart(root: Path, out: Path) -> None:
    place, secret = out.resolve(), (root / "solutions").resolve()
    if place == secret or secret in place.parents or place in secret.parents:
        raise CourseError(
            f"{out} holds solutions/ or lies in it; release to a folder of its own, for instance "
            f"{ASSIGNMENTS}."
        )
    if out.exists() and not out.is_dir():
        raise CourseError(f"{out} is a file; release to a folder.")


def _released_before(out: Path, *, forgiving: bool) -> Release | None:
    if not (out / MARKER).exists():
        return None
    try:
        return read_release(out)
    except CourseError:
        if forgiving:
            return None
        raise


def _publish(
    report: ReleaseReport, path: str, content: bytes, before: str | None, *, overwrite: bool
) -> None:
    """Write one file, unless that would undo somebody's work."""
    place = _within(report.out, path)
    new = digest(content)
    if not place.exists() and not place.is_symlink():
        _write(report.out, path, content)
        report.written.append(path)
        return
    present = digest(place.read_bytes()) if place.is_file() and not place.is_symlink() else None
    if present == new:
        return
    if present is not None and (present == before or overwrite):
        _write(report.out, path, content)
        report.updated.append(path)
    elif before == new:
        report.kept[path] = None
    else:
        beside = _beside(report.out, path, lambda text: text in (before, new))
        _write(report.out, beside, content)
        report.kept[path] = beside


def _beside(out: Path, path: str, ours: Callable[[str], bool]) -> str:
    """Where the new text of a changed file goes: ``layers.new.py``, or ``layers.new2.py`` if
    somebody changed that too."""
    pure = PurePosixPath(path)
    number = 1
    while True:
        suffix = "new" if number == 1 else f"new{number}"
        beside = str(pure.with_name(f"{pure.stem}.{suffix}{pure.suffix}"))
        place = _within(out, beside)
        if not place.exists() or (place.is_file() and ours(digest(place.read_bytes()))):
            return beside
        number += 1


def _withdraw(report: ReleaseReport, path: str, before: str) -> None:
    """Delete a file that is no longer released, unless somebody changed it."""
    place = _within(report.out, path)
    if place.is_symlink() or not place.is_file():
        return
    if digest(place.read_bytes()) != before:
        report.left.append(path)
        return
    place.unlink()
    report.removed.append(path)
    folder = place.parent
    while folder != report.out.resolve() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _drop_old_wheels(report: ReleaseReport, out: Path, current: str) -> None:
    """Earlier wheels are of no use, unless somebody's own requirements.txt names one."""
    if "requirements.txt" in report.kept:
        return
    for place in out.glob("handgrad-*-py3-none-any.whl"):
        if place.name != current and place.is_file():
            place.unlink()
            report.removed.append(place.name)


def _within(out: Path, path: str) -> Path:
    """A path of the release; an error if a link would lead out of it."""
    place = out.resolve() / path
    if not place.parent.resolve().is_relative_to(out.resolve()):
        raise CourseError(f"{place.parent} is a link that leads out of {out}; remove the link.")
    if place.is_dir() and not place.is_symlink():
        raise CourseError(f"{place} is a folder where the release has a file; rename the folder.")
    return place


def _write(out: Path, path: str, content: bytes) -> None:
    """Write a file so that at every moment it is either the old one or the new one."""
    place = _within(out, path)
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = place.with_name(f".{place.name}.part")
    scratch.write_bytes(content)
    os.replace(scratch, place)
