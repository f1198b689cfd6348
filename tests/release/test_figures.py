"""Figures of handouts: drawn for a release, checked without drawing, and shown in every form."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from cubes import FIGURES, SHOWN, show_figure
from nbconvert import HTMLExporter
from samples import discover

from autograder.course import Course, CourseError, find_unit, find_units
from autograder.release import (
    check_assignments,
    make_release,
    release,
    shown_figures,
    staff_side,
    write_stub,
)
from autograder.release.formats import FOLDER
from autograder.submissions import RecognisedUnit

HOUSE = Path(__file__).resolve().parents[2]
CURVE = "01_cubes/figures/curve.svg"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, shared_course: Path) -> Path:
    """A course whose handout shows a figure, released to ``assignments/``."""
    root = tmp_path_factory.mktemp("drawn") / "course"
    shutil.copytree(shared_course, root)
    release(show_figure(root), root / "assignments", wheel=False)
    return root


@pytest.fixture
def mine(drawn: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(drawn, tmp_path / "mine"))


def again(root: Path) -> list[str]:
    return release(root, root / "assignments", wheel=False).sentences()[1:]


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# --- drawing ------------------------------------------------------------------------------


def test_a_release_draws_what_the_handout_shows(drawn: Path) -> None:
    svg = (drawn / "assignments" / CURVE).read_bytes()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert check_assignments(drawn) == []


def test_a_release_without_changes_draws_and_writes_nothing(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert again(mine) == ["Nothing changed."]


def test_a_figure_is_the_same_bytes_in_another_process_and_for_other_settings(
    drawn: Path, tmp_path: Path
) -> None:
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nbackend: TkAgg\n", encoding="utf-8")
    root = tmp_path / "course"
    shutil.copytree(drawn / "solutions", root / "solutions")
    settings = {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONHASHSEED": "7"}
    subprocess.run(
        [sys.executable, "-m", "autograder", "release"],
        cwd=root,
        env=os.environ | settings,
        check=True,
        capture_output=True,
    )
    assert (root / "assignments" / CURVE).read_bytes() == (
        (drawn / "assignments" / CURVE).read_bytes()
    )
    assert not list((root / "solutions").rglob("__pycache__"))


def test_without_matplotlib_the_release_says_what_to_install(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(mine, "solutions/01_cubes/figures.py", "1]", "2]")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CourseError, match=r"draw curve takes matplotlib.*handgrad\[instructor\]"):
        again(mine)
    extras = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    instructor = extras["optional-dependencies"]["instructor"]
    assert any(line.startswith("matplotlib>=") for line in instructor)


def test_a_figure_may_be_drawn_from_its_units_own_module(mine: Path) -> None:
    figures = "import cubes\n" + FIGURES.replace("[-1, 0, 1])", "[len(cubes.__doc__), 0, 1])")
    change(mine, "solutions/01_cubes/figures.py", FIGURES, figures)
    before = sys.modules.get("cubes")  # the tests' own module of that name
    assert f"Updated: {CURVE}." in again(mine)
    assert sys.modules.get("cubes") is before


# --- checking -----------------------------------------------------------------------------


def test_a_check_needs_neither_matplotlib_nor_torch(drawn: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from autograder.release import check_assignments; "
        "print(check_assignments(Path.cwd()), {'torch', 'matplotlib', 'numpy'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=drawn, capture_output=True, text=True
    )
    assert told.stdout == "[] set()\n", told.stderr


def test_a_change_of_the_source_makes_the_figure_stale(mine: Path) -> None:
    change(mine, "solutions/01_cubes/figures.py", "1]", "2]")
    assert check_assignments(mine) == [
        f"assignments/{CURVE} is stale, because figures.py changed since it was drawn: run "
        "`autograder release`, and commit what it writes."
    ]
    assert again(mine) == [f"Updated: {CURVE}."]
    assert check_assignments(mine) == []


def test_a_change_of_the_style_makes_the_figure_stale(mine: Path) -> None:
    path = mine / "assignments" / CURVE
    path.write_bytes(re.sub(rb"style\.py=\w+", b"style.py=0", path.read_bytes()))
    assert "because style.py changed" in check_assignments(mine)[0]


def test_only_the_code_of_an_imported_module_counts(mine: Path) -> None:
    change(mine, "solutions/01_cubes/figures.py", FIGURES, "import cubes\n" + FIGURES)
    again(mine)
    change(mine, "solutions/01_cubes/cubes.py", "its slope", "slope")
    assert not any("stale" in said for said in check_assignments(mine))
    change(mine, "solutions/01_cubes/cubes.py", "return canary_helper", "return  canary_helper")
    assert "because cubes.py changed" in check_assignments(mine)[0]


def test_a_figure_that_was_changed_by_hand_or_lost_is_drawn_again(mine: Path) -> None:
    path = mine / "assignments" / CURVE
    right = path.read_bytes()
    path.write_bytes(right.replace(b"<path", b"<path ", 1))
    assert f"assignments/{CURVE} is not as it was drawn: run" in check_assignments(mine)[0]
    assert again(mine) == [f"Updated: {CURVE}."]
    assert path.read_bytes() == right
    path.unlink()
    assert f"assignments/{CURVE} is missing: run" in check_assignments(mine)[0]
    again(mine)
    assert path.read_bytes() == right


def test_line_ends_that_git_changed_are_no_change(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mine / "assignments" / CURVE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert check_assignments(mine) == []
    assert again(mine) == ["Nothing changed."]


def test_a_figure_that_is_shown_no_more_leaves_the_release(mine: Path) -> None:
    change(mine, "solutions/01_cubes/cubes.py", f"#\n# {SHOWN}\n", "")
    (mine / "solutions" / "01_cubes" / "figures.py").unlink()
    assert f"assignments/{CURVE} is not generated" in " ".join(check_assignments(mine))
    assert f"Removed: {CURVE}, which is no longer part of the course." in again(mine)


# --- what is wrong with a figure ----------------------------------------------------------

DRAWS = "def curve(figure):\n    axes = figure.add_subplot()\n"
RANDOM = f"import numpy as np\n{DRAWS}    axes.plot(np.random.default_rng().normal(size=3))\n"
LARGE = (
    "import numpy as np\n"
    f"{DRAWS}    axes.plot(np.random.default_rng(0).normal(size=(4000, 2)), 'o-')\n"
)


@pytest.mark.parametrize(
    ("figures", "shown", "sentence"),
    [
        (FIGURES, SHOWN.replace("curve", "line"), r"shows figures/line\.svg, but .* not define it"),
        (FIGURES, "", r"figures\.py: the figure curve is defined, but no text"),
        (FIGURES, "![ ](figures/curve.svg)", "figures/curve.svg has no alternative text"),
        (FIGURES, "![The curve $x^3$.](figures/curve.svg)", "read aloud; say it in words"),
        (FIGURES, "![A line.](figures/curve.png)", "which no release ships"),
        (FIGURES, "![A line.](../secret.svg)", "which no release ships"),
        ("def curve(figure:\n", SHOWN, r"01_cubes/figures\.py:1: this is not valid Python"),
        (f"{DRAWS}    1 / 0\n", SHOWN, r"figures\.py:3: the figure curve cannot be drawn \(Zero"),
        (f"import no_such\n{DRAWS}", SHOWN, r"figures\.py:1: it cannot be run \(ModuleNotFound"),
        ("def curve(figure):\n    pass\n", SHOWN, "curve draws nothing"),
        (f"{DRAWS}    axes.set_title('\\u4e2d')\n", SHOWN, "cannot be drawn .*Glyph 20013"),
        (RANDOM, SHOWN, "the figure curve is another one each time it is drawn"),
        (LARGE, SHOWN, r"the figure curve takes \d+ kB as SVG, and at most 200 kB"),
    ],
)
def test_what_is_wrong_with_a_figure_is_a_sentence(
    course: Path, figures: str, shown: str, sentence: str
) -> None:
    show_figure(course, figures, shown)
    with pytest.raises(CourseError, match=sentence):
        release(course, course / "assignments", wheel=False)
    assert not (course / "assignments").exists()


def test_what_only_a_model_answer_shows_is_not_shown(course: Path) -> None:
    show_figure(course, shown="")
    change(course, "solutions/01_cubes/cubes.py", "# canary_answer", f"# {SHOWN}\n# canary_answer")
    with pytest.raises(CourseError, match="no text that students get shows it"):
        again(course)


def test_images_of_the_web_are_left_alone(course: Path) -> None:
    show_figure(course, shown=f"{SHOWN} ![A cat.](https://example.org/cat.png)")
    (figure,) = shown_figures(unit := find_unit(course / "solutions", "1"), write_stub(unit))
    assert (figure.name, figure.alt) == ("curve", "A line that rises from the left to the right.")


# --- where it is shown --------------------------------------------------------------------


def test_students_get_the_figure_and_never_its_source(drawn: Path, tmp_path: Path) -> None:
    make_release([FOLDER], "folder", drawn, tmp_path / "students", ())
    names = {path.name for path in (tmp_path / "students" / "01_cubes").rglob("*")}
    assert names == {"cubes.py", "cubes.ipynb", "test_public.py", "figures", "curve.svg"}
    for wheel in (tmp_path / "students").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            assert not any("canary" in archive.read(name).decode() for name in archive.namelist())


def test_the_notebook_shows_the_figure_beside_it(drawn: Path) -> None:
    folder = drawn / "assignments" / "01_cubes"
    notebook = nbformat.read(folder / "cubes.ipynb", as_version=4)
    page, _ = HTMLExporter(embed_images=False).from_notebook_node(notebook)
    image = ElementTree.fromstring(re.search(r"<img [^>]*>", page)[0].rstrip("/>") + "/>")
    assert (folder / image.attrib["src"]).is_file()
    assert " ".join(image.attrib["alt"].split()) == "A line that rises from the left to the right."


def test_what_grades_away_from_here_grades_the_same_stub(drawn: Path) -> None:
    unit = find_unit(Course(drawn, "staff").units_folder, "1")
    files = staff_side(drawn, unit)
    stub = files["assignments/01_cubes/cubes.py"]
    assert stub == (drawn / "assignments" / "01_cubes" / "cubes.py").read_bytes()


def test_a_submission_may_hold_the_figures(drawn: Path, tmp_path: Path) -> None:
    work = drawn / "assignments" / "01_cubes"
    for student in ("ada", "ben"):
        shutil.copytree(work, tmp_path / "class" / student / "01_cubes")
    shutil.make_archive(str(tmp_path / "class" / "cyd"), "zip", work.parent, "01_cubes")
    stub = write_stub(find_unit(drawn / "solutions", "1"))
    unit = RecognisedUnit("01_cubes", "cubes", stub, ("why_cubes",))
    found = discover([tmp_path / "class"], [unit])
    assert [attempt.student for attempt in found.attempts] == ["ada", "ben", "cyd"]
    assert found.warnings == ()


# --- the course's own ---------------------------------------------------------------------

UNITS = find_units(HOUSE / "solutions") if (HOUSE / "solutions").is_dir() else []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_has_a_figure_and_each_is_described(unit) -> None:
    figures = shown_figures(unit, stub := write_stub(unit))
    assert figures, f"{unit.name} shows no figure"
    for figure in figures:
        assert len(figure.alt.split()) > 12, figure
        assert figure.alt.endswith("."), figure
        assert "In the figure" in stub
        # Six hundred pixels wide, as the style says: where letters have the size that it gives.
        svg = (HOUSE / "assignments" / unit.name / f"figures/{figure.name}.svg").read_text()
        assert re.search(r'<svg [^>]*width="450pt"', svg), figure.name
