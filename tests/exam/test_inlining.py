"""A mistake must cost points also where only an exercise that builds on its function makes it."""

from __future__ import annotations

import pytest
from scaling import write_course

from autograder.classroom import inlined_problems
from autograder.classroom.messages import Inlined
from autograder.course import CourseError, find_unit, mistakes
from autograder.exam import ExamRequest, draw, inlined_mistakes

# 2 * 2 = 2 + 2: whether somebody scales or shifts cannot be told.
WEAK = """
import torch
from autograder.testing import assert_close, exercise

@exercise("total", points=2)
def test_total_of_twos(student, device):
    two = torch.full((1, 1), 2.0)
    assert_close(student.total(two, two[0]), two.sum() * 2, "total")
"""


def found(root, **files):
    unit = write_course(root) / "solutions" / "01_scaling"
    for name, text in files.items():
        (unit / f"{name}.py").write_text(text, encoding="utf-8")
    known = find_unit(unit.parent, "scaling")
    drawn = draw(ExamRequest(known, 3, ("cpu",), smaller=False), losing=False)
    return [
        (mistake.name, exercise, lost)
        for mistake, exercise, lost in inlined_mistakes(known, drawn.tests, drawn.student)
    ]


def test_a_test_of_its_own_finds_a_mistake_that_only_one_exercise_makes(tmp_path):
    # Only `total` calls another function: the tests of scale_backward call scale_forward, but a
    # student who writes it needs no copy of that.
    assert found(tmp_path) == [("shifts", "total", True)]


def test_an_exercise_that_relies_on_the_tests_of_another_one_is_found(tmp_path):
    assert found(tmp_path, test_hidden=WEAK) == [("shifts", "total", False)]


def test_what_is_not_found_is_a_problem_unless_it_comes_to_the_same():
    def one(*, lost, equal):
        return Inlined(mistake="shifts", exercise="total", lost=lost, equal=equal)

    assert inlined_problems([one(lost=True, equal=False), one(lost=False, equal=True)]) == []
    (told,) = inlined_problems([one(lost=False, equal=False)])
    assert "total keeps all its points if it alone makes the mistake shifts" in told
    assert 'equal_in=("total",)' in told
    (told,) = inlined_problems([one(lost=True, equal=True)])
    assert "declared to come to the same in total, but loses points" in told


def test_what_is_declared_to_come_to_the_same_is_a_function_of_the_unit(tmp_path):
    unit = write_course(tmp_path) / "solutions" / "01_scaling"
    text = (unit / "mistakes.py").read_text(encoding="utf-8")
    old = '"Scale, do not shift: multiply x by w."'
    for said, right in (('equal_in=("total",)', True), ('equal_in=("totl",)', False)):
        (unit / "mistakes.py").write_text(text.replace(old, f"{old}, {said}"), encoding="utf-8")
        if right:
            known = mistakes(find_unit(unit.parent, "scaling"))
            assert {m.name: m.equal_in for m in known}["shifts"] == ("total",)
            continue
        with pytest.raises(CourseError, match=r"equal_in of shifts must name\s+functions"):
            mistakes(find_unit(unit.parent, "scaling"))
