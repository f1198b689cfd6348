"""Solution -> an assignment of otter-grader: a master notebook, and what `otter assign` makes.

Solutions stand between otter's marks. Each exercise is a question whose test cases are the tests of
the unit, with their points; a test case only names its test, and `passes` says what came of it. So
the hidden tests are in no notebook and in no kernel: they lie, with the reference, in the folder
``handgrad`` of the autograder's zip, where the grader that a test case starts finds them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from autograder.course import (
    MARKER,
    Cell,
    CourseError,
    Exercise,
    ExerciseTest,
    Release,
    Unit,
    functions,
    parse,
    read_cells,
    read_policy,
)
from autograder.exam import CARRIED
from autograder.integrations.otter.plugin import COURSE
from autograder.release import (
    ANSWER,
    CHECK_TAG,
    Package,
    Region,
    defined_functions,
    digest,
    figure_files,
    find_package,
    find_regions,
    marker,
    notebook_text,
    public_tests,
    public_unit,
    require_apart,
    staff_side,
    staff_wheel,
    stand_in,
    wanted_units,
    write_stub,
)

_v4: Any = nbformat.v4  # its functions are not typed

PYTHON = "3.12"
REQUIREMENTS = "requirements-students.txt"


def write_assignments(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Write ``OUT/UNIT/MODULE.ipynb`` and let `otter assign` make ``OUT/UNIT/dist`` of it.

    Args:
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write; all of it is for staff but ``UNIT/dist/student``.
        units: the names of the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: a unit cannot be released, or `otter assign` refuses it.
        ModuleNotFoundError: otter-grader is not installed.
    """
    if importlib.util.find_spec("otter") is None:
        raise ModuleNotFoundError("otter-grader is not installed", name="otter-grader")
    require_apart(root, out)
    package = find_package()
    said = []
    with tempfile.TemporaryDirectory() as scratch:
        wheel = staff_wheel(package, Path(scratch))
        for unit in wanted_units(root, units):
            folder = out / unit.name
            for path, content in contents(root, unit, package, wheel).items():
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            _prepare(folder / COURSE, unit)
            said += _assigned(folder, unit)
    return said


def contents(root: Path, unit: Unit, package: Package, wheel: Path) -> dict[str, bytes]:
    """The files that `otter assign` starts from."""
    stub, tests = write_stub(unit), public_tests(unit)
    public, figures = public_unit(unit, stub, tests), figure_files(root, unit, stub)
    version = f"{package.version}+{digest(stub.encode())[:8]}"
    name = read_policy(root / "solutions" / "course.toml").name
    files = {f"{COURSE}/{path}": content for path, content in staff_side(root, unit).items()}
    return (
        files
        | figures
        | {
            f"{unit.module}.ipynb": master_notebook(unit, package, figures).encode(),
            # In a folder: beside a submitted module otter wants to see no other.
            f"{unit.name}/test_public.py": tests.encode(),
            MARKER: marker(Release(version, name, (public,), {})),
            wheel.name: wheel.read_bytes(),
            REQUIREMENTS: f"otter-grader>=7,<8\n{package.torch}\n./{wheel.name}\n".encode(),
        }
    )


def _prepare(course: Path, unit: Unit) -> None:
    """Put the unit's exam beside it, so that grading a submission draws nothing.

    By the command, as a person would, because here is a process that goes on to do other things.
    """
    exams = course / "solutions" / CARRIED
    shutil.rmtree(exams, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "prepare", unit.name, "--out", str(exams.absolute())],
        cwd=course,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CourseError(f"{unit.name} cannot be prepared for grading:\n{done.stderr.strip()}")


def _assigned(folder: Path, unit: Unit) -> list[str]:
    """Run `otter assign`, which also grades the reference and wants full marks."""
    shutil.rmtree(folder / "dist", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "otter", "assign", f"{unit.module}.ipynb", "dist"],
        cwd=folder,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    made = list((folder / "dist" / "autograder").glob("*.zip"))
    if done.returncode != 0 or not made:
        told = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise CourseError(f"otter assign refused {unit.name}:\n{told}")
    archive = made[0].rename(folder / "autograder.zip")  # otter's name for it says when
    return [
        f"Give students {folder / 'dist' / 'student'}; everything else in {folder} is for staff.",
        f"Grade with: otter run NOTEBOOK -a {archive}",
    ]


def master_notebook(unit: Unit, package: Package, figures: Collection[str]) -> str:
    """The text of the master notebook.

    Args:
        unit: the unit.
        package: the tool.
        figures: the paths of what it shows, which lies beside it.

    Raises:
        CourseError: a mark is wrong, so that a solution might be released.
    """
    path = unit.source_file
    source = path.read_text(encoding="utf-8")
    cells = read_cells(source)
    regions = find_regions(path, source, cells)
    defined = functions(parse(path))
    exercises = {exercise.name: exercise for exercise in unit.exercises}
    start = f'# Initialize Otter\nimport otter\n\ngrader = otter.Notebook("{unit.module}.ipynb")'
    made = [_raw(_assignment(unit, package, figures)), _check(start)]
    for cell in cells:
        inside = [region for region in regions if region.cell.line == cell.line]
        if cell.kind == "code":
            lines = _marked(path, cell, inside, defined)
            made.append(_v4.new_code_cell("\n".join(lines).strip("\n")))
            for name in defined_functions(cell.source):
                if name in exercises:
                    made += _question(exercises[name])
        elif "answer" in cell.metadata:
            made += _written(exercises[str(cell.metadata["answer"])], cell, inside)
        else:
            made.append(_text(_outside(cell, inside), cell))
    return notebook_text(made)


def _assignment(unit: Unit, package: Package, figures: Collection[str]) -> str:
    wheel = package.wheel
    folders = sorted({unit.name, *(path.partition("/")[0] for path in figures)})
    return f"""\
# ASSIGNMENT CONFIG
name: {unit.name}
init_cell: false
export_cell: false
strip_solutions_from_all_cells: true
tests:
  ok_format: false
files: [{", ".join(folders)}, {MARKER}, {wheel}, {REQUIREMENTS}]
autograder_files: [{COURSE}]
python_version: "{PYTHON}"
requirements:
  - --extra-index-url https://download.pytorch.org/whl/cpu
  - {package.torch}
  - /autograder/source/files/{wheel}
generate:
  plugins:
    - autograder.integrations.otter.plugin.Outside
"""


def _question(exercise: Exercise) -> list[Any]:
    """What follows an exercise: the cell that checks it, and its test cases."""
    made = [_raw(f"# BEGIN QUESTION\nname: {exercise.name}\ncheck_cell: false\n")]
    if any(not test.hidden for test in exercise.tests):
        made.append(_check(f'grader.check("{exercise.name}")'))
    made.append(_raw("# BEGIN TESTS"))
    made += [_v4.new_code_cell(_test_case(exercise, test)) for test in exercise.tests]
    return [*made, _raw("# END TESTS"), _raw("# END QUESTION")]


def _test_case(exercise: Exercise, test: ExerciseTest) -> str:
    hidden = ", public=False" if test.hidden else ""
    return f'''\
""" # BEGIN TEST CONFIG
points: {test.points:g}
hidden: {str(test.hidden).lower()}
""" # END TEST CONFIG
def {test.name}(env):
    from autograder.integrations.otter import passes

    passes("{exercise.name}", "{test.name}", env{hidden})'''


def _written(exercise: Exercise, cell: Cell, regions: list[Region]) -> list[Any]:
    """A written question's answer, which people grade."""
    config = f"# BEGIN QUESTION\nname: {exercise.name}\nmanual: true\npoints: {exercise.points:g}\n"
    answer = cell.text.split("\n")[regions[0].first - cell.line : regions[0].last - cell.line - 1]
    return [
        _raw(config),
        _v4.new_markdown_cell("**Your answer:**"),  # otter puts a mark into a question's first cell
        _raw("# BEGIN PROMPT"),
        _text(ANSWER, cell),
        _raw("# END PROMPT"),
        _raw("# BEGIN SOLUTION"),
        _text("\n".join(answer), cell),
        _raw("# END SOLUTION"),
        _raw("# END QUESTION"),
    ]


def _marked(path: Path, cell: Cell, regions: list[Region], defined: Any) -> list[str]:
    """The lines of a code cell, with otter's marks in the place of ours."""
    first = cell.line + bool(cell.marker)
    opened = {region.first - first: region for region in regions}
    closed = {region.last - first: region for region in regions}
    lines: list[str] = []
    for number, line in enumerate(cell.lines):
        if number in opened:
            lines.append(f"{opened[number].indent}# BEGIN SOLUTION NO PROMPT")
        elif number in closed:
            indent = closed[number].indent
            prompt = stand_in(path, closed[number], defined)
            lines.append(f"{indent}# END SOLUTION")
            if prompt is not None:
                lines += [f'{indent}""" # BEGIN PROMPT', prompt, f'{indent}"""; # END PROMPT']
        else:
            lines.append(line)
    return lines


def _outside(cell: Cell, regions: list[Region]) -> str:
    """The text of a text cell without what stands between marks."""
    first = cell.line + bool(cell.marker)
    secret = {n - first for region in regions for n in range(region.first, region.last + 1)}
    lines = [line for number, line in enumerate(cell.lines) if number not in secret]
    return replace(cell, lines=tuple(lines)).text


def _text(text: str, cell: Cell) -> Any:
    kept = {key: cell.metadata[key] for key in ("question", "answer") if key in cell.metadata}
    return _v4.new_markdown_cell(text, metadata=kept)


def _raw(text: str) -> Any:
    return _v4.new_raw_cell(text)


def _check(text: str) -> Any:
    return _v4.new_code_cell(text, metadata={"tags": [CHECK_TAG]})
