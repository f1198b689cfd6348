"""The released notebook checks itself: run by a real kernel, as JupyterLab and VS Code run it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from autograder.release import check_source, release

RIGHT = """
def cube_forward(x):
    require_floats(x)
    return x * x * x, x

def cube_backward(dout, cache):
    return 3 * dout * cache * cache

def cube_sum(x):
    return cube_forward(x)[0].sum()
"""
WRONG = """
def cube_forward(x):
    print("<b>hello</b> from inside")
    return x * x, x
"""
RAISES = """
def cube_forward(x):
    return torch.zeros(2) + torch.zeros(3), x
"""


def code(source: str) -> Any:
    return nbformat.v4.new_code_cell(source)


@pytest.fixture(scope="module")
def executed(shared_course: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The cells of the notebook, and of what a student then tries, with their outputs."""
    folder = tmp_path_factory.mktemp("students")
    release(shared_course, folder, wheel=False)
    path = folder / "01_cubes" / "cubes.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [
        code(RIGHT),
        code(check_source("cube_forward")),
        code("check()"),
        code("check(strict=True)"),
        code(WRONG),
        code(check_source("cube_forward")),
        code(RAISES),
        code(check_source("cube_forward")),
        code("del cube_sum"),
        code("check('cube_sum')"),
        code("check('cube_root')"),
        code("import warnings, os\nos.chdir('/')\ncheck('cube_sum')"),
        code(f"os.chdir({str(path.parent)!r})\ncheck('cube_forward', strict=True)"),
    ]
    client = nbclient.NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    return list(notebook.cells)


def html(cell: Any) -> str:
    """The HTML below a cell."""
    shown = [output.data["text/html"] for output in cell.outputs if "data" in output]
    assert len(shown) == 1, cell.outputs
    return str(shown[0])


def plain(cell: Any) -> str:
    return str(cell.outputs[0].data["text/plain"])


def after(cells: list[Any], source: str, offset: int = 1) -> Any:
    at = next(i for i, cell in enumerate(cells) if cell.source == source)
    return cells[at + offset]


def test_a_stub_is_told_to_be_not_attempted_and_is_no_error(executed: list[Any]) -> None:
    checks = [c for c in executed if "autograder-check" in c.metadata.get("tags", [])]
    assert len(checks) == 3
    for cell in checks:
        assert [output.output_type for output in cell.outputs] == ["display_data"]
    forward, backward, cube_sum = map(html, checks)
    assert "0 of 1 public points" in forward
    assert "not attempted" in forward
    assert "cube_backward has no public tests: hidden tests check it." in backward
    assert "0 of 0.5 public points" in cube_sum


def test_right_functions_pass_as_soon_as_they_are_defined(executed: list[Any]) -> None:
    assert "1 of 1 public points" in html(after(executed, RIGHT))
    assert "All these public tests pass" in html(after(executed, RIGHT))
    everything = html(after(executed, RIGHT, 2))
    assert "1 of 1 public points" in everything
    assert "0.5 of 0.5 public points" in everything
    assert after(executed, RIGHT, 3).outputs[0].output_type == "display_data"


def test_a_wrong_value_is_shown_beside_the_expected_one(executed: list[Any]) -> None:
    shown = html(after(executed, WRONG))
    assert "test_cube_forward_of_two_is_eight" in shown
    assert re.search(r"expected: .*8", shown)
    assert re.search(r"got: .*4", shown)
    assert "0 / 1" in plain(after(executed, WRONG))


def test_what_the_code_printed_is_shown_as_text(executed: list[Any]) -> None:
    assert "&lt;b&gt;hello&lt;/b&gt; from inside" in html(after(executed, WRONG))
    assert "<b>hello" not in html(after(executed, WRONG))


def test_an_exception_is_traced_to_the_line_of_its_cell(executed: list[Any]) -> None:
    cell = after(executed, RAISES, 0)
    shown = html(after(executed, RAISES))
    assert f"Cell In[{cell.execution_count}]:2, in cube_forward" in shown
    assert "return torch.zeros(2) + torch.zeros(3), x" in shown
    assert "ipykernel" not in shown


def test_a_function_that_is_not_there_is_said_to_be_missing(executed: list[Any]) -> None:
    assert "cube_sum is not defined in this notebook" in html(after(executed, "del cube_sum"))


def test_a_name_that_is_none_gets_a_sentence(executed: list[Any]) -> None:
    shown = html(after(executed, "del cube_sum", 2))
    assert "no unit or exercise named &#x27;cube_root&#x27;" in shown


def test_a_notebook_outside_a_course_gets_a_sentence(executed: list[Any]) -> None:
    assert "is not in a course" in html(executed[-2])


def test_a_strict_check_also_fails_the_cell(executed: list[Any]) -> None:
    error = executed[-1].outputs[-1]
    assert error.output_type == "error"
    assert error.evalue == "Public tests fail: cube_forward."


def test_outside_a_notebook_check_does_nothing_and_imports_nothing() -> None:
    program = (
        "import sys; from autograder.notebook import check; check('f', strict=True); "
        "print(sorted({'torch', 'IPython', 'pytest'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (told.stdout, told.stderr) == ("[]\n", "")
