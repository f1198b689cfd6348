"""The house: which room may use which, and through which door."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import autograder

TOOL = Path(autograder.__file__).parent
ROOT = TOOL.parent
DOORS = sorted(TOOL.rglob("__init__.pyi"))  # of the rooms that others use
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ROOMS = sorted(path.name for path in TOOL.iterdir() if (path / "__init__.py").is_file())


def dotted(path: Path) -> str:
    """A file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """The lines of a file that import a name from one of the tool's modules."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("autograder."):
            yield from ((node.lineno, str(node.module), alias.name) for alias in node.names)


def test_imports_point_down_only_and_no_two_modules_import_each_other(capsys) -> None:
    """The contracts are in pyproject.toml."""
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_a_room_is_used_through_its_door_only() -> None:
    doors = {dotted(door) for door in DOORS}
    assert {f"autograder.{room}" for room in ROOMS} - doors == {"autograder.commands"}
    past = []
    for path in TOOL.rglob("*.py"):
        for line, module, name in imports(path):
            own = dotted(path).split(".")[1]
            room = ".".join(module.split(".")[:2])
            if room in doors and module != room and module.split(".")[1] != own:
                past.append(f"{path.relative_to(ROOT)}:{line} imports {name} from {module}")
    assert past == []


@pytest.mark.parametrize("door", DOORS, ids=dotted)
def test_every_public_name_of_a_room_is_there(door: Path) -> None:
    room = importlib.import_module(dotted(door))
    listed = [
        (str(node.module), alias.name)
        for node in ast.parse(door.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(name for _, name in listed) == sorted(room.__all__)
    for module, name in listed:
        public = getattr(room, name)
        if module != "None":
            # A module of that name would hide it, once it was imported.
            assert not door.with_name(f"{name}.py").exists(), name
            assert public is getattr(importlib.import_module(f"{dotted(door)}.{module}"), name)


def test_the_map_shows_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(\w+)/ ", text, flags=re.MULTILINE)
    assert sorted(shown) == ROOMS


def test_no_list_but_its_own_folder_names_an_outside_tool() -> None:
    """Adding a tool is adding a folder: the commands and the rooms below know none by name."""
    tools = sorted(entry.parent.name for entry in TOOL.glob("integrations/*/entry.py"))
    assert len(tools) >= 6
    tools.remove("ci")  # a word for many things
    for path in sorted(TOOL.rglob("*.py")):
        if path.is_relative_to(TOOL / "integrations"):
            continue
        code = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            ast.get_docstring(n, clean=False) for n in ast.walk(code) if isinstance(n, DOCUMENTED)
        }
        texts = {str(n.value) for n in ast.walk(code) if isinstance(n, ast.Constant)} - docs
        if path == TOOL / "submissions" / "notebooks.py":
            texts.discard("nbgrader")  # the key of a cell's metadata, a form of notebooks
        said = " ".join(texts).casefold()
        assert [tool for tool in tools if tool in said] == [], path
