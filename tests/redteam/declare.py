"""How an attack is declared: what it wants, what it does, what stops it, how one sees that it won.

    @attack(
        goal="The text of the hidden tests is printed.",
        stopped_by=PROCESS,
        won=printed(SECRET),
    )
    def looks_for_the_tests():
        ...

The function's text becomes part of a submission; nothing of it runs here. Without arguments it runs
while the submission loads; with ``instead_of="total"`` it takes the place of that function, and
finds the right one as `honest.total`. What it may know of this machine is in `world`.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from autograder.grading.grader import Graded
from autograder.results import ExerciseResult, Result

world: Any = SimpleNamespace()
"""What a submission's text calls `world`; see `World.facts`."""

honest: Any = SimpleNamespace()
"""What a submission's text calls `honest`: the right functions."""


@dataclass(frozen=True)
class Layer:
    """Something that stops attacks, and what grading is like without it.

    Attributes:
        name: a noun phrase.
        apart: whether the code still runs in a process of its own.
        without: layers of the worker's confinement that are left out.
        limits: other limits of a worker.
        settings: other settings of grading.
        patches: (object, attribute, value): a check of the grader's taken out.
    """

    name: str
    apart: bool = True
    without: frozenset[str] = frozenset()
    limits: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    patches: tuple[tuple[Any, str, Any], ...] = ()


@dataclass
class Seen:
    """What there is to see after a submission was graded.

    Attributes:
        graded: what came of it; None if the grader failed.
        fault: what the grader failed with; empty if it did not.
        told: everything that the student is sent.
        world: what the attack aimed at.
        next_points: what an honest submission got that was graded after it in the same process.
        result: the result as it is written down.
    """

    graded: Graded | None
    fault: str
    told: str
    world: Any
    next_points: float
    result: Result | None = None

    def exercise(self, name: str) -> ExerciseResult | None:
        """What came of one exercise."""
        found = self.graded.exercises if self.graded is not None else []
        return next((e for e in found if e.name == name), None)

    @property
    def categories(self) -> set[str]:
        """In which ways tests failed that were run."""
        found = self.graded.exercises if self.graded is not None else []
        tests = [t for e in found for t in e.tests if t.status == "failed"]
        return {t.failure.category for t in tests if t.failure is not None}


Won = Callable[[Seen], bool]


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: what it does, as its function is called.
        theme: the module that declares it.
        goal: what success is for the attacker, in one sentence.
        stopped_by: what stops it.
        won: whether it succeeded.
        code: its text.
        instead_of: the function of the unit that it takes the place of.
        limits: limits of its worker, so that what it uses up is little.
        settings: settings of grading it, so that it is stopped soon.
        impossible: why it cannot succeed on this machine, even where nothing stops it; or "".
    """

    name: str
    theme: str
    goal: str
    stopped_by: Layer
    won: Won
    code: str
    instead_of: str = ""
    limits: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    impossible: Callable[[], str] = lambda: ""


ATTACKS: list[Attack] = []


def attack(
    *,
    goal: str,
    stopped_by: Layer,
    won: Won,
    instead_of: str = "",
    once: bool = False,
    uses: tuple[Callable[..., Any], ...] = (),
    limits: dict[str, int] | None = None,
    settings: dict[str, Any] | None = None,
    impossible: Callable[[], str] = lambda: "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as an attack; see `Attack`.

    Args:
        goal, stopped_by, won, instead_of, limits, settings, impossible: see there.
        once: only in the first call; the right function answers the others.
        uses: helpers whose text goes along.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parts = [_text(helper) for helper in (*uses, only_once)] + [_text(function)]
        run = f"{function.__name__}()"
        if instead_of:
            run = f"{instead_of} = {function.__name__}"
        if once:
            run = f"{instead_of} = only_once({function.__name__}, honest.{instead_of})"
        ATTACKS.append(
            Attack(
                name=function.__name__,
                theme=function.__module__.rpartition(".")[2],
                goal=goal,
                stopped_by=stopped_by,
                won=won,
                code="\n\n".join([*parts, run]),
                instead_of=instead_of,
                limits=limits or {},
                settings=settings or {},
                impossible=impossible,
            )
        )
        return function

    return declare


def only_once(first, usual):
    """A function that is `first` in its first call and `usual` after that. Part of submissions."""
    called = []

    def function(*args, **kwargs):
        if called:
            return usual(*args, **kwargs)
        called.append(True)
        return first(*args, **kwargs)

    return function


def _text(function: Callable[..., Any]) -> str:
    """A function's text without its decorators."""
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    return ast.get_source_segment(source, node) or ""


# How one sees that an attack succeeded


def printed(text: str) -> Won:
    """The attacker's code got so far as to print this."""
    return lambda seen: seen.graded is not None and text in seen.graded.output


def gets_marks_for(*exercises: str) -> Won:
    """Wrong code was given points for these exercises."""

    def won(seen: Seen) -> bool:
        found = [seen.exercise(name) for name in exercises]
        return all(e is not None and e.points == e.max_points for e in found)

    return won


def is_believed(seen: Seen) -> bool:
    """What came was taken for answers: right or wrong, but nothing was refused."""
    return seen.graded is not None and not seen.categories & {"protocol", "crash", "timeout"}


def fails_with(category: str) -> Won:
    """A test failed in this way."""
    return lambda seen: category in seen.categories


def breaks_the_grader(seen: Seen) -> bool:
    """Grading ended without a result."""
    return bool(seen.fault)


def tells_the_student(text: str) -> Won:
    """What the student is sent holds this."""
    return lambda seen: text in seen.told


def harms_the_next(full: float) -> Won:
    """An honest submission, graded next, lost points."""
    return lambda seen: seen.next_points < full
