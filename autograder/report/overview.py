"""The class at a glance: what the results of many students say together."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.results import ExerciseResult, Result

BINS = 10
_FEWEST = 2
"""From how many attempts on a failure is everybody's, and not one student's."""


@dataclass(frozen=True)
class Bin:
    """A tenth of the points.

    Attributes:
        low: in percent.
        high: in percent; only the last bin holds it.
        count: how many marks lie in it.
        share: of the fullest bin, 0 to 1.
    """

    low: int
    high: int
    count: int
    share: float


@dataclass(frozen=True)
class ExerciseGlance:
    """An exercise over the class.

    Attributes:
        name: of the exercise.
        max_points: that it is worth.
        mean: of the points; None while some are open.
        counts: how many students there are by what came of it: ``right``, ``partly``, ``wrong``,
            ``not attempted`` (or blocked by what is not), ``open`` (waits for a person).
    """

    name: str
    max_points: float
    mean: float | None
    counts: dict[str, int]


@dataclass(frozen=True)
class MistakeGlance:
    """A known mistake and who made it, by id."""

    exercise: str
    name: str
    sentence: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class TestGlance:
    """A test that everybody who got as far as it fails.

    Attributes:
        exercise: that it belongs to.
        name: of the test.
        device: where.
        attempts: how many it ran on.
        category: in which way it fails most often.
    """

    __test__ = False  # not something pytest should collect

    exercise: str
    name: str
    device: str
    attempts: int
    category: str


@dataclass(frozen=True)
class Need:
    """Something that waits for a person: what, and whose it is."""

    what: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class UnitOverview:
    """A unit over the class.

    Attributes:
        name: of the unit.
        max_points: that it is worth.
        counts: how many results there are of each status, and of late ones.
        mean: of the marks of what was graded; None without any.
        median: of the same.
        bins: their distribution.
        exercises: in the order of the handout.
        mistakes: the commonest first.
        never_passed: tests that everybody fails.
        needs: what waits for a person.
    """

    name: str
    max_points: float
    counts: dict[str, int]
    mean: float | None
    median: float | None
    bins: tuple[Bin, ...]
    exercises: tuple[ExerciseGlance, ...]
    mistakes: tuple[MistakeGlance, ...]
    never_passed: tuple[TestGlance, ...]
    needs: tuple[Need, ...]

    @property
    def needy(self) -> int:
        """How many students something waits for."""
        return len({student for need in self.needs for student in need.students})


_KINDS = {
    "full": "right",
    "partial": "partly",
    "wrong": "wrong",
    "not attempted": "not attempted",
    "blocked": "not attempted",
}


def class_overview(results: Sequence[Result], waiting: Sequence[Result] = ()) -> list[UnitOverview]:
    """What the results say, unit by unit.

    Args:
        results: that count.
        waiting: lower ones of a regrade, which wait to be accepted.
    """
    units = sorted({result.unit for result in results})
    return [
        _unit([r for r in results if r.unit == unit], [r for r in waiting if r.unit == unit])
        for unit in units
    ]


def _unit(results: list[Result], waiting: list[Result]) -> UnitOverview:
    marks = [r.mark for r in results if r.status == "graded" and r.mark is not None]
    counts = Counter[str](r.status for r in results)
    counts["late"] = sum(bool(r.late) for r in results)
    most = results[0].max_points
    return UnitOverview(
        name=results[0].unit,
        max_points=most,
        counts=dict(counts),
        mean=statistics.fmean(marks) if marks else None,
        median=statistics.median(marks) if marks else None,
        bins=_bins([mark / most for mark in marks if most > 0]),
        exercises=_exercises(results),
        mistakes=_mistakes(results),
        never_passed=_never_passed(results),
        needs=_needs(results, waiting),
    )


def _bins(shares: list[float]) -> tuple[Bin, ...]:
    counts = Counter(min(max(int(share * BINS + 1e-9), 0), BINS - 1) for share in shares)
    fullest = max(counts.values(), default=1)
    width = 100 // BINS
    return tuple(
        Bin(i * width, (i + 1) * width, counts[i], counts[i] / fullest) for i in range(BINS)
    )


def _exercises(results: list[Result]) -> tuple[ExerciseGlance, ...]:
    found: dict[str, ExerciseGlance] = {}
    for name in dict.fromkeys(e.name for r in results for e in r.exercises):
        here = [e for r in results for e in r.exercises if e.name == name]
        known = [e.points for e in here if e.points is not None]
        counts = Counter(_kind(e) for e in here)
        found[name] = ExerciseGlance(
            name=name,
            max_points=here[0].max_points,
            mean=statistics.fmean(known) if not any(e.waiting for e in here) else None,
            counts=dict(counts),
        )
    return tuple(found.values())


def _kind(exercise: ExerciseResult) -> str:
    """What came of an exercise; a mark that a person gave amounts to what its points say."""
    if exercise.waiting:
        return "open"
    points = exercise.points or 0.0
    by_points = "right" if points >= exercise.max_points else "partly" if points else "wrong"
    return _KINDS.get(exercise.status, by_points)


def _mistakes(results: list[Result]) -> tuple[MistakeGlance, ...]:
    made: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        for exercise in result.exercises:
            if exercise.diagnosis is not None:
                diagnosis = exercise.diagnosis
                key = (exercise.name, diagnosis.mistake, diagnosis.sentence)
                made.setdefault(key, []).append(result.student)
    order = sorted(made, key=lambda key: (-len(made[key]), key))
    return tuple(MistakeGlance(*key, tuple(made[key])) for key in order)


def _never_passed(results: list[Result]) -> tuple[TestGlance, ...]:
    ran: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        for exercise in result.exercises:
            for test in exercise.tests:
                if test.status in ("passed", "failed"):
                    category = test.failure.category if test.failure else ""
                    key = (exercise.name, test.name, test.device)
                    ran.setdefault(key, []).append(category)
    return tuple(
        TestGlance(*key, len(categories), Counter(categories).most_common(1)[0][0])
        for key, categories in ran.items()
        if len(categories) >= _FEWEST and all(categories)
    )


def _needs(results: list[Result], waiting: list[Result]) -> tuple[Need, ...]:
    """The grader's failures first, then marks that would fall, then what is to be marked."""
    needs: dict[str, list[str]] = {}
    for result in results:
        if result.status == "needs a person":
            needs.setdefault(result.message, []).append(result.student)
    counting = {(r.unit, r.student): r for r in results}
    for result in waiting:
        now = counting.get((result.unit, result.student))
        before = "no mark" if now is None or now.mark is None else f"{now.mark:g}"
        after = "no mark" if result.mark is None else f"{result.mark:g}"
        what = f"Graded again it came to {after} instead of {before}, which counts until then."
        needs.setdefault(what, []).append(result.student)
    for result in results:
        for exercise in result.exercises:
            if exercise.waiting and result.resolution is None:
                what = "To be marked" if exercise.points is None else "Points are open"
                needs.setdefault(f"{what}: {exercise.name}.", []).append(result.student)
    return tuple(Need(what, tuple(students)) for what, students in needs.items())
