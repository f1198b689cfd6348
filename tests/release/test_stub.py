"""A stub is the module without what stands between the marks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.course import CourseError, Unit, read_unit
from autograder.release import write_stub


def changed(folder: Path, old: str, new: str) -> Unit:
    path = folder / "cubes.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return read_unit(folder)


def test_a_function_says_that_it_is_not_written_yet(cubes: Unit) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(write_stub(cubes), "cubes.py", "exec"), namespace)
    with pytest.raises(NotImplementedError, match=r"^cube_backward is not written yet$"):
        namespace["cube_backward"](None, None)


def test_given_code_and_its_validation_stay(cubes: Unit) -> None:
    stub = write_stub(cubes)
    assert "def require_floats(x: Tensor) -> None:" in stub
    assert "    require_floats(x)\n    # TODO: cube each number" in stub


def test_nothing_of_a_private_helper_is_left(cubes: Unit) -> None:
    assert "_square" not in write_stub(cubes)


def test_a_question_loses_its_mark_scheme_and_keeps_its_text(cubes: Unit) -> None:
    stub = write_stub(cubes)
    assert "# One sentence will do.\n\n# %% [markdown] answer=" in stub
    assert "canary_scheme" not in stub


def test_an_answer_becomes_an_invitation_to_write(cubes: Unit) -> None:
    end = '# %% [markdown] answer="why_cubes"\n# *Write your answer here.*\n'
    assert write_stub(cubes).endswith(end)


def test_a_cell_of_which_nothing_is_left_goes(folder: Path) -> None:
    whole = "# %%\n### BEGIN SOLUTION\nSECRET = 1\n### END SOLUTION\n\n\n# %% [markdown]\n# ## 1.1"
    unit = changed(folder, "# %% [markdown]\n# ## 1.1", whole)
    before = write_stub(unit)
    assert "# %%\n# %%" not in before
    assert "# %%\n\n" not in before


def test_a_part_of_a_function_may_be_given(folder: Path) -> None:
    unit = changed(
        folder,
        "    ### END SOLUTION\n\n\n# %% [markdown]\n# ## 1.3",
        """\
    ### END SOLUTION
    return dx


# %% [markdown]
# ## 1.3""",
    )
    assert 'raise NotImplementedError("cube_backward is not written yet")\n    return dx' in (
        write_stub(unit)
    )


def test_a_stub_is_formatted_as_ruff_would(cubes: Unit) -> None:
    options = ["--isolated", "--line-length=100", "-"]
    told = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--diff", *options],
        input=write_stub(cubes),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("    ### END SOLUTION\n", "", "BEGIN SOLUTION is not closed"),
        ("    ### BEGIN SOLUTION\n", "", "END SOLUTION closes nothing"),
        ("# ### END MARK SCHEME", "", "BEGIN MARK SCHEME is not closed"),
        ("# ### END MARK SCHEME", "# ### END SOLUTION", "closes nothing"),
        ("    ### BEGIN SOLUTION", "    ## BEGIN SOLUTION", "looks like a mark but is none"),
        ("    ### BEGIN SOLUTION", "    ### Begin solution", "looks like a mark but is none"),
        ("    ### END SOLUTION", "    ### END SOLUTION.", "looks like a mark but is none"),
        ("    canary_forward =", "    ### BEGIN SOLUTION\n    x =", "is not closed"),
        ("# One sentence", "# ### BEGIN SOLUTION\n# ### END SOLUTION\n# One", "of no question"),
        ("# ## 1.1", "# ### BEGIN MARK SCHEME\n# ### END MARK SCHEME\n# 1.1", "of no question"),
    ],
)
def test_a_mark_that_bounds_nothing_clearly_is_an_error(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(CourseError, match=sentence) as caught:
        write_stub(changed(folder, old, new))
    assert re.match(r"01_cubes/cubes\.py:\d+: ", str(caught.value))


def test_an_exercise_without_marks_is_not_released(folder: Path) -> None:
    marks = "    ### BEGIN SOLUTION\n    return cube_forward(x)[0]"
    unit = changed(folder, marks, "    return cube_forward(x)[0]")
    path = folder / "cubes.py"
    text = path.read_text(encoding="utf-8")
    head, _, tail = text.partition('len("canary_sum") - 10\n    ### END SOLUTION\n')
    path.write_text(head + 'len("canary_sum") - 10\n' + tail, encoding="utf-8")
    with pytest.raises(CourseError, match="all of it would be released"):
        write_stub(unit)


def test_a_solution_that_no_test_asks_for_is_an_error(folder: Path) -> None:
    path = folder / "test_public.py"
    path.write_text(path.read_text(encoding="utf-8").partition('@exercise("cube_sum"')[0])
    with pytest.raises(CourseError, match="cube_sum has a solution, but no test names it"):
        write_stub(read_unit(folder))


def test_an_answer_without_marks_is_not_released(folder: Path) -> None:
    path = folder / "cubes.py"
    head, _, tail = path.read_text(encoding="utf-8").partition('answer="why_cubes"\n')
    tail = tail.replace("# ### BEGIN SOLUTION\n", "").replace("# ### END SOLUTION\n", "")
    path.write_text(f'{head}answer="why_cubes"\n{tail}', encoding="utf-8")
    with pytest.raises(CourseError, match="the answer to why_cubes is not marked"):
        write_stub(read_unit(folder))


def test_a_region_that_cuts_a_statement_is_an_error(folder: Path) -> None:
    unit = changed(folder, "    canary_forward = _square(x) * x\n", "    y = (\n        x)\n")
    path = folder / "cubes.py"
    text = path.read_text(encoding="utf-8")
    text = text.replace(
        "    ### BEGIN SOLUTION\n    y = (\n", "    y = (\n    ### BEGIN SOLUTION\n"
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match="without its solutions it is not valid Python"):
        write_stub(unit)
