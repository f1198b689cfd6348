"""Attempts in the making: put in order, numbered, and named safely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.submissions.naming import is_archive
from autograder.submissions.places import Place
from autograder.submissions.platforms import Arrived
from autograder.submissions.records import Attempt, Piece
from autograder.submissions.text import clean, listing


@dataclass(frozen=True)
class Draft:
    """What one entry of a class said about an attempt.

    Attributes:
        student: identifier, as it arrived.
        label, path, pieces, when, name, late, email: as in `Attempt`.
        number: the number the name gives, or 0.
        loose: a single module or notebook, which joins what else its student handed in.
    """

    student: str
    label: str
    path: Path
    pieces: list[Piece]
    when: str | None = None
    number: int = 0
    name: str = ""
    late: bool | None = None
    email: str = ""
    loose: bool = False


def attempts_of(
    drafts: Sequence[Draft], modules: tuple[str, ...]
) -> tuple[tuple[Attempt, ...], list[str]]:
    """Attempts by student and number, and warnings about names that look alike."""
    warnings: list[str] = []
    students: dict[str, list[Draft]] = {}
    for draft in drafts:
        students.setdefault(draft.student, []).append(draft)
    shown = _shown(list(students), warnings)
    attempts: list[Attempt] = []
    for student in sorted(students, key=lambda s: (shown[s].casefold(), shown[s])):
        merged = _merged(students[student], shown[student], warnings)
        for number, draft in _numbered(merged):
            attempts.append(
                Attempt(
                    student=shown[student],
                    name=clean(draft.name),
                    label=clean(draft.label),
                    when=draft.when,
                    number=number,
                    late=draft.late,
                    path=draft.path,
                    pieces=tuple(draft.pieces),
                    modules=modules,
                    email=clean(draft.email),
                )
            )
    return tuple(attempts), warnings


def _shown(students: list[str], warnings: list[str]) -> dict[str, str]:
    """Raw identifier -> a safe one; two that would look the same are kept apart."""
    shown: dict[str, str] = {}
    taken: dict[str, str] = {}
    for student in sorted(students):
        plain = clean(student).replace("/", "_").replace("\\", "_") or "nameless"
        name, count = plain, 2
        while name in taken:
            name, count = f"{plain}~{count}", count + 1
        if name != plain:
            warnings.append(f"Two students are both called {plain}; one is shown as {name}.")
        taken[name] = student
        shown[student] = name
    alike: dict[str, list[str]] = {}
    for name in taken:
        alike.setdefault(name.casefold(), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            warnings.append(
                f"{listing(names)} differ only in upper and lower case; they were taken for "
                "different students."
            )
    return shown


def _merged(drafts: list[Draft], student: str, warnings: list[str]) -> list[Draft]:
    """One draft for everything that says nothing about being a separate attempt.

    Modules and notebooks of one student lying side by side are one submission; an archive beside
    the folder it was unpacked to is not read twice.
    """
    plain = [d for d in drafts if not d.when and not d.number]
    rest = [d for d in drafts if d.when or d.number]
    merged: list[Draft] = []
    for parent in dict.fromkeys(d.path.parent for d in plain):
        here = [d for d in plain if d.path.parent == parent]
        loose = [d for d in here if d.loose]
        # A folder before an archive, a zip archive before others: sorted by how they were found.
        packed = sorted(
            (d for d in here if not d.loose),
            key=lambda d: (is_archive(d.label), not d.label.casefold().endswith(".zip"), d.label),
        )
        if len(packed) > 1:
            others = listing([d.label for d in packed[1:]])
            warnings.append(
                f"{student} has more than one submission without a time or number; "
                f"{clean(packed[0].label)} was used and {others} ignored."
            )
        kept = [*packed[:1], *loose]
        first = kept[0]
        pieces = [piece for draft in kept for piece in draft.pieces]
        merged.append(Draft(first.student, first.label, first.path, pieces))
    if len(merged) > 1:
        places = listing([str(d.path) for d in merged])
        warnings.append(f"{student} was found in several places, as several attempts: {places}.")
    return rest + merged


def _numbered(drafts: list[Draft]) -> list[tuple[int, Draft]]:
    """Drafts in the order of time, then number; with their own numbers if those are distinct."""
    ordered = sorted(drafts, key=lambda d: (d.when or "", d.number))
    own = [draft.number for draft in ordered]
    if all(own) and own == sorted(set(own)):
        return list(zip(own, ordered, strict=True))
    return list(enumerate(ordered, start=1))


def platform_drafts(
    place: Place, found: Iterable[tuple[Arrived, str]]
) -> tuple[list[Draft], list[str]]:
    """Files that a platform named: those of one student are one submission.

    Args:
        place: where they lie.
        found: what each name says, and the name.

    Returns:
        The attempts, and sentences about what is odd.
    """
    drafts: list[Draft] = []
    warnings: list[str] = []
    students: dict[str, list[tuple[Arrived, str]]] = {}
    for arrived, name in found:
        students.setdefault(arrived.student, []).append((arrived, name))
    for student, files in students.items():
        names = list(dict.fromkeys(arrived.name for arrived, _ in files))
        if len(names) > 1:
            warnings.append(
                f"The number {clean(student)} belongs to {listing(names)}; their files were "
                "taken for one student's."
            )
        for when in dict.fromkeys(arrived.when for arrived, _ in files):
            together = [(arrived, name) for arrived, name in files if arrived.when == when]
            drafts += _of_one_moment(place, student, names[0], when, together)
    return drafts, warnings


def _of_one_moment(
    place: Place,
    student: str,
    name: str,
    when: str | None,
    files: Sequence[tuple[Arrived, str]],
) -> list[Draft]:
    """The attempts in the files that one student handed in at a moment; None: at any."""
    drafts: list[Draft] = []
    bases = [arrived.base for arrived, _ in files if arrived.base]
    again = len(bases) != len(set(bases))
    versions = sorted({arrived.version for arrived, _ in files})
    for version in versions if again else versions[-1:]:
        # At each version the newest of every file up to then: what would have been shown.
        latest: dict[str, tuple[Arrived, str]] = {}
        for arrived, called in sorted(files, key=lambda pair: (pair[0].version, pair[1])):
            if arrived.version <= version:
                latest[arrived.base or called] = (arrived, called)
        shown = list(latest.values())
        late = [arrived.late for arrived, _ in shown if arrived.late is not None]
        drafts.append(
            Draft(
                student,
                shown[-1][1],
                place.path,
                [place.piece(called, arrived.file or called) for arrived, called in shown],
                when=when,
                number=0 if when else version + 1,
                name=name,
                late=any(late) if late else None,
            )
        )
    return drafts
