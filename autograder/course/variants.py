"""Known mistakes and other correct ways: the modules that a unit's files make of its reference.

``mistakes.py`` and ``alternatives.py`` hold replacements of single functions. A variant is the
whole module that results; `autograder.course.replacements` composes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.course.declarations import CourseError, place
from autograder.course.replacements import Replacement, ReplacementFile
from autograder.course.units import Unit


@dataclass(frozen=True)
class Mistake:
    """A module in which one function is wrong in a known way.

    Attributes:
        name: the name it has in ``mistakes.py``.
        exercise: the function that it replaces.
        sentence: what a student who made it should be told.
        source: the text of the module.
        on: ``"cuda"`` if it is no mistake on the CPU; empty if it is one everywhere.
        equal_in: exercises that use the function and come to the same with the mistake.
    """

    name: str
    exercise: str
    sentence: str
    source: str
    on: str = ""
    equal_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alternative:
    """A module that is right in another way.

    Attributes:
        title: what is different about it, e.g. ``"loops over samples"``.
        functions: the functions that it replaces.
        exempt: checks that do not apply to it, e.g. ``{"speed"}``.
        source: the text of the module.
    """

    title: str
    functions: tuple[str, ...]
    exempt: frozenset[str]
    source: str


def mistakes(unit: Unit) -> list[Mistake]:
    """The known wrong implementations of a unit, in the order of ``mistakes.py``.

    Args:
        unit: a unit of ``solutions/``.

    Returns:
        One module for each; none if the unit has no such file.

    Raises:
        CourseError: a declaration is wrong, or the file defines what the reference defines.
    """
    path = unit.folder / "mistakes.py"
    if not path.is_file():
        return []
    file = ReplacementFile(unit, path, "mistake", ("exercise", "sentence"), "exercise")
    found = []
    for replacement in file.replacements:
        sentence = replacement.said["sentence"]
        if not isinstance(sentence, str) or not sentence.strip():
            raise CourseError(
                f"{place(path, replacement.line)}: {replacement.name} has no sentence "
                "for the student; say as a constant what was done wrong and what is right."
            )
        on = replacement.said.get("on", "")
        if on not in ("", "cuda"):
            raise CourseError(
                f"{place(path, replacement.line)}: {replacement.name} says on={on!r}; "
                'say on="cuda" for a mistake that is none on the CPU, or leave it out.'
            )
        equal = replacement.said.get("equal_in", ())
        if not isinstance(equal, tuple) or not all(name in unit.returns for name in equal):
            raise CourseError(
                f"{place(path, replacement.line)}: equal_in of {replacement.name} must name "
                'functions of the unit, e.g. equal_in=("softmax_jacobian",).'
            )
        source = file.compose([replacement])
        found.append(
            Mistake(replacement.name, replacement.replaces, sentence, source, str(on), equal)
        )
    return found


def alternatives(unit: Unit) -> list[Alternative]:
    """The other correct implementations of a unit, in the order of ``alternatives.py``.

    Args:
        unit: a unit of ``solutions/``.

    Returns:
        One module for each title; none if the unit has no such file.

    Raises:
        CourseError: a declaration is wrong, or the file defines what the reference defines.
    """
    path = unit.folder / "alternatives.py"
    if not path.is_file():
        return []
    file = ReplacementFile(unit, path, "alternative", ("title",), "replaces")
    titled: dict[str, list[Replacement]] = {}
    for replacement in file.replacements:
        title = replacement.said["title"]
        if not isinstance(title, str) or not title.strip():
            raise CourseError(
                f"{place(path, replacement.line)}: the title of {replacement.name} "
                "must be a constant text."
            )
        together = titled.setdefault(title, [])
        if any(replacement.replaces == other.replaces for other in together):
            raise CourseError(
                f"{place(path, replacement.line)}: the alternative {title!r} replaces "
                f"{replacement.replaces} twice; give one of them another title."
            )
        together.append(replacement)
    return [
        Alternative(
            title,
            tuple(replacement.replaces for replacement in together),
            frozenset().union(*(_exempt(path, replacement) for replacement in together)),
            file.compose(together),
        )
        for title, together in titled.items()
    ]


def _exempt(path: Path, replacement: Replacement) -> frozenset[str]:
    said = replacement.said.get("exempt", set())
    if not isinstance(said, set | frozenset | list | tuple) or not all(
        isinstance(name, str) for name in said
    ):
        raise CourseError(
            f"{place(path, replacement.line)}: exempt must be a set of constant names, e.g. "
            'exempt={"speed"}.'
        )
    return frozenset(said)
