"""What is going to be graded, from what an instructor names."""

from __future__ import annotations

import pytest

from autograder.classroom import GradingError, planning
from autograder.commands.class_run import plan_class
from autograder.course import Course
from autograder.submissions import discover


@pytest.fixture
def course(course_root):
    """A course of 01_scaling and, with the same exercises, 02_shifting."""
    first, second = (course_root / "solutions" / name for name in ("01_scaling", "02_shifting"))
    second.mkdir()
    for file in first.iterdir():
        text = file.read_text(encoding="utf-8").replace("# 1. Scaling", "# 2. Shifting")
        (second / file.name.replace("scaling", "shifting")).write_text(text, encoding="utf-8")
    return Course(course_root, "staff")


@pytest.fixture
def submissions(tmp_path, scaling_source):
    folder = tmp_path / "submissions"
    for student in ("ada", "bob"):
        (folder / student).mkdir(parents=True)
        (folder / student / "scaling.py").write_text(scaling_source, encoding="utf-8")
    return folder


def test_without_a_name_the_units_that_were_handed_in_are_graded(course, submissions):
    plan = plan_class(course, [submissions], [])
    assert [(j.attempt.student, j.unit) for j in plan.jobs] == [
        ("ada", "01_scaling"),
        ("bob", "01_scaling"),
    ]


def test_units_that_are_named_are_graded_whatever_was_handed_in(course, submissions):
    plan = plan_class(course, [submissions], ["2", "scaling"])
    assert [j.unit for j in plan.jobs] == ["02_shifting", "01_scaling"] * 2


@pytest.mark.parametrize("names", [[], ["scaling"]])
def test_submissions_are_looked_for_once(course, submissions, monkeypatch, names):
    looked = []

    def looking(*arguments, **options):
        looked.append(arguments)
        return discover(*arguments, **options)

    monkeypatch.setattr(planning, "discover", looking)
    assert plan_class(course, [submissions], names).jobs
    assert len(looked) == 1


def test_work_on_no_unit_is_a_sentence_that_asks_for_the_unit(course, tmp_path):
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "ada" / "essay.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(GradingError, match="holds work on a unit of this course"):
        plan_class(course, [tmp_path / "class"], [])


@pytest.mark.parametrize("names", [[], ["scaling"]])
def test_a_folder_without_submissions_is_said_to_be_one(course, tmp_path, names):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GradingError, match="No submissions were found in"):
        plan_class(course, [tmp_path / "empty"], names)


def test_what_one_student_alone_seems_to_hand_in_is_said_and_not_graded(
    course, submissions, scaling_source
):
    for student in ("eve", "zoe"):
        (submissions / student).mkdir()
        (submissions / student / "scaling.py").write_text(scaling_source, encoding="utf-8")
    (submissions / "zoe" / "shifting.py").write_text(scaling_source, encoding="utf-8")
    plan = plan_class(course, [submissions], [])
    assert {job.unit for job in plan.jobs} == {"01_scaling"}
    assert len(plan.jobs) == 4
    (told,) = plan.warnings
    assert told.startswith("Only zoe seems to have handed in something for 02_shifting (zoe)")
    assert "--unit 02_shifting" in told
    plan = plan_class(course, [submissions], ["shifting"])
    assert (len(plan.jobs), plan.warnings) == (4, ())


def test_a_class_that_handed_in_one_thing_each_is_graded(course, tmp_path, scaling_source):
    for student, module in (("ada", "scaling"), ("bob", "shifting"), ("eve", "none")):
        (tmp_path / "class" / student).mkdir(parents=True)
        file = tmp_path / "class" / student / f"{module}.py"
        file.write_text(scaling_source if module != "none" else "", encoding="utf-8")
    plan = plan_class(course, [tmp_path / "class"], [])
    assert {job.unit for job in plan.jobs} == {"01_scaling", "02_shifting"}
