"""Replacements of single functions, and the modules that they make of a reference.

The module is the text of the reference, then what else the file of replacements defines, then the
replacements under the names of what they replace. Nothing is imported or run to compose it.

In a replacement, and in the helpers of its file, the name of the function that it replaces means
the reference's own, so that a mistake can spoil a right answer:

    @mistake("cube_backward", "Your gradient points downhill: its sign is wrong.")
    def sign_is_wrong(dout, cache):
        return -cube_backward(dout, cache)

Everything else in the module calls the replacement. A mistake that is a small change of the
reference's own text says only that, and stays in step with it:

    sign_is_wrong = mistake(
        "cube_backward",
        "Your gradient points downhill: its sign is wrong.",
        change={"3 * x * x * dout": "-3 * x * x * dout"},
    )
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course.calls import definitions
from autograder.course.declarations import (
    CourseError,
    constant,
    decorations,
    functions,
    parse,
    place,
)
from autograder.course.units import Unit

_ORIGINAL = "_reference_"
"""Prefix of the reference's own function in a module that replaces it."""


@dataclass(frozen=True)
class Replacement:
    """What stands in a function's place, and what its declaration says.

    Attributes:
        name: its own.
        line: where it is declared.
        replaces: the function of the reference that it replaces.
        said: the arguments of the declaration by name; those that are not constants are None.
        node: the decorated function; None for a change of the reference's text.
        text: the reference's function with the change; empty for a decorated function.
    """

    name: str
    line: int
    replaces: str
    said: dict[str, object]
    node: ast.FunctionDef | None = None
    text: str = ""


class ReplacementFile:
    """A file of replacements of one unit's functions.

    Args:
        unit: the unit.
        path: the file.
        decorator: that marks a replacement, ``"mistake"`` or ``"alternative"``.
        positional: the names of the decorator's first arguments.
        replaces: the name of the argument that names the function to replace.

    Attributes:
        replacements: its decorated functions, and the changes that are declared.

    Raises:
        CourseError: a declaration is wrong, or the file defines what the reference defines.
    """

    def __init__(
        self, unit: Unit, path: Path, decorator: str, positional: tuple[str, ...], replaces: str
    ) -> None:
        self._path = path
        self._reference = unit.source_file.read_text(encoding="utf-8")
        self._text = path.read_text(encoding="utf-8")
        self._lines = self._text.split("\n")
        tree = parse(path)
        reference = parse(unit.source_file)
        known = functions(reference)
        self.replacements: list[Replacement] = []
        self._helpers: list[ast.stmt] = []
        names: dict[str, int] = {}
        for node in tree.body:
            name, calls = _declared(node, decorator)
            if not calls:
                if not _is_of_the_kit(node, unit.module):
                    self._helpers.append(node)
                continue
            if name in names or (len(calls) > 1 and decorator == "mistake"):
                raise CourseError(
                    f"{place(path, node.lineno)}: {name} stands for two {decorator}s; give "
                    "each a name of its own."
                )
            names[name] = node.lineno
            for call in calls:
                said = _said(path, name, node.lineno, call, positional)
                replaced = said.get(replaces)
                if not isinstance(replaced, str) or replaced not in known:
                    raise CourseError(
                        f"{place(path, node.lineno)}: {name} replaces {replaced!r}, which is "
                        f"no function of {unit.source_file.name}; correct the name."
                    )
                replacement = Replacement(name, node.lineno, replaced, said)
                if isinstance(node, ast.FunctionDef):
                    if "change" in said:
                        raise CourseError(
                            f"{place(path, node.lineno)}: {name} is a function and has a change "
                            "too; either decorate a function, or assign what says the change."
                        )
                    replacement = dataclasses.replace(replacement, node=node)
                else:
                    text = self._changed(replacement, known[replaced])
                    replacement = dataclasses.replace(replacement, text=text)
                self.replacements.append(replacement)
        self._forbid_shadowing(definitions(reference), names)

    def _forbid_shadowing(self, reference: Iterable[str], decorated: Mapping[str, int]) -> None:
        """A helper of the reference's name would change functions that no decorator names."""
        helpers = definitions(ast.Module(self._helpers, []))
        defined = {name: nodes[0].lineno for name, nodes in helpers.items()} | dict(decorated)
        for name in sorted(defined.keys() & set(reference)):
            raise CourseError(
                f"{place(self._path, defined[name])}: {name} is defined in the reference as well; "
                "give it another name here."
            )

    def _changed(self, replacement: Replacement, function: ast.FunctionDef) -> str:
        """The reference's function with the change that a declaration asks for."""
        where = f"{place(self._path, replacement.line)}: {replacement.name}"
        change = replacement.said.get("change")
        if not isinstance(change, dict) or not change:
            raise CourseError(
                f"{where} is no function and changes nothing; say change={{text of the reference: "
                "what stands there instead}, in constants."
            )
        body = [node for node in function.body if not _is_docstring(node)]
        lines = self._reference.split("\n")
        head = lines[function.lineno - 1 : function.body[0].lineno - 1]
        text = "\n".join(lines[body[0].lineno - 1 : function.end_lineno])
        for old, new in change.items():
            if text.count(str(old)) != 1:
                raise CourseError(
                    f"{where} changes {old!r}, which stands {text.count(str(old))} times in the "
                    f"body of {replacement.replaces}; name a piece that stands there once."
                )
            own = re.compile(rf"\b{re.escape(replacement.replaces)}\s*\(")  # a call of it
            if len(own.findall(str(new))) > len(own.findall(str(old))):
                raise CourseError(
                    f"{where} calls {replacement.replaces}, which would be the mistake itself; "
                    "decorate a function, in which that name means the reference's own."
                )
            text = text.replace(str(old), str(new))
        written = "\n".join([*head, text])
        try:
            ast.parse(written)
        except SyntaxError as error:
            raise CourseError(
                f"{where} makes no Python of {replacement.replaces} ({error.msg})."
            ) from None
        return written

    def compose(self, replacements: list[Replacement]) -> str:
        """The text of the reference with some functions replaced.

        Args:
            replacements: what replaces what.

        Returns:
            The text of a module. The reference comes first and unchanged, so that the lines of its
            functions, and ``from __future__``, are where they were.
        """
        renamed = {r.name: r.replaces for r in replacements}
        originals = {r.replaces: f"{_ORIGINAL}{r.replaces}" for r in replacements}
        others = {r.name for r in self.replacements} - renamed.keys()
        parts = [self._reference.rstrip()]
        parts.append("\n".join(f"{kept} = {name}" for name, kept in originals.items()))
        parts += [self._written(node, originals, others) for node in self._helpers]
        for replacement in replacements:
            # One that replaces several functions stands there under each name.
            own = {
                replacement.name: replacement.replaces,
                replacement.replaces: originals[replacement.replaces],
            }
            if replacement.node is not None:
                parts.append(self._written(replacement.node, renamed | own, others))
            else:
                parts.append(replacement.text)
        source = "\n\n\n".join(parts) + "\n"
        ast.parse(source)
        return source

    def _written(self, node: ast.stmt, names: Mapping[str, str], others: set[str]) -> str:
        """The text of a definition with some names exchanged, without the kit's decorators."""
        edits: list[tuple[int, int, int, str]] = []  # line, from and to which byte, new text
        parameters = {child.arg for child in ast.walk(node) if isinstance(child, ast.arg)}
        for child in ast.walk(node):
            if not isinstance(child, ast.Name) or child.id in parameters:
                continue
            if child.id in others and isinstance(child.ctx, ast.Load):
                raise CourseError(
                    f"{place(self._path, child.lineno)}: {child.id} belongs to another variant; "
                    "move what both need into a function without decorator."
                )
            if child.id in names:
                end = child.end_col_offset or child.col_offset
                edits.append((child.lineno, child.col_offset, end, names[child.id]))
        first = node.lineno
        kept: list[ast.expr] = []
        if isinstance(node, ast.FunctionDef):
            ours = decorations(node, "mistake") + decorations(node, "alternative")
            kept = [decorator for decorator in node.decorator_list if decorator not in ours]
        elif isinstance(node, ast.ClassDef) and node.decorator_list:
            first = node.decorator_list[0].lineno
        lines = {
            number: self._lines[number - 1].encode()
            for number in range(first, (node.end_lineno or first) + 1)
        }
        for line, start, end, text in sorted(edits, reverse=True):
            if line in lines:
                lines[line] = lines[line][:start] + text.encode() + lines[line][end:]
        written = [line.decode() for line in lines.values()]
        if isinstance(node, ast.FunctionDef) and node.name in names:
            written[0] = re.sub(rf"def\s+{node.name}\b", f"def {names[node.name]}", written[0])
        return "\n".join([*(f"@{ast.unparse(decorator)}" for decorator in kept), *written])


def _declared(node: ast.stmt, decorator: str) -> tuple[str, list[ast.expr]]:
    """The name of a replacement and what declares it; nothing for any other statement."""
    if isinstance(node, ast.FunctionDef):
        return node.name, decorations(node, decorator)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        called, target = node.value.func, node.targets[0]
        if isinstance(called, ast.Name) and called.id == decorator and isinstance(target, ast.Name):
            return target.id, [node.value]
    return "", []


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _said(
    path: Path, name: str, line: int, call: ast.expr, positional: tuple[str, ...]
) -> dict[str, object]:
    """The arguments of a declaration by name; those that are not constants are None."""
    if not isinstance(call, ast.Call):
        raise CourseError(
            f"{place(path, line)}: the decorator of {name} says nothing; call it with "
            f"{' and '.join(positional)}."
        )
    said: dict[str, object] = dict.fromkeys(positional)
    said |= {name: constant(value) for name, value in zip(positional, call.args, strict=False)}
    return said | {keyword.arg: constant(keyword.value) for keyword in call.keywords if keyword.arg}


def _is_of_the_kit(node: ast.stmt, module: str) -> bool:
    """Whether a statement imports what the variant has anyway, or is the file's docstring."""
    if isinstance(node, ast.ImportFrom):
        return node.module in ("__future__", "autograder.testing", module)
    if isinstance(node, ast.Import):
        return all(name.name in (module, "autograder.testing") for name in node.names)
    return _is_docstring(node)
