"""Grading again: what changed, and the rule that no mark falls silently.

A result that grades the same work lower than before does not count: it waits beside the results,
and the student keeps the higher mark until a person accepts the lower one. A result without a mark,
because the grader failed this time, waits too. New work counts by the course's own rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.classroom.errors import GradingError
from autograder.course import means_unit
from autograder.results import (
    Folder,
    Result,
    apply_resolutions,
    read_resolutions,
    to_json,
    write_atomically,
)


def falls(before: Result, after: Result, *, best: bool = False) -> bool:
    """Whether a result would lower a mark without anybody having decided so.

    Args:
        before: the result that counts.
        after: of grading again.
        best: whether the course counts the best attempt: then new work lowers nothing either.
    """
    if before.mark is None or before.status != "graded":
        return False
    if after.mark is None:
        return True
    new_work = bool(after.digest) and after.digest != before.digest and not best
    return after.mark < before.mark and not new_work


@dataclass(frozen=True)
class Change:
    """What grading again changed for a student in a unit.

    Attributes:
        before: the earlier result; None if there was none.
        after: the new one; None if it was not graded again.
        waits: whether the new one waits to be accepted.
        exercises: whose points changed, with the points before and after.
    """

    before: Result | None
    after: Result | None
    waits: bool
    exercises: tuple[tuple[str, float | None, float | None], ...]

    @property
    def result(self) -> Result:
        """The newer of the two."""
        found = self.after or self.before
        assert found is not None
        return found


def mark_changes(
    before: Iterable[Result], after: Iterable[Result], waiting: Iterable[Result] = ()
) -> list[Change]:
    """What differs between two runs, by unit and student.

    Args:
        before: the earlier results.
        after: the later ones.
        waiting: those that wait to be accepted; they stand for the later ones of the same work.
    """
    old = {(r.unit, r.student): r for r in before}
    new = {(r.unit, r.student): r for r in after}
    held = {(r.unit, r.student): r for r in waiting}
    found = []
    for key in sorted(old.keys() | new.keys() | held.keys()):
        was, now = old.get(key), held.get(key) or new.get(key)
        different = tuple(_exercises(was, now)) if was and now else ()
        if was and now and was.mark == now.mark and not different and key not in held:
            continue
        found.append(Change(was, now, key in held, different))
    return found


def _exercises(before: Result, after: Result) -> Iterable[tuple[str, float | None, float | None]]:
    old = {e.name: e.points for e in before.exercises}
    new = {e.name: e.points for e in after.exercises}
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def accept_lower(folder: Folder, students: Sequence[str] = (), unit: str = "") -> list[Result]:
    """Let lower marks count that wait for it.

    Args:
        folder: of the class run; its present results are kept in ``previous/`` first.
        students: whose; empty for all.
        unit: in which unit; empty for all.

    Returns:
        The results that count now.

    Raises:
        GradingError: nothing waits for one of them.
    """
    waiting = [r for r in folder.waiting() if r.mark is not None]
    wanted = [
        result
        for result in waiting
        if (not students or result.student in students)
        and (not unit or means_unit(unit, result.unit))
    ]
    for student in students:
        if student not in {result.student for result in wanted}:
            names = ", ".join(sorted({r.student for r in waiting})[:30]) or "nobody"
            raise GradingError(f"No lower mark of {student!r} waits. There are those of {names}.")
    if not wanted:
        return []
    folder.keep_previous()
    decisions = read_resolutions(folder.resolutions_file)
    accepted = [apply_resolutions(result, decisions) for result in wanted]
    for result in accepted:
        write_atomically(folder.result_file(result.unit, result.student), to_json(result))
        folder.waiting_file(result.unit, result.student).unlink()
    return accepted
