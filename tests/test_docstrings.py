"""The examples in docstrings come to what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import autograder

TOOL = Path(autograder.__file__).parent
MODULES = [
    ".".join(path.relative_to(TOOL.parent).with_suffix("").parts)
    for path in sorted(TOOL.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_an_example_comes_to_what_it_says(name: str) -> None:
    module = importlib.import_module(name)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    outcome = doctest.testmod(module, optionflags=options)
    assert outcome.attempted > 0
    assert outcome.failed == 0
