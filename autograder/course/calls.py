"""What travels when a unit's functions are called, and which function needs which.

A function's annotation says what of its result stays in the student's process. Its body says which
other functions it needs, and the tests of an exercise say which functions they call.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from autograder.course.declarations import CourseError, functions

OPAQUE_NAMES = frozenset({"Cache", "State", "Model"})
"""Annotations whose values belong to the student: they stay in the student's process."""

Returns: TypeAlias = Literal["opaque"] | tuple[str, ...] | None
"""How a result travels: by value (None), wholly as a handle, or part by part."""


def returns(source: str, function: str) -> Returns:
    """How the result of a function travels from the student's process.

    A part annotated ``Cache``, ``State`` or ``Model`` stays there and is represented by a handle.

    Args:
        source: the text of the module.
        function: a function that it defines.

    Returns:
        None if everything travels by value, ``"opaque"`` if the result is one handle, or for each
        part of a tuple ``"value"`` or ``"opaque"``.

    Raises:
        CourseError: there is no such function, or something opaque is nested in a value.

    Example:
        >>> returns("def f(x) -> tuple[Tensor, Cache]: ...", "f")
        ('value', 'opaque')
    """
    node = functions(ast.parse(source)).get(function)
    if node is None:
        raise CourseError(f"There is no function named {function} in this module.")
    return returned(node)


def returned(node: ast.FunctionDef) -> Returns:
    """The same as `returns`, of a function's syntax tree."""
    annotation = _resolved(node.returns)
    if annotation is None or not _mentions_opaque(annotation):
        return None
    if _is_opaque(annotation):
        return "opaque"
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        container = annotation.value
        if isinstance(container, ast.Name) and container.id in ("tuple", "Tuple"):
            parts = [_resolved(part) for part in annotation.slice.elts]
            if all(
                part is not None and _is_opaque(part) == _mentions_opaque(part) for part in parts
            ):
                return tuple("opaque" if part and _is_opaque(part) else "value" for part in parts)
    raise CourseError(
        f"Line {node.lineno}: {node.name} is annotated -> {ast.unparse(annotation)}, where "
        "something opaque stands inside a value; make Cache, State or Model a part of the returned "
        "tuple itself."
    )


def _resolved(annotation: ast.expr | None) -> ast.expr | None:
    """A quoted annotation means the same as a plain one."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def _mentions_opaque(annotation: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id in OPAQUE_NAMES for node in ast.walk(annotation)
    )


def _is_opaque(annotation: ast.expr) -> bool:
    """Whether it is an opaque name, perhaps with ``| None``."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = (annotation.left, annotation.right)
        return any(map(_is_opaque, sides)) and any(map(_is_none, sides))
    return isinstance(annotation, ast.Name) and annotation.id in OPAQUE_NAMES


def _is_none(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Constant) and annotation.value is None


def names_used(node: ast.AST) -> set[str]:
    """The plain names that a piece of code reads, and the names of its parameters (fixtures)."""
    return {
        child.id if isinstance(child, ast.Name) else child.arg
        for child in ast.walk(node)
        if isinstance(child, ast.Name | ast.arg)
    }


def definitions(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """The top-level statements that give each name of a module its meaning."""
    found: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for child in ast.walk(target):
                    if isinstance(child, ast.Name):
                        found.setdefault(child.id, []).append(node)
    return found


def call_graph(tree: ast.Module) -> dict[str, set[str]]:
    """For each name that a module defines, the other names of the module that it uses."""
    known = definitions(tree)
    return {
        name: set().union(*(names_used(node) for node in nodes)) & known.keys()
        for name, nodes in known.items()
    }


def reachable(graph: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """The names that can be reached from some names, those included."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph.get(name, ()))
    return found


def student_calls(tree: ast.Module, known: Iterable[str]) -> dict[str, set[str]]:
    """For each test of a file, the functions of the student that it calls.

    A test calls what it names as ``student.NAME``, directly or in a helper, a fixture or a constant
    of its file. Where it says ``getattr(student, name)``, any function whose name stands there as
    a string counts.

    Args:
        tree: the syntax tree of a test file.
        known: the functions that a student's module has.

    Returns:
        By the test's name the functions it calls.
    """
    functions_known = set(known)
    named = {name: _Named.of(nodes) for name, nodes in definitions(tree).items()}
    graph = {name: part.names & named.keys() for name, part in named.items()}
    calls = {}
    for test in (name for name in functions(tree) if name.startswith("test")):
        parts = [named[name] for name in reachable(graph, [test])]
        called = set().union(*(part.called for part in parts))
        if any(part.computed for part in parts):
            called.update(*(part.strings for part in parts))
        calls[test] = called & functions_known
    return calls


@dataclass
class _Named:
    """What a definition names.

    Attributes:
        names: that it reads, and its parameters.
        called: names that stand after ``student.``.
        strings: its string constants.
        computed: whether it says ``getattr(student, name)``.
    """

    names: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    computed: bool = False

    @classmethod
    def of(cls, nodes: Iterable[ast.stmt]) -> _Named:
        """What some statements name, found in one walk: test files are long."""
        found = cls()
        for child in (node for top in nodes for node in ast.walk(top)):
            if isinstance(child, ast.Name):
                found.names.add(child.id)
            elif isinstance(child, ast.arg):
                found.names.add(child.arg)
            elif isinstance(child, ast.Attribute):
                if _is_student(child.value):
                    found.called.add(child.attr)
            elif isinstance(child, ast.Constant):
                if isinstance(child.value, str):
                    found.strings.add(child.value)
            elif isinstance(child, ast.Call) and _is_getattr(child):
                found.computed = True
        return found


def _is_student(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "student"


def _is_getattr(call: ast.Call) -> bool:
    named = isinstance(call.func, ast.Name) and call.func.id == "getattr"
    return named and bool(call.args) and _is_student(call.args[0])
