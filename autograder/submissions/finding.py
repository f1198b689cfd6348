"""From paths to attempts: whose submission each file, folder or archive is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.submissions.attempts import attempt_folder, split_attempt
from autograder.submissions.drafts import Draft, attempts_of, platform_drafts
from autograder.submissions.naming import is_archive, is_source, stem, without_unit
from autograder.submissions.places import Folder, Packed, Place, has_work, located
from autograder.submissions.platforms import Arrived, Person, Platform
from autograder.submissions.records import MIB, Discovery, Limits, RecognisedUnit, Unreadable
from autograder.submissions.text import clean, decode, listing

_LIST_BYTES = 256 * MIB


def discover(
    paths: Sequence[Path],
    units: Sequence[RecognisedUnit],
    limits: Limits | None = None,
    platforms: Sequence[Platform] = (),
) -> Discovery:
    """All attempts under the given paths; no submission is opened yet.

    A path is one submission (a module, a notebook, an archive, or a folder that directly holds a
    unit's module or notebook or a unit's folder), or a class: a folder or archive with one entry
    for each student, or a download from one of `platforms`. The convention is written
    down in ``docs/submitting.md``.

    Args:
        paths: what the staff named; these may be links, what is inside them may not.
        units: the course's units.
        limits: how much an archive of a class may hold (default `Limits`).
        platforms: whose downloads are known.

    Returns:
        Attempts in the order of students and numbers, and warnings for the staff.

    Raises:
        Unreadable: if a path does not exist or is nothing that could hold submissions.
    """
    limits = limits or Limits()
    search = _Search(units, limits, platforms)
    for path in paths:
        search.path(Path(path))
    attempts, warnings = attempts_of(search.drafts, tuple(unit.module for unit in units))
    return Discovery(attempts, (*search.warnings, *warnings))


class _Search:
    """Collects drafts of attempts; the methods mirror what a path can be."""

    def __init__(
        self, units: Sequence[RecognisedUnit], limits: Limits, platforms: Sequence[Platform]
    ) -> None:
        self.units, self.limits, self.platforms = units, limits, platforms
        self.drafts: list[Draft] = []
        self.warnings: list[str] = []

    def path(self, given: Path) -> None:
        """One path as the staff named it."""
        try:
            path = given.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise Unreadable(
                f"There is nothing at {clean(str(given), 300)}. Check the path."
            ) from None
        if path.is_dir():
            place: Place = Folder(path)
            if self._is_submission(place):
                self._single(place, path)
            else:
                self._class(self._entered(place))
        elif is_archive(path.name):
            self._archive(path)
        elif path.is_file() and is_source(path.name):
            self._single_file(path)
        else:
            raise Unreadable(
                f"{clean(path.name)} is neither a folder nor a submission. Name a folder, a zip or "
                "tar archive, a .py module or an .ipynb notebook."
            )

    def _archive(self, path: Path) -> None:
        try:
            place: Place = self._entered(Packed.at(path, self.limits))
        except Unreadable:
            # Reading it as one submission will say why, and say it in that student's report.
            self._single_file(path)
            return
        if self._is_submission(place) or not self._is_class(place):
            self._single_file(path)
        else:
            self._class(place)

    def _entered(self, place: Place) -> Place:
        """Past folders that are the only thing in their folder, as packing a folder makes them.

        On disk only down to a platform's download: there a single folder is the only student's.
        """
        for _ in range(5):
            entries = place.entries()
            only = next(iter(entries)) if len(entries) == 1 else None
            if only is None or not entries[only] or self._arrived(only, True):
                return place
            if self._is_submission(place):
                return place
            inner = place.inside(only)
            if isinstance(place, Folder) and not self._is_download(inner):
                return place
            place = inner
        return place

    def _is_submission(self, place: Place) -> bool:
        """Whether a place directly holds a unit's file, or a unit's folder with it."""
        modules = {unit.module.casefold() for unit in self.units}
        homes = modules | {unit.name.casefold() for unit in self.units}
        for name, folder in place.entries().items():
            if not folder and is_source(name) and stem(name).casefold() in modules:
                return True
            if folder and name.casefold() in homes:
                inner = place.inside(name).entries()
                if any(is_source(n) and stem(n).casefold() in modules for n in inner):
                    return True
        return False

    def _arrived(self, name: str, folder: bool) -> Arrived | None:
        """What a name says to the first platform that knows it."""
        said = (platform.recognise(name, folder) for platform in self.platforms)
        return next((arrived for arrived in said if arrived is not None), None)

    def _is_download(self, place: Place) -> bool:
        """Whether the names in a place are those that a platform gives."""
        entries = place.entries()
        return any(platform.list_file in entries for platform in self.platforms) or any(
            self._arrived(name, folder) for name, folder in entries.items()
        )

    def _is_class(self, place: Place) -> bool:
        """Whether an archive that is no submission holds several students' work."""
        if self._is_download(place):
            return True
        students = 0
        for name, folder in place.entries().items():
            if folder:
                students += has_work(place.inside(name))
            elif is_source(name):
                return False
            else:
                students += is_archive(name)
        return students > 1

    def _single(self, place: Place, path: Path) -> None:
        self.drafts.append(self._draft(self._owner(path), path.name, place))

    def _draft(self, student: str, label: str, place: Place) -> Draft:
        plain, when, number = split_attempt(student)
        return Draft(plain, label, place.path, [place.whole()], when=when, number=number)

    def _single_file(self, path: Path) -> None:
        named = without_unit(stem(path.name), self.units)
        homes = {n.casefold() for unit in self.units for n in (unit.name, unit.module)}
        student = self._owner(path.parent) if named.casefold() in homes else named
        plain, when, number = split_attempt(student)
        piece = Folder(path.parent).piece(path.name)
        loose = is_source(path.name)
        self.drafts.append(
            Draft(plain, path.name, path, [piece], when=when, number=number, loose=loose)
        )

    def _owner(self, folder: Path) -> str:
        """Whose a folder is: its name, or its parent's if it is named for a unit."""
        homes = {n.casefold() for unit in self.units for n in (unit.name, unit.module)}
        if folder.name.casefold() in homes and folder.parent.name:
            folder = folder.parent
        return folder.name or "submission"

    def _class(self, place: Place) -> None:
        """Every entry of a class folder."""
        before = len(self.drafts)
        entries = dict(place.entries())
        for link in place.links():
            self.warnings.append(f"{clean(link)} is a link and was not followed.")
        for lister in self.platforms:
            if lister.list_file in entries:
                entries = self._listed(place, entries, lister)
        platform: list[tuple[Arrived, str]] = []
        unknown: list[str] = []
        for name, folder in entries.items():
            arrived = self._arrived(name, folder)
            if arrived:
                platform.append((arrived, name))
            elif folder:
                self._student_folder(place, name)
            elif is_archive(name) or is_source(name):
                self._student_file(place, name)
            else:
                unknown.append(name)
        drafts, doubts = platform_drafts(place, platform)
        self.drafts += drafts
        self.warnings += doubts
        if unknown:
            self.warnings.append(f"Not submissions, and ignored: {listing(unknown)}.")
        if len(self.drafts) == before:
            self.warnings.append(f"Nothing in {clean(place.label)} looks like a submission.")

    def _student_folder(self, place: Place, name: str) -> None:
        inner = place.inside(name)
        try:
            entries = inner.entries()
        except Unreadable:
            entries = {}  # reading the attempt will say it
        kept = {n: attempt_folder(n if f else stem(n)) for n, f in entries.items()}
        if kept and all(kept.values()):
            for entry, said in kept.items():
                when, number = said or (None, 0)
                piece = inner.piece(entry)
                label = f"{name}/{entry}"
                self.drafts.append(Draft(name, label, located(inner, entry), [piece], when, number))
            return
        student, when, number = split_attempt(name)
        piece = place.piece(name)
        self.drafts.append(Draft(student, name, located(place, name), [piece], when, number))

    def _student_file(self, place: Place, name: str) -> None:
        student, when, number = split_attempt(stem(name))
        if not when and not number:
            student, when, number = split_attempt(without_unit(stem(name), self.units))
        else:
            student = without_unit(student, self.units)
        piece = place.piece(name)
        draft = Draft(student, name, located(place, name), [piece], when, number)
        self.drafts.append(replace(draft, loose=is_source(name)))

    def _listed(
        self, place: Place, entries: dict[str, bool], platform: Platform
    ) -> dict[str, bool]:
        """The entries that a platform's own list names; what is left is returned."""
        try:
            text, _ = decode(place.text(platform.list_file, _LIST_BYTES), platform.list_file)
            known = platform.read_list(text)
        except Unreadable as error:
            self.warnings.append(f"{error} Students are named by folder instead.")
            known = {}
        rest = {name: folder for name, folder in entries.items() if name != platform.list_file}
        for key, submission in known.items():
            if key not in rest:
                self.warnings.append(f"{clean(key)} is listed in the export but is not in it.")
                continue
            del rest[key]
            people = submission.people or (Person(sid=key),)
            for person in people:
                self.drafts.append(
                    Draft(
                        person.identifier or key,
                        key,
                        located(place, key),
                        [place.piece(key)],
                        submission.when,
                        submission.number,
                        name=person.name,
                        email=person.email,
                    )
                )
        unlisted = [name for name, folder in rest.items() if folder]
        if unlisted:
            self.warnings.append(
                f"The export does not say whose {listing(unlisted)} "
                f"{'is' if len(unlisted) == 1 else 'are'}; named by folder instead."
            )
        return rest
