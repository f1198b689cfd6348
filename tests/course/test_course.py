"""Units, exercises and policy are read from the text of a unit's files."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import (
    CourseError,
    Unit,
    find_course,
    find_unit,
    find_units,
    read_policy,
    read_unit,
)
from autograder.course.calls import returns


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_unit_is_named_by_its_folder_and_its_first_heading(cubes: Unit) -> None:
    assert (cubes.number, cubes.name, cubes.module, cubes.title) == (
        1,
        "01_cubes",
        "cubes",
        "Cubes",
    )


def test_exercises_stand_in_the_order_of_the_module(cubes: Unit) -> None:
    names = [exercise.name for exercise in cubes.exercises]
    assert names == ["cube_forward", "cube_backward", "cube_sum", "why_cubes"]


def test_points_are_those_of_public_and_hidden_tests_together(cubes: Unit) -> None:
    assert [exercise.points for exercise in cubes.exercises] == [3.0, 3.0, 0.5, 2.0]
    assert cubes.points == 8.5
    assert [test.hidden for test in cubes.exercise("cube_forward").tests] == [False, True]


def test_a_question_is_an_exercise_without_a_function(cubes: Unit) -> None:
    assert [question.name for question in cubes.questions] == ["why_cubes"]
    assert cubes.exercise("why_cubes").function is None


def test_an_exercise_needs_what_its_function_uses(cubes: Unit) -> None:
    expected = {"cube_forward", "_square", "require_floats"}
    assert cubes.exercise("cube_sum").needs == expected


def test_an_exercise_needs_what_its_tests_call_in_their_helpers(cubes: Unit) -> None:
    assert "cube_forward" in cubes.exercise("cube_backward").needs
    assert "cube_backward" not in cubes.exercise("cube_forward").needs


def test_functions_called_by_a_computed_name_are_needed(folder: Path) -> None:
    added = """

FUNCTIONS = ["cube_backward"]


@exercise("cube_sum", points=1)
def test_cube_sum_by_name(student, device):
    for name in FUNCTIONS:
        assert getattr(student, name)(1, 2)
"""
    with (folder / "test_hidden.py").open("a", encoding="utf-8") as file:
        file.write(added)
    assert "cube_backward" in read_unit(folder).exercise("cube_sum").needs


def test_a_cache_travels_as_a_handle(cubes: Unit) -> None:
    assert cubes.returns["cube_forward"] == ("value", "opaque")
    assert cubes.returns["cube_backward"] is None


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("Tensor", None),
        ("tuple[Tensor, Tensor]", None),
        ("Model", "opaque"),
        ("State | None", "opaque"),
        ('"Cache"', "opaque"),
        ("tuple[Tensor, Tensor, Cache]", ("value", "value", "opaque")),
        ('"tuple[Tensor, State]"', ("value", "opaque")),
    ],
)
def test_annotations_say_what_is_opaque(annotation: str, expected: object) -> None:
    assert returns(f"def f(x) -> {annotation}: ...", "f") == expected


def test_an_opaque_value_inside_a_list_is_refused() -> None:
    with pytest.raises(CourseError, match="something opaque stands inside a value"):
        returns("def f(x) -> tuple[Tensor, list[Cache]]: ...", "f")


@pytest.mark.parametrize(
    "name", ["1", "01", "cubes", "01_cubes", "cubes.py", "solutions/01_cubes/"]
)
def test_a_unit_is_found_by_any_of_its_names(course: Path, name: str) -> None:
    assert find_unit(course / "solutions", name).module == "cubes"


def test_a_name_that_no_unit_has_is_answered_with_the_names(course: Path) -> None:
    with pytest.raises(CourseError, match=r"no unit 'squares'.*the units are: 01_cubes"):
        find_unit(course / "solutions", "squares")


def test_two_units_of_one_number_are_refused(course: Path) -> None:
    other = course / "solutions" / "01_squares"
    other.mkdir()
    (other / "squares.py").write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="01_cubes and 01_squares have the same number"):
        find_units(course / "solutions")


def test_the_course_is_found_from_a_folder_below(course: Path, folder: Path) -> None:
    assert find_course(folder).root == course
    assert find_course(folder).kind == "staff"


def test_outside_of_a_course_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"is not in a course.*Change to the course's folder"):
        find_course(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('@exercise("cube_backward", points=3)\n', "", "names no exercise; write e.g."),
        ("points=3", "points=THREE", "points must be a constant above 0"),
        ("points=3", "points=0", "points must be a constant above 0"),
        ("points=3", "points=True", "points must be a constant above 0"),
        ('"cube_backward", points', "NAME, points", "must be named by a constant"),
        ('"cube_backward", points', '"cube", points', "cubes.py has no such function"),
        ("test_cube_backward_is", "test_slope_is", "begin its name with test_cube_backward_"),
        ("import torch", "import torch import", "this is not valid Python"),
    ],
)
def test_a_wrong_declaration_is_an_error_that_names_its_line(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    replace(folder / "test_hidden.py", old, new)
    with pytest.raises(CourseError, match=sentence) as caught:
        read_unit(folder)
    assert "01_cubes/test_hidden.py:" in str(caught.value)


def test_a_test_that_hides_another_is_refused(folder: Path) -> None:
    path = folder / "test_public.py"
    replace(path, "test_cube_sum_of_ones_counts_them", "test_cube_forward_of_two_is_eight")
    replace(path, '"cube_sum", points=0.5', '"cube_forward", points=1')
    with pytest.raises(CourseError, match="is defined a second time"):
        read_unit(folder)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (" points=2", "", "points must be a constant above 0"),
        ('answer="why_cubes"', "", "the question why_cubes has no cell for its answer"),
        ('question="why_cubes" points=2', "", "there is no question named why_cubes"),
        ("why_cubes", "cube_sum", "has the name of a function"),
    ],
)
def test_a_wrong_question_is_an_error_that_names_its_line(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    replace(folder / "cubes.py", old, new)
    with pytest.raises(CourseError, match=sentence) as caught:
        read_unit(folder)
    assert "01_cubes/cubes.py:" in str(caught.value)


def test_the_policy_knows_due_dates_and_extensions(course: Path) -> None:
    policy = read_policy(course / "solutions" / "course.toml")
    assert policy.due_for("canary_student", "01_cubes") == dt.datetime(
        2026, 10, 22, 23, 59, tzinfo=dt.UTC
    )
    assert policy.due_for("bob", "01_cubes") == policy.due["01_cubes"]
    assert policy.due_for("bob", "02_squares") is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sead = 1", "no setting named sead; the settings are name, "),
        ("seed = -1", "seed"),
        ("attempt = 'first'", "attempt"),
        ("call_seconds = 0", "call_seconds"),
        ("[due]\n01_cubes = 2026-10-15T23:59:00", "names no time zone"),
        ("name = ", "not valid TOML"),
    ],
)
def test_a_policy_that_is_not_understood_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "course.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=sentence):
        read_policy(path)


def test_reading_a_course_does_not_import_torch(course: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from autograder.course.courses import find_units; "
        "from autograder.course.variants import mistakes; "
        "print(len(mistakes(find_units(Path(sys.argv[1]))[0])), 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(course / "solutions")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["2", "False"]
