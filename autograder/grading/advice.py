"""What to write instead, where a student's code is right on the CPU and wrong on a second device.

The sentence is derived from the student's own source, near the line that failed: it is the
student's text and ours, so it may be told of hidden tests too.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autograder.course import call_graph, definitions, reachable
from autograder.devices import Note

_LONGEST_SHOWN = 60
# The text is a student's and is read in the grader's process, for every test that fails: what is
# beyond these is not read, and everything else in one pass.
_LARGEST_SOURCE = 1 << 18
_LONGEST_LINE = 1000
_MOST_NOTES = 8

# What makes a tensor on the CPU unless it is told where.
_FACTORIES = frozenset(
    {
        *("arange", "as_tensor", "asarray", "empty", "eye", "full", "linspace", "logspace", "ones"),
        *("rand", "randint", "randn", "randperm", "range", "scalar_tensor", "tensor", "zeros"),
        *("tril_indices", "triu_indices", "hamming_window", "hann_window"),
    }
)
_FROM_NUMPY = frozenset({"from_numpy", "frombuffer"})
_NUMPY = frozenset({"numpy", "__array__"})

NOTED = {
    "cpu": "copies a tensor to the CPU",
    "item": "takes a number out of a tensor",
    "float": "makes a Python number of a tensor",
    "int": "makes a Python number of a tensor",
    "tolist": "makes a list of a tensor",
    "bool": "decides by the value of a tensor",
}


@dataclass(frozen=True)
class _Suspect:
    line: int
    sentence: str


def is_about_placement(message: str) -> bool:
    """Whether an exception's text is of those that PyTorch has for tensors on wrong devices."""
    return re.search(r"\bdevices?\b|\bcuda\b|on cpu\b|torch\.cuda\.", message) is not None


def devices_named(message: str) -> list[str]:
    """The devices that a message names, each once: nothing else of it."""
    return list(dict.fromkeys(re.findall(r"\b(?:cuda:\d|cuda|cpu)\b", message)))


def advice(
    sources: Mapping[str, str], line: str, message: str, functions: Iterable[str], device: str
) -> str:
    """What to write instead.

    Args:
        sources: the student's text, by label.
        line: ``label:number`` of the line that raised; empty if a result was on a wrong device.
        message: of the exception or of the comparison; only the devices it names are used.
        functions: the student's functions that were called, the last one first.
        device: where the inputs were.

    Returns:
        A sentence or two, of the devices and of the line to change.
    """
    named = [name for name in devices_named(message) if name != "cuda"]
    met = " and ".join(named[:3]) or device
    told = f"The inputs are on {device}" + (f"; this is about {met}. " if len(named) > 1 else ". ")
    label, _, number = line.rpartition(":")
    suspects = _near(sources.get(label, ""), int(number)) if number.isdigit() else []
    if not suspects:
        order = list(functions)
        found = ((label, _reached(source, order)) for label, source in sources.items())
        label, suspects = next((pair for pair in found if pair[1]), ("", []))
    if not suspects:
        return f"{told}Make every new tensor where the inputs are: device=x.device."
    last = suspects[-1]
    return f"{told}{label}:{last.line}: {last.sentence}"


def noted(notes: Iterable[Note], device: str) -> list[str]:
    """Sentences about lines that make a GPU wait for the CPU; not mistakes.

    Args:
        notes: where the code left the device.
        device: its name.
    """
    sentences = [
        f"{note.file}:{note.line} {NOTED[note.kind]}, and a GPU waits for it (seen on {device}; "
        "costs no points)."
        for note in notes
    ]
    if len(sentences) > _MOST_NOTES:
        more = len(sentences) - _MOST_NOTES
        sentences[_MOST_NOTES:] = [f"{more} more lines make a GPU wait."]
    return sentences


class _Text:
    """A student's text, read once.

    Args:
        source: the text; one that cannot be read is like an empty one.
    """

    def __init__(self, source: str) -> None:
        self.tree = ast.Module([], [])
        self._lines: list[bytes] = []
        if len(source) > _LARGEST_SOURCE:
            return
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            self.tree = ast.parse(source)
            self._lines = [line.encode() for line in source.split("\n")]

    def shown(self, node: ast.expr) -> str:
        """An expression as it was written, or the name that it ends with."""
        first, last = node.lineno, node.end_lineno or node.lineno
        lines = self._lines[first - 1 : last] if last - first < _LONGEST_SHOWN else []
        if lines and max(map(len, lines)) <= _LONGEST_LINE:
            lines[-1] = lines[-1][: node.end_col_offset]
            lines[0] = lines[0][node.col_offset :]
            text = " ".join(b"\n".join(lines).decode(errors="replace").split())
            if len(text) <= _LONGEST_SHOWN:
                return text
        function = node.func if isinstance(node, ast.Call) else node
        name = function.attr if isinstance(function, ast.Attribute) else ""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = f"{function.value.id}.{name}"
        return f"{name[:_LONGEST_SHOWN]}(...)"


@functools.lru_cache(maxsize=4)
def _read(source: str) -> _Text:
    return _Text(source)


def _names_many(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    return len(node.targets) > 1 or not isinstance(node.targets[0], ast.Name)


def _near(source: str, line: int) -> list[_Suspect]:
    """The suspects of the function around a line; those of the line itself, if it has any."""
    text = _read(source)
    around = [
        node
        for node in ast.walk(text.tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    scope: ast.AST = max(around, key=lambda node: node.lineno) if around else text.tree
    found = list(_suspects(scope, text))
    return [s for s in found if s.line == line] or [s for s in found if s.line <= line] or found


def _reached(source: str, functions: list[str]) -> list[_Suspect]:
    """The suspects of functions and of what they use, those of the first function last."""
    text = _read(source)
    # Not `a = b = ... = c`, whose every name would stand for the whole of it.
    tree = ast.Module([node for node in text.tree.body if not _names_many(node)], [])
    known, graph = definitions(tree), call_graph(tree)
    found: list[_Suspect] = []
    for name in reversed(functions):
        for used in sorted(reachable(graph, [name]) - {name}):
            found += [s for node in known.get(used, []) for s in _suspects(node, text)]
        found += [s for node in known.get(name, []) for s in _suspects(node, text)]
    return found


def _suspects(scope: ast.AST, text: _Text) -> Iterator[_Suspect]:
    """The calls in a function that decide for a device, in the order of their lines."""
    like = f"{_tensor_parameter(scope)}.device"
    calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        sentence = _sentence(call, text, like)
        if sentence:
            yield _Suspect(call.lineno, sentence)


def _sentence(call: ast.Call, text: _Text, like: str) -> str:
    shown, function = text.shown(call), call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    of_torch = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "torch"
    said = next((word.value for word in call.keywords if word.arg == "device"), None)
    if said is not None and _is_literal(said):
        return (
            f"{shown} names a device ({text.shown(said)}): write device={like}, so that it is "
            "where the inputs are."
        )
    if of_torch and name == "Generator" and not call.args and said is None:
        return f"{shown} draws for the CPU: write torch.Generator(device={like})."
    if of_torch and name in _FACTORIES and said is None:
        inside = shown[:-1] if shown.endswith(")") else f"torch.{name}(..."
        comma = "" if inside.endswith("(") else ", "
        return f"{shown} makes a tensor on the CPU: write {inside}{comma}device={like})."
    if of_torch and name in _FROM_NUMPY:
        return f"{shown} makes a tensor on the CPU: append .to({like})."
    if name in _NUMPY or (name in ("asarray", "array") and _is_numpy(function)):
        return f"{shown} needs a tensor on the CPU, as NumPy does: use torch's own operations."
    if name in ("cpu", "cuda") and not of_torch:
        return f"{shown} moves a tensor away: leave .{name}() out, or write .to({like})."
    if name == "to" and call.args and _is_literal(call.args[0]):
        return f"{shown} moves a tensor away: write .to({like})."
    return ""


def _is_literal(node: ast.expr) -> bool:
    """Whether a device is written out: ``"cuda:0"``, or ``torch.device("cpu")``."""
    if isinstance(node, ast.Call) and node.args:
        return isinstance(node.func, ast.Attribute) and node.func.attr == "device"
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_numpy(function: ast.expr) -> bool:
    value = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(value, ast.Name) and value.id in ("np", "numpy")


def _tensor_parameter(scope: ast.AST) -> str:
    """The name of a function's first tensor; ``x`` if it does not say."""
    if not isinstance(scope, ast.FunctionDef):
        return "x"
    parameters = [*scope.args.posonlyargs, *scope.args.args]
    for parameter in parameters:
        if isinstance(parameter.annotation, ast.Name) and parameter.annotation.id == "Tensor":
            return parameter.arg
    return parameters[0].arg if parameters else "x"
