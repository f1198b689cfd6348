"""The notebook holds the stub's cells, and cells that check."""

from __future__ import annotations

import json
from typing import Any

import jupytext
import nbformat
import pytest

from autograder.course import Unit, read_cells
from autograder.release import CHECK_TAG, check_source, write_stub
from autograder.release.notebook import write_notebook


@pytest.fixture
def cells(cubes: Unit) -> list[dict[str, Any]]:
    notebook: dict[str, Any] = json.loads(write_notebook(cubes, write_stub(cubes)))
    return list(notebook["cells"])


def test_the_first_cell_says_how_to_check(cells: list[dict[str, Any]]) -> None:
    assert "`autograder check 01_cubes`" in "".join(cells[0]["source"])


def test_each_exercise_is_followed_by_its_check(cells: list[dict[str, Any]]) -> None:
    for name in ("cube_forward", "cube_backward", "cube_sum"):
        at = next(i for i, c in enumerate(cells) if "".join(c["source"]).startswith(f"def {name}"))
        assert "".join(cells[at + 1]["source"]) == check_source(name)
        assert cells[at + 1]["metadata"] == {"tags": [CHECK_TAG]}


def test_questions_and_answers_are_told_by_their_metadata(cells: list[dict[str, Any]]) -> None:
    question, answer = cells[-2:]
    assert question["metadata"] == {"question": "why_cubes", "points": 2}
    assert answer["metadata"] == {"answer": "why_cubes"}
    assert "".join(answer["source"]) == "*Write your answer here.*"


def test_a_notebook_is_valid_and_its_ids_are_unique(cubes: Unit) -> None:
    text = write_notebook(cubes, write_stub(cubes))
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_writing_a_notebook_again_changes_nothing(cubes: Unit) -> None:
    stub = write_stub(cubes)
    assert write_notebook(cubes, stub) == write_notebook(cubes, stub)


def test_a_change_in_one_cell_leaves_the_other_ids(cubes: Unit) -> None:
    stub = write_stub(cubes)
    before = json.loads(write_notebook(cubes, stub))["cells"]
    after = json.loads(write_notebook(cubes, stub.replace("its slope", "its derivative")))["cells"]
    differing = [a["id"] != b["id"] for a, b in zip(before, after, strict=True)]
    assert differing.count(True) == 1


def test_jupytext_reads_the_same_cells(cubes: Unit) -> None:
    for source in (write_stub(cubes), cubes.source_file.read_text(encoding="utf-8")):
        theirs = jupytext.reads(source, fmt="py:percent").cells
        ours = read_cells(source)
        assert [(c.cell_type, c.source) for c in theirs] == [(c.kind, c.text) for c in ours]
        for their, our in zip(theirs, ours, strict=True):
            said = {k: their.metadata[k] for k in ("question", "answer") if k in their.metadata}
            assert said == {k: v for k, v in our.metadata.items() if k != "points"}
