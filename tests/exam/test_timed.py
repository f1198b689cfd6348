"""What is timed is met once: a slow function that remembers its answers gains nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from scaling import write_course

from autograder.course import find_unit
from autograder.exam import ExamRequest, PreparationError, draw
from autograder.exam.values import write_value

TESTS = """
import torch
from hypothesis import example
from autograder.testing import assert_close, exercise, given, tensors

@exercise("total", points=1)
@given(x=tensors(50, 40), examples=4)
def test_total(student, device, x):
    assert_close(student.total(x, x[0]), (x * x[0]).sum(), "total")

@exercise("total", points=1, speed=5)
@given(x=tensors(50, 40), examples=4)
def test_total_is_fast(student, x):
    assert_close(student.total(x, x[0]), (x * x[0]).sum(), "total")

@exercise("scale_forward", points=1, speed=5)
@given(x=tensors(50, 40), examples=4)
def test_scale_forward_is_fast(student, x):
    assert_close(student.scale_forward(x, x[0])[0], x * x[0], "out")
"""


def request_of(root: Path, tests: str) -> ExamRequest:
    unit = write_course(root) / "solutions" / "01_scaling"
    (unit / "test_hidden.py").write_text(tests, encoding="utf-8")
    (unit / "test_public.py").unlink()
    return ExamRequest(find_unit(unit.parent, "scaling"), 3, ("cpu",), smaller=False)


def test_tests_that_draw_alike_are_not_timed_on_the_same(tmp_path):
    timed = draw(request_of(tmp_path, TESTS)).tests[1:]
    again = draw(request_of(tmp_path / "again", TESTS)).tests[1:]
    inputs = [[write_value(e.inputs) for e in test.examples] for test in timed]
    # What hypothesis begins with is always the same: the second test does without.
    assert [len(drawn) for drawn in inputs] == [4, 3]
    assert len(set(inputs[0] + inputs[1])) == 7
    assert inputs == [[write_value(e.inputs) for e in test.examples] for test in again]


def test_a_test_that_has_no_input_of_its_own_is_refused(tmp_path):
    same = "@given(x=st.just(torch.ones(50, 40)), examples=4)\ndef {}"
    tests = "from hypothesis import strategies as st\n" + TESTS
    for name in ("test_total_is_fast", "test_scale_forward_is_fast"):
        drawn = f"@given(x=tensors(50, 40), examples=4)\ndef {name}"
        assert drawn in tests
        tests = tests.replace(drawn, same.format(name))
    with pytest.raises(PreparationError, match="test_scale_forward_is_fast is timed on inputs"):
        draw(request_of(tmp_path, tests))
