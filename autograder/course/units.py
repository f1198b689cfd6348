"""A unit and its exercises, read from the unit's folder.

A unit is a folder ``NN_name`` that holds the module ``name.py`` and the tests of its functions. The
tests say what earns points; the module says in which order, and what needs what.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.course.calls import Returns, call_graph, reachable, returned, student_calls
from autograder.course.declarations import (
    CourseError,
    ExerciseTest,
    declared_questions,
    declared_tests,
    functions,
    parse,
    place,
)
from autograder.course.percent import read_cells
from autograder.course.rules import declared_rules

TEST_FILES = {"test_public.py": False, "test_hidden.py": True}
"""The test files of a unit, and whether they are hidden."""

_FOLDER = re.compile(r"(?P<number>\d+)_(?P<module>[a-z][a-z0-9_]*)")
_TITLE = re.compile(r"#+\s*(?:\d+\.?\s+)?(?P<title>.+)")


@dataclass(frozen=True)
class Exercise:
    """One thing that earns points: a function, or a written question.

    Attributes:
        name: the function's name, or the question's.
        function: the function; None for a written question.
        points: what public and hidden tests are worth together, or the question.
        tests: the tests that earn them, as far as they are known here.
        needs: the other functions without which it cannot be right: those that the function uses
            and those that its tests call, and what these use.
    """

    name: str
    function: str | None
    points: float
    tests: tuple[ExerciseTest, ...] = ()
    needs: frozenset[str] = frozenset()

    @property
    def written(self) -> bool:
        """Whether people mark it."""
        return self.function is None


@dataclass(frozen=True)
class Unit:
    """One unit of the course.

    Attributes:
        name: the folder's name, e.g. ``"05_convolution"``.
        number: e.g. ``5``.
        title: from the module's first heading, e.g. ``"Convolution"``.
        folder: where it is.
        module: the name of the module that students complete, e.g. ``"convolution"``.
        exercises: functions and written questions in the order of the module.
        returns: for each public function how its result travels.
        forbids: groups of operators that its exercises may not use (`autograder.course.rules`).
    """

    name: str
    number: int
    title: str
    folder: Path
    module: str
    exercises: tuple[Exercise, ...]
    returns: dict[str, Returns]
    forbids: tuple[str, ...] = ()

    @property
    def source_file(self) -> Path:
        """The module: the reference in ``solutions/``, the stub or student's work elsewhere."""
        return self.folder / f"{self.module}.py"

    @property
    def points(self) -> float:
        """What the whole unit is worth."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def questions(self) -> tuple[Exercise, ...]:
        """The written questions."""
        return tuple(exercise for exercise in self.exercises if exercise.written)

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name, or a `CourseError` that lists the names."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        names = ", ".join(exercise.name for exercise in self.exercises)
        raise CourseError(f"{self.name} has no exercise named {name}; it has {names}.")


def read_unit(folder: Path) -> Unit:
    """Read a unit from its module and its tests; anew only if a file of it has changed.

    Args:
        folder: a folder ``NN_name`` that holds ``name.py``.

    Raises:
        CourseError: the folder's name or something in its files is wrong.
    """
    stamps = ((file.name, file.stat()) for file in sorted(folder.glob("*.py")))
    return _read_unit(folder, tuple((n, s.st_mtime_ns, s.st_size, s.st_ino) for n, s in stamps))


@functools.lru_cache(maxsize=128)
def _read_unit(folder: Path, state: tuple[tuple[str, int, int, int], ...]) -> Unit:
    """Read a unit whose files are in this state."""
    match = _FOLDER.fullmatch(folder.name)
    if match is None:
        raise CourseError(f"{folder} is not named like a unit; name it like 05_convolution.")
    path = folder / f"{match['module']}.py"
    module = parse(path)
    public = {n: node for n, node in functions(module).items() if not n.startswith("_")}
    return Unit(
        name=folder.name,
        number=int(match["number"]),
        title=_title(path, match["module"]),
        folder=folder,
        module=match["module"],
        exercises=_exercises(path, module, public),
        returns={name: _returned(path, node) for name, node in public.items()},
        forbids=declared_rules(path),
    )


def _exercises(
    path: Path, module: ast.Module, public: dict[str, ast.FunctionDef]
) -> tuple[Exercise, ...]:
    """What the tests and text cells of a unit declare, in the order of the module."""
    defined, graph = functions(module), call_graph(module)
    tests: dict[str, list[ExerciseTest]] = {}
    calls: dict[tuple[str, str], set[str]] = {}
    for name, hidden in TEST_FILES.items():
        file = path.with_name(name)
        if not file.is_file():
            continue
        for exercise, found in declared_tests(file, hidden=hidden).items():
            if exercise not in public:
                raise CourseError(
                    f"{place(file, found[0].line)}: {found[0].name} is a test of "
                    f"{exercise}, but {path.name} has no such function; correct the name."
                )
            tests.setdefault(exercise, []).extend(found)
        called = student_calls(parse(file), public)
        calls |= {(name, test): names for test, names in called.items()}
    lined: list[tuple[int, Exercise]] = []
    for name, of_exercise in tests.items():
        start = {name}.union(*(calls[test.file, test.name] for test in of_exercise))
        needs = (reachable(graph, start) & defined.keys()) - {name}
        points = sum(test.points for test in of_exercise)
        exercise_ = Exercise(name, name, points, tuple(of_exercise), frozenset(needs))
        lined.append((defined[name].lineno, exercise_))
    for question in declared_questions(path):
        if question.name in defined:
            raise CourseError(
                f"{place(path, question.line)}: the question {question.name} has the name of a "
                "function; rename it."
            )
        lined.append((question.line, Exercise(question.name, None, question.points)))
    return tuple(exercise for _, exercise in sorted(lined, key=lambda pair: pair[0]))


def _returned(path: Path, node: ast.FunctionDef) -> Returns:
    try:
        return returned(node)
    except CourseError as error:
        raise CourseError(f"{place(path)}: {error}") from error


def unit_folders(root: Path) -> list[Path]:
    """The folders of a folder that are units, by name."""
    if not root.is_dir():
        raise CourseError(f"{root} is not a folder; name one that holds units.")
    return sorted(
        folder
        for folder in root.iterdir()
        if (match := _FOLDER.fullmatch(folder.name))
        and (folder / f"{match['module']}.py").is_file()
    )


def _title(path: Path, module: str) -> str:
    for cell in read_cells(path.read_text(encoding="utf-8")):
        if cell.kind == "markdown" and (match := _TITLE.match(cell.text)):
            return match["title"].strip()
    return module.replace("_", " ").capitalize()
