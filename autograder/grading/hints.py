"""A look at a submission's text for what its unit forbids: an early, friendly word.

It reads names and follows imports, so it neither sees everything nor is always right. The rules
themselves hold in the worker, where the code runs; nothing here ever costs a point.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from autograder.course import OPERATOR_GROUPS

# Methods of a tensor that are worth a word wherever they are called; other names are too common.
_METHODS = {"backward", "requires_grad_", "retain_grad", "softmax", "log_softmax", "logsumexp"}
_METHODS |= {"logaddexp", "relu", "sigmoid", "tanh"}
_LONGEST_NAME = 16  # parts; a student's chain of thousands is no name
_COPIES = ("torch._refs", "torch._decomp", "torch._prims", "torch._inductor")


def hints(cells: Iterable[tuple[str, str]], forbidden: Sequence[str]) -> list[str]:
    """Sentences about calls that the unit forbids, with file and line.

    Args:
        cells: label and source of each piece of the submission.
        forbidden: groups of `autograder.course.rules`.

    Example:
        >>> hints([("a.py", "import torch\\ny = torch.softmax(x, 1)")], ["softmax"])
        ['a.py:2: torch.softmax: this unit asks you to write softmax and log-sum-exp yourself.']
    """
    found: list[str] = []
    names: dict[str, str] = {}
    for label, source in cells:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        names |= _imported(tree)
        for line, name in sorted(set(_used(tree, names))):
            group = _group(name, forbidden)
            if group is not None:
                found.append(
                    f"{label}:{line}: {name}: this unit asks you to write "
                    f"{OPERATOR_GROUPS[group].what} yourself."
                )
            elif forbidden and name.startswith(_COPIES):
                found.append(
                    f"{label}:{line}: {name} holds PyTorch's own formulas: write yours yourself."
                )
    return list(dict.fromkeys(found))


def _imported(tree: ast.Module) -> dict[str, str]:
    """What names of the file stand for, as dotted names: ``{"F": "torch.nn.functional"}``."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _used(tree: ast.Module, names: dict[str, str]) -> Iterator[tuple[int, str]]:
    """The uses of PyTorch by line: ``torch.softmax``, ``.backward``, ``requires_grad=True``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = _dotted(node, names)
            if dotted is not None and dotted.startswith("torch."):
                yield node.lineno, dotted
        elif isinstance(node, ast.Name) and names.get(node.id, "").startswith("torch."):
            yield node.lineno, names[node.id]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_COPIES):
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Call):
            yield from _called(node, names)


def _called(node: ast.Call, names: dict[str, str]) -> Iterator[tuple[int, str]]:
    """A call of a tensor's method, as far as one can tell, or with ``requires_grad=True``."""
    method = node.func
    if (
        isinstance(method, ast.Attribute)
        and method.attr in _METHODS
        and _dotted(method, names) is None
        and not (isinstance(method.value, ast.Name) and method.value.id in ("self", "cls"))
    ):
        yield method.lineno, f".{method.attr}()"
    for keyword in node.keywords:
        false = isinstance(keyword.value, ast.Constant) and not keyword.value.value
        if keyword.arg == "requires_grad" and not false:
            yield node.lineno, "requires_grad=True"


def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """The dotted name of an attribute of something imported; None if it is of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _LONGEST_NAME:
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])


def _group(name: str, forbidden: Sequence[str]) -> str | None:
    """The forbidden group that a use belongs to."""
    parts = name.strip(".()").replace("=True", "").split(".")
    for group in forbidden:
        known = OPERATOR_GROUPS[group]
        if name in known.python or any(part in known.words for part in parts):
            return group
    return None
