"""Small changes to a module's functions, made without looking at what the functions mean."""

from __future__ import annotations

import ast
import builtins
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

Put = Callable[[ast.AST], None]

_OPERATORS = (
    "Add>Sub Sub>Add Mult>Div Div>Mult MatMult>Mult Pow>Mult FloorDiv>Mult Mod>FloorDiv "
    "BitAnd>BitOr BitOr>BitAnd And>Or Or>And Is>IsNot IsNot>Is In>NotIn NotIn>In Eq>NotEq "
    "NotEq>Eq Lt>LtE Lt>GtE LtE>Lt LtE>Gt Gt>GtE Gt>LtE GtE>Gt GtE>Lt"
)
_PAIRS = (
    "prod sum, sum mean, amax amin, max min, argmax argmin, maximum minimum, all any, sqrt square, "
    "exp expm1, log log1p, abs neg, floor ceil, tanh sigmoid, sin cos, triu tril, zeros ones, "
    "zeros_like ones_like, new_zeros new_ones, split chunk, cumsum cumprod"
)
_NAMES = {a: b for pair in _PAIRS.split(", ") for a, b in (pair.split(), reversed(pair.split()))}
# Annotations, decorators and messages are not behaviour.
_APART = {"annotation", "returns", "decorator_list", "type_comment", "msg", "exc", "cause"}


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        name: which change, in words that survive edits elsewhere: the function, the statement
            before and after it, and a number if the function says the same several times.
        function: the function or class of the module that holds it.
        source: the text of the module.
    """

    name: str
    function: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """Every change of every function of a module, given code and solutions alike."""
    lines, found, numbers = source.splitlines(), [], Counter[str]()
    for top in ast.parse(source).body:
        if not isinstance(top, ast.FunctionDef | ast.ClassDef):
            continue
        first = min(node.lineno for node in (top, *top.decorator_list)) - 1
        rebinding, seen = _rebinding(top), set()
        for statement, node, put in _places(top, top):
            before = _shown(statement)
            for other in _variations(node, node in rebinding):
                put(other)
                after = _shown(other if isinstance(node, ast.stmt) else statement)
                text = ast.unparse(top)
                # A statement that is no call any more does as much as `pass`.
                useless = isinstance(statement, ast.Expr) and not _is_call(statement.value)
                put(node)
                if after == before or useless or (statement, after) in seen:
                    continue
                seen.add((statement, after))
                name = f"{top.name}: {before}  ->  {after}"
                numbers[name] += 1
                name += f"  ({numbers[name]})" if numbers[name] > 1 else ""
                mutated = "\n".join([*lines[:first], text, *lines[top.end_lineno :], ""])
                found.append(Mutant(name, top.name, mutated))
    return found


def _places(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[ast.stmt, ast.AST, Put]]:
    """Every part that may change, its statement, and how to put something in its place."""
    for field, value in ast.iter_fields(node):
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            if field in _APART or not isinstance(child, ast.AST) or _is_text(child):
                continue
            put: Put = partial(setattr, node, field)
            if isinstance(value, list):
                put = partial(value.__setitem__, i)
            within = child if isinstance(child, ast.stmt) else statement
            yield within, child, put
            yield from _places(child, within)


def _variations(node: Any, rebinding: bool) -> Iterator[ast.AST]:
    """What may stand in a node's place."""
    changed = partial(_changed, node)
    match node:
        case ast.operator() | ast.boolop() | ast.cmpop():
            for old, new in (swap.split(">") for swap in _OPERATORS.split()):
                if old == type(node).__name__:
                    yield getattr(ast, new)()
        case ast.BinOp(left, op, right):
            yield from (left, right)
            if isinstance(op, ast.Mult | ast.Div | ast.MatMult):
                yield ast.UnaryOp(ast.USub(), node)
            if not isinstance(op, ast.Add | ast.Mult):
                yield changed(left=right, right=left)
        case ast.BoolOp(values=values):
            rests = _each_dropped(values)
            yield from (rest[0] if len(rest) == 1 else changed(values=rest) for rest in rests)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse, changed(body=orelse, orelse=body))
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(n) | float(n)):
            yield from (ast.Constant(other) for other in (n + 1, n - 1, 2 * n))
        case ast.Name(id=name) if name in _NAMES and not hasattr(builtins, name):
            yield changed(id=_NAMES[name])
        case ast.Attribute(value=value, attr=attr):
            if attr in _NAMES:
                yield changed(attr=_NAMES[attr])
            if attr in ("T", "mT"):
                yield value
        case ast.Call(func=func, args=args, keywords=keywords):
            if isinstance(func, ast.Attribute) and not _is_module(func.value):
                yield func.value
            elif args and not (isinstance(func, ast.Name) and hasattr(builtins, func.id)):
                yield args[0]
            if isinstance(func, ast.Attribute) and args:
                yield changed(args=args[:-1])
            yield from (changed(keywords=rest) for rest in _each_dropped(keywords))
            yield from (changed(args=swapped) for swapped in _each_swapped(args))
        case ast.Tuple(elts=elements, ctx=ast.Load()):
            yield from (changed(elts=swapped) for swapped in _each_swapped(elements))
        case ast.Subscript(value=value, ctx=ast.Load()):
            yield value
        case ast.Slice(lower, upper, step) if lower or upper or step:
            for field, bound in (("lower", lower), ("upper", upper)):
                if bound is not None:
                    yield changed(**{field: None})
                if bound is not None and not isinstance(bound, ast.Constant):
                    yield changed(**{field: ast.BinOp(bound, ast.Add(), ast.Constant(1))})
                    yield changed(**{field: ast.BinOp(bound, ast.Sub(), ast.Constant(1))})
            yield changed(step=None)
        case ast.If(test=test) | ast.While(test=test):
            if not isinstance(test, ast.UnaryOp):
                yield changed(test=ast.UnaryOp(ast.Not(), test))
            yield ast.Pass()
        case ast.Break():
            yield from (ast.Continue(), ast.Pass())
        case ast.Continue():
            yield from (ast.Break(), ast.Pass())
        case ast.Expr() | ast.AugAssign() | ast.For():
            yield ast.Pass()
        case ast.Assign() if rebinding:
            yield ast.Pass()


def _changed(node: Any, **fields: object) -> Any:
    other = copy.copy(node)
    vars(other).update(fields)
    return other


def _each_dropped(nodes: list[Any]) -> list[list[Any]]:
    return [nodes[:i] + nodes[i + 1 :] for i in range(len(nodes))]


def _each_swapped(nodes: list[ast.expr]) -> list[list[ast.expr]]:
    """With two neighbours exchanged, unless both are texts or one is a message."""
    return [
        [*nodes[:i], b, a, *nodes[i + 2 :]]
        for i, (a, b) in enumerate(pairwise(nodes))
        if not _is_message(b) and not (_is_text(a) and _is_text(b))
    ]


def _rebinding(function: ast.stmt) -> set[ast.AST]:
    """Assignments to names that have a value already: the function runs without them as well."""
    bound = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    found: set[ast.AST] = set()
    statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
    for statement in sorted(statements, key=lambda node: node.lineno):
        nodes = [node for node in ast.walk(_head(statement)) if isinstance(node, ast.Name)]
        names = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        if isinstance(statement, ast.Assign) and names <= bound:
            found.add(statement)
        bound |= names
    return found


def _is_text(node: ast.AST) -> bool:
    """A message, a name in one, or a docstring."""
    if isinstance(node, ast.Expr):
        return _is_text(node.value)
    text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return text or isinstance(node, ast.JoinedStr)


def _is_message(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (_is_text(node) and len(ast.unparse(node)) > 30)


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def _is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in ("torch", "math")


def _head(statement: Any) -> Any:
    """A statement without the statements in it."""
    blocks = {"body": [], "orelse": [], "finalbody": [], "handlers": []}
    return _changed(statement, **{k: v for k, v in blocks.items() if hasattr(statement, k)})


def _shown(statement: ast.AST) -> str:
    """A statement in one line: without annotations and messages, and of a block only its head."""
    head = copy.deepcopy(_head(statement))
    return " ".join(ast.unparse(_Shortened().visit(head)).split())


class _Shortened(ast.NodeTransformer):
    def visit(self, node: Any) -> Any:
        if isinstance(node, ast.expr) and _is_message(node):
            return ast.Constant(...)
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        return self.generic_visit(node)
