"""What the mutator changes, and what it leaves alone."""

from __future__ import annotations

import ast
import textwrap

import pytest
from mutator import Mutant, mutants


def changes(body: str, signature: str = "x, y, n, *, reg=0") -> dict[str, list[str]]:
    """What becomes of each statement of a function."""
    source = f"def f({signature}):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    found: dict[str, list[str]] = {}
    for mutant in mutants(source):
        before, after = mutant.name.removeprefix("f: ").split("  ->  ")
        found.setdefault(before, []).append(after)
    return found


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("return x + y", ["x - y", "x", "y"]),
        ("return x - y", ["x + y", "y - x"]),
        ("return x * y", ["x / y", "-(x * y)"]),
        ("return x / y", ["x * y", "y / x"]),
        ("return x @ y", ["x * y", "y @ x", "-(x @ y)"]),
        ("return x < y", ["x <= y", "x >= y"]),
        ("return x >= y", ["x > y", "x < y"]),
        ("return x == y", ["x != y"]),
        ("return x in y", ["x not in y"]),
        ("return x and y", ["x or y", "x", "y"]),
        ("return not x", ["x"]),
        ("return -x", ["x"]),
        ("return True", ["False"]),
        ("return 3", ["4", "2", "6"]),
        ("return 0.5", ["1.5", "-0.5", "1.0"]),
        ("return x if n else y", ["x", "y", "y if n else x"]),
        ("return x.clone()", ["x"]),
        ("return x.sum(1)", ["x", "x.sum()", "x.mean(1)", "x.sum(2)", "x.sum(0)"]),
        ("return x.amax(1, keepdim=True)", ["x.amin(1, keepdim=True)", "x.amax(1)"]),
        ("return x.amax(1, keepdim=True)", ["x.amax(1, keepdim=False)"]),
        ("return torch.exp(x)", ["x", "torch.expm1(x)"]),
        ("return torch.zeros_like(x)", ["torch.ones_like(x)"]),
        ("return g(x, y)", ["g(y, x)", "x"]),
        ("return x.T", ["x"]),
        ("return (x, y)", ["(y, x)"]),
        ("return x[n]", ["x"]),
        ("return x[1:n]", ["x[:n]", "x[1:]", "x[2:n]", "x[1:n + 1]", "x[1:n - 1]"]),
        ("return x[::2]", ["x[:]", "x[::3]"]),
    ],
)
def test_an_expression_becomes_another(before: str, expected: list[str]) -> None:
    assert {f"return {other}" for other in expected} <= set(changes(before)[before])


def test_statements_are_dropped_where_the_function_still_runs() -> None:
    found = changes(
        """
        z = x
        z = z + 1
        z += n
        check(z)
        for i in range(n):
            z[i] = 0
            if i > n:
                break
        return z
        """
    )
    dropped = [before for before, after in found.items() if "pass" in after]
    assert dropped == [
        "z = z + 1",
        "z += n",
        "check(z)",
        "for i in range(n):",
        "z[i] = 0",
        "if i > n:",
        "break",
    ]


def test_a_condition_is_negated_and_a_loop_left_otherwise() -> None:
    found = changes("while x:\n    break\nif y:\n    return n")
    assert "while not x:" in found["while x:"]
    assert "if not y:" in found["if y:"]
    assert "continue" in found["break"]


def test_a_default_is_a_constant_like_any_other() -> None:
    assert changes("return x")["def f(x, y, n, *, reg=0):"] == [
        "def f(x, y, n, *, reg=1):",
        "def f(x, y, n, *, reg=-1):",
    ]


def test_docstrings_annotations_and_messages_stay_as_they_are() -> None:
    source = '''
LIMIT = 3

def f(x: tuple[int, "a" + 1], y: float) -> list[2 * 3]:
    """x + y, 1 > 0."""
    z: tuple[1, 2] = x
    require(z, f"x must be {1 + y}")
    g(z, "x must be larger than it is now")
    if z:
        raise ValueError(f"not {y - 1}, {len(y) + 1}")
    assert z, y + 1
'''
    for mutant in mutants(source):
        tree = ast.parse(mutant.source)
        function = tree.body[1]
        assert isinstance(function, ast.FunctionDef)
        assert ast.get_docstring(function) == "x + y, 1 > 0."
        assert ast.unparse(tree.body[0]) == "LIMIT = 3"
        assert "x: tuple[int, 'a' + 1], y: float) -> list[2 * 3]" in mutant.source
    assert {mutant.name for mutant in mutants(source)} == {
        "f: require(z, ...)  ->  pass",
        "f: g(z, ...)  ->  pass",
        "f: if z:  ->  pass",
        "f: if z:  ->  if not z:",
    }


def test_only_the_function_that_a_mutant_names_differs_from_the_source() -> None:
    source = "# %%\ndef f(x):\n    return x + 1\n\n\n# %%\ndef g(x):\n    return f(x)  # all\n"
    for mutant in mutants(source):
        ours = {"f": "g", "g": "f"}[mutant.function]
        assert ast.dump(definition(mutant.source, ours)) == ast.dump(definition(source, ours))
        assert mutant.source != source
        assert mutant.source.splitlines()[:2] == source.splitlines()[:2]


def definition(source: str, name: str) -> ast.stmt:
    return next(
        n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name
    )


def test_names_survive_edits_elsewhere_and_tell_repeated_statements_apart() -> None:
    source = "def f(x):\n    x += 1\n    x += 1\n    return x\n"
    names = [mutant.name for mutant in mutants(source)]
    assert len(set(names)) == len(names)
    assert {"f: x += 1  ->  pass", "f: x += 1  ->  pass  (2)"} <= set(names)
    moved = '"""More."""\nLIMIT = 1\n\n\ndef other():\n    return 0\n\n\n' + source
    assert [m.name for m in mutants(moved) if m.function == "f"] == names


def test_every_mutant_compiles_and_no_two_are_the_same() -> None:
    body = "z = x if n > 1 else y[:, 1:-n:2].sum(0)\nreturn (z @ x.T, -z.clone())"
    source = f"def f(x, y, n=0):\n{textwrap.indent(body, '    ')}\n"
    found: list[Mutant] = mutants(source)
    for mutant in found:
        compile(mutant.source, "mutant", "exec")
    assert len({mutant.source for mutant in found}) == len(found) > 30
