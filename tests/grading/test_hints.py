"""The friendly word about forbidden calls: what it sees, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import DEFAULT_RULES, OPERATOR_GROUPS, alternatives, find_units
from autograder.grading.hints import hints


def said(source: str, forbidden=tuple(OPERATOR_GROUPS)) -> list[str]:
    return hints([("m.py", source)], forbidden)


@pytest.mark.parametrize(
    ("source", "name", "what"),
    [
        ("import torch\ny = torch.conv2d(x, w)", "torch.conv2d", "conv"),
        ("import torch.nn.functional as F\ny = F.unfold(x, 2)", "torch.nn.functional", "fold"),
        ("from torch.nn.functional import softmax as s\ny = s(x)", "torch.nn", "softmax"),
        ("from torch import nn\nm = nn.LSTM(3, 4)", "torch.nn.LSTM", "recurrent"),
        ("loss = f(x)\nloss.backward()", ".backward()", "autograd"),
        ("import torch\nx = torch.zeros(3, requires_grad=True)", "requires_grad=True", "autograd"),
        ("import torch\ny = torch.autograd.grad(a, b)", "torch.autograd.grad", "autograd"),
        ("import torch\no = torch.optim.SGD([w])", "torch.optim.SGD", "optimisers"),
        ("p = scores\np = p.softmax(1)", ".softmax()", "softmax"),
    ],
)  # fmt: skip
def test_a_call_is_pointed_at_with_file_and_line(source, name, what):
    found = said(source)
    assert any(line.startswith(f"m.py:2: {name}") and what in line for line in found), found


@pytest.mark.parametrize(
    "source",
    [
        "def softmax(z):\n    return z.exp()\np = softmax(x)",
        "import torch\ny = torch.einsum('ij->i', x).clamp(min=0)",
        "# torch.softmax would be too easy\ny = 1",
        "s = 'loss.backward()'",
        "class A:\n    def backward(self): ...\n    def f(self): return self.backward()",
        "import numpy as np\ny = np.tanh(x)",
        "def broken(:",
    ],
)
def test_what_is_not_forbidden_is_left_alone(source):
    assert said(source) == []


def test_what_the_unit_allows_is_left_alone():
    source = "import torch\ny = torch.tanh(x) + torch.softmax(x, 1)"
    assert len(said(source)) == 2
    assert said(source, DEFAULT_RULES) == [
        "m.py:2: torch.softmax: this unit asks you to write softmax and log-sum-exp yourself."
    ]
    assert said(source, ()) == []


def test_copies_of_pytorchs_formulas_are_pointed_at():
    [line] = said("from torch._refs import softmax as s\n")
    assert "torch._refs" in line


def test_imports_of_an_earlier_cell_count():
    cells = [("n[1]", "import torch.nn.functional as F"), ("n[2]", "y = F.conv2d(x, w)")]
    [line] = hints(cells, DEFAULT_RULES)
    assert line.startswith("n[2]:1: torch.nn.functional.conv2d")


def test_nothing_is_said_of_honest_solutions():
    for unit in find_units(Path(__file__).parents[2] / "solutions"):
        sources = [unit.source_file.read_text(encoding="utf-8")]
        sources += [alternative.source for alternative in alternatives(unit)]
        for source in sources:
            assert hints([(unit.module, source)], unit.forbids) == []
