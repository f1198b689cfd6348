"""What the files of a unit declare, read from their text without running them.

Tests declare exercises and points (``@exercise("linear_forward", points=2)``), the module's text
cells declare written questions. Everything here is `ast`: a unit can be listed without importing
torch, and a half-written file can be listed without running it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course.percent import Cell, read_cells
from autograder.errors import HandgradError


class CourseError(HandgradError):
    """Something in the course's own files is wrong. Its text is a sentence that says where and what
    to do."""


@dataclass(frozen=True)
class ExerciseTest:
    """One test function of an exercise.

    Attributes:
        name: the function's name, e.g. ``"test_linear_forward_matches_the_reference"``.
        file: the file it stands in, e.g. ``"test_hidden.py"``.
        line: the line of its ``def``.
        points: what it is worth, all or nothing.
        hidden: whether students do not have it.
        speed: how many times as long as the reference the exercise's function may take; None if
            the test does not ask for speed.
    """

    name: str
    file: str
    line: int
    points: float
    hidden: bool
    speed: float | None = None


@dataclass(frozen=True)
class Question:
    """A written question, declared by a text cell with ``question="name" points=2``."""

    name: str
    points: float
    line: int


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file, or a `CourseError` naming the line that is not Python.

    Shared by all who ask for the same file: not to be changed.
    """
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise CourseError(
            f"{place(path, error.lineno)}: this is not valid Python ({error.msg}); correct it."
        ) from error
    except (OSError, ValueError) as error:
        raise CourseError(f"{path}: cannot be read ({error}).") from error


@functools.lru_cache(maxsize=4)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def place(path: Path, line: int | None = None) -> str:
    """A short name for a place in a unit: its folder, its file and the line.

    Example:
        >>> place(Path("solutions/03_layers/test_hidden.py"), 12)
        '03_layers/test_hidden.py:12'
    """
    short = f"{path.parent.name}/{path.name}"
    return short if line is None else f"{short}:{line}"


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions that a module defines at its top level, the last of each name, in order."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def decorations(node: ast.FunctionDef, name: str) -> list[ast.expr]:
    """The decorators of a definition that are called ``name``, however the name was imported."""
    found = []
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        last = function.attr if isinstance(function, ast.Attribute) else None
        if last == name or (isinstance(function, ast.Name) and function.id == name):
            found.append(decorator)
    return found


# Tests ----------------------------------------------------------------------------------------


def declared_tests(path: Path, *, hidden: bool) -> dict[str, list[ExerciseTest]]:
    """The tests of a file by the exercise that they name, in the order of the file.

    Args:
        path: a test file of a unit.
        hidden: whether students do not have it.

    Returns:
        For each exercise its tests.

    Raises:
        CourseError: a test names no exercise, names it by something that is not a constant, has a
            name that does not begin with its exercise, or hides another test of the same name.
    """
    tests: dict[str, list[ExerciseTest]] = {}
    seen: dict[str, int] = {}
    for node in parse(path).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
            continue
        if node.name in seen:
            raise CourseError(
                f"{place(path, node.lineno)}: {node.name} is defined a second time (first on line "
                f"{seen[node.name]}), so the first would never run; rename one of them."
            )
        seen[node.name] = node.lineno
        exercise, points, speed = _exercise(path, node)
        if speed is not None and not hidden:
            raise CourseError(
                f"{place(path, node.lineno)}: {node.name} asks for speed, which only the grader "
                "can measure; move it to test_hidden.py."
            )
        if not f"{node.name}_".startswith(f"test_{exercise}_"):
            raise CourseError(
                f"{place(path, node.lineno)}: {node.name} is a test of {exercise}; begin its name "
                f"with test_{exercise}_, so that `pytest -k {exercise}` finds it."
            )
        test = ExerciseTest(node.name, path.name, node.lineno, points, hidden, speed)
        tests.setdefault(exercise, []).append(test)
    return tests


def _exercise(path: Path, node: ast.FunctionDef) -> tuple[str, float, float | None]:
    where = place(path, node.lineno)
    example = f'@exercise("{node.name.removeprefix("test_")}", points=1)'
    found = decorations(node, "exercise")
    if len(found) != 1 or not isinstance(found[0], ast.Call):
        problem = "names no exercise" if not found else "does not name its exercise in one call"
        raise CourseError(f"{where}: {node.name} {problem}; write e.g. {example} above it.")
    call = found[0]
    given = dict(zip(("name", "points"), call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    name, points = constant(given.get("name")), constant(given.get("points"))
    if not isinstance(name, str) or not name.isidentifier():
        raise CourseError(f"{where}: the exercise must be named by a constant, e.g. {example}.")
    speed = constant(given.get("speed"))
    if speed is None and "speed" not in given:
        return name, _points(points, where, example), None
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not speed > 1:
        raise CourseError(f"{where}: speed must be a constant above 1, e.g. speed=5.")
    return name, _points(points, where, example), float(speed)


def _points(points: object, where: str, example: str) -> float:
    if isinstance(points, bool) or not isinstance(points, int | float) or not points > 0:
        raise CourseError(f"{where}: points must be a constant above 0, e.g. {example}.")
    return float(points)


def constant(node: ast.expr | None) -> object:
    """The value of a literal expression; None if it is missing or is not a literal."""
    if node is None:
        return None
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        return None
    return value


# Written questions ----------------------------------------------------------------------------


def declared_questions(path: Path) -> list[Question]:
    """The written questions of a module, in order.

    Raises:
        CourseError: a question has no points, is declared twice, or has no cell for its answer.
    """
    cells = read_cells(path.read_text(encoding="utf-8"))
    answers = _named(path, cells, "answer")
    questions = []
    for name, cell in _named(path, cells, "question").items():
        where = place(path, cell.line)
        example = f'# %% [markdown] question="{name}" points=2'
        if name not in answers:
            raise CourseError(
                f"{where}: the question {name} has no cell for its answer; add one that begins "
                f'# %% [markdown] answer="{name}"'
            )
        points = _points(cell.metadata.get("points"), where, example)
        questions.append(Question(name, points, cell.line))
    for name in answers.keys() - {question.name for question in questions}:
        raise CourseError(
            f"{place(path, answers[name].line)}: there is no question named {name}; add its cell, "
            f'which begins # %% [markdown] question="{name}" points=2'
        )
    return questions


def _named(path: Path, cells: Iterable[Cell], key: str) -> dict[str, Cell]:
    named: dict[str, Cell] = {}
    for cell in cells:
        if key not in cell.metadata:
            continue
        name = cell.metadata[key]
        where = place(path, cell.line)
        if not isinstance(name, str) or not name.isidentifier() or cell.kind != "markdown":
            raise CourseError(
                f'{where}: write {key}="name" in a markdown cell, with a name like a variable\'s.'
            )
        if name in named:
            raise CourseError(f"{where}: the {key} {name} stands there twice; rename one of them.")
        named[name] = cell
    return named
