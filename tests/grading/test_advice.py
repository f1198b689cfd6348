"""What to write instead, read out of a student's text by the grader's own process."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from autograder.grading.advice import advice

MET = "Expected all tensors to be on the same device, but found cuda:1 and cpu!"


def advised(source: str, line: int | None = None) -> str:
    where = "" if line is None else f"a.py:{line}"
    return advice({"a.py": source}, where, MET, ["total"], "cuda:1")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("torch.zeros(3)", "torch.zeros(3) makes a tensor on the CPU: write torch.zeros(3, dev"),
        ("torch.eye(\n        3,\n    )", "torch.eye( 3, ) makes a tensor on the CPU"),
        ("torch.ones(3, device='cuda:0')", "names a device ('cuda:0'): write device=x.device"),
        ("x.to('cpu')", "x.to('cpu') moves a tensor away: write .to(x.device)"),
        ("'å' * 2; torch.ones(3)", "a.py:2: torch.ones(3) makes a tensor"),
        (f"torch.ones({'1, ' * 40})", "torch.ones(...) makes a tensor on the CPU"),
        (f"torch.ones(3) # {'-' * 2000}", "torch.ones(...) makes a tensor on the CPU"),
    ],
)
def test_the_call_is_quoted_as_it_was_written(expression, said):
    assert said in advised(f"def total(x: Tensor):\n    {expression}\n    return x", 2)


def test_a_tensor_of_the_module_is_found_where_a_function_uses_it():
    source = "ONE = torch.ones(1)\nOTHER = torch.zeros(1)\ndef total(x):\n    return x * ONE"
    assert "a.py:1: torch.ones(1) makes a tensor" in advised(source)


@pytest.mark.parametrize("source", ["def f(:", "a\0b", "\ud800", "x" + ".a" * 1000, "-" * 10_000])
def test_a_text_that_cannot_be_read_gets_the_general_advice(source):
    assert advised(source, 1).endswith(
        "Make every new tensor where the inputs are: device=x.device."
    )


def test_a_chain_as_deep_as_python_reads_is_advised_on():
    assert "moves a tensor away" in advised(f"def total(x):\n    x{'.a' * 900}.to('cpu')", 2)


HOSTILE = {
    "many calls": "'def total(x):\\n' + '    torch.zeros(1)\\n' * 8000",
    "many calls in one line": "'def total(x):\\n    ' + 'torch.zeros(1);' * 8000",
    "many functions": "''.join(f'def f{i}(x): torch.ones(f{i + 1}(x))\\n' for i in range(5000))"
    " + 'def total(x): f0(x)'",
    "many names for one thing": "'='.join(f'a{i}' for i in range(30_000)) + '=1\\n'"
    " + 'def total(x): return a0'",
    "many names in one tuple": "','.join(f'a{i}' for i in range(30_000)) + '=1\\n'"
    " + 'def total(x): return a0'",
    "long chains": "'def total(x):\\n' + ('    x' + '.cpu()' * 400 + '\\n') * 90",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_keeps_the_grader_reading(text):
    """Read in more than one pass, each of these takes minutes."""
    code = f"""
        from autograder.grading.advice import advice
        for line in ("", "a.py:2"):
            print(advice({{"a.py": {text}}}, line, {MET!r}, ["total"], "cuda:1"))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.count("cuda:1") >= 2, done.stderr
