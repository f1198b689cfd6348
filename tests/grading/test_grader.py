"""What a submission comes to: points, statuses, the smallest failing input, and a new worker."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.grading import UnitGrader
from autograder.supervisor import Code

STUB = """
def scale_forward(x, w):
    raise NotImplementedError("scale_forward is not written yet")

def scale_backward(dout, cache):
    raise NotImplementedError("scale_backward is not written yet")

def total(x, w):
    raise NotImplementedError("total is not written yet")

def descend(gradient, x, *, steps):
    raise NotImplementedError("descend is not written yet")
"""


def by_name(graded):
    return {e.name: e for e in graded.exercises}


def points(graded):
    return {e.name: e.points for e in graded.exercises if not e.written}


FULL = {"scale_forward": 6.0, "scale_backward": 3.0, "total": 2.0, "descend": 2.0}


def test_the_reference_gets_full_marks(grade):
    graded = grade()
    assert points(graded) == FULL
    assert all(e.status == "full" for e in graded.exercises if not e.written)
    assert graded.problems == []


def test_a_wrong_answer_costs_its_exercise_alone(grade):
    graded = by_name(grade("def scale_forward(x, w):\n    return x + w, (x, w)"))
    assert graded["scale_forward"].status == "partial"  # its inputs are left alone
    assert graded["scale_forward"].points == 1.0
    refused = next(t for t in graded["scale_forward"].tests if "refuses" in t.name)
    assert refused.failure.category == "no error raised"
    assert graded["total"].with_ours == ["scale_forward"]
    assert graded["total"].status == "full"
    assert graded["scale_backward"].status == "full"  # its cache is right


def test_who_fails_on_a_cache_is_told_which_function_of_theirs_made_it(grade):
    checked = "    if w.dim() != 1:\n        raise ValueError('w must have rank 1')\n"
    graded = by_name(grade(f"def scale_forward(x, w):\n{checked}    return x * w, (x, w + 1)"))
    assert graded["scale_forward"].status == "full"  # a cache is nobody else's business
    advice = [t.failure.advice for t in graded["scale_backward"].tests if t.failure]
    # Said once, with the first of the tests that fail.
    assert advice == ["It works on what your scale_forward cached: see that too.", ""]
    wrong = by_name(grade("def total(x, w):\n    return scale_forward(x, w)[0].mean()"))
    assert [t.failure.advice for t in wrong["total"].tests if t.failure] == [""]


def test_the_smallest_failing_input_is_small(grade):
    """Wrong only when there are two rows or more, and two is what the report shows."""
    graded = by_name(
        grade(
            """
            def scale_backward(dout, cache):
                x, w = cache
                return dout * w, (dout * x).mean(0)
            """
        )
    )
    test = next(t for t in graded["scale_backward"].tests if "matches" in t.name)
    assert test.failure.category == "wrong value"
    assert test.failure.inputs["x"].split(")")[0].endswith("(2, 1")
    assert "gradients[1] has the wrong values" in test.failure.message


def test_the_same_submission_gets_the_same_report(grade):
    changes = "def total(x, w):\n    return (x * w).mean()"
    first, second = grade(changes), grade(changes)

    def content(graded):
        return [(t.name, t.status, t.failure) for e in graded.exercises for t in e.tests], points(
            graded
        )

    assert content(first) == content(second)


def test_what_is_not_attempted_is_not_called_wrong(grade):
    graded = by_name(grade(source=STUB))
    assert graded["scale_forward"].status == "not attempted"
    assert graded["total"].status == "not attempted"
    assert graded["scale_backward"].status == "blocked"
    assert all(e.points == 0.0 for e in graded.values())


def test_what_the_stub_refuses_already_earns_nothing_by_itself(grade):
    """scale_forward has a point for refusing a matrix, and the stub's validation does that."""
    raises = "if w.dim() != 1:\n        raise ValueError('w must have rank 1')\n    "
    unwritten = 'raise NotImplementedError("scale_forward is not written yet")'
    stub = by_name(grade(f"def scale_forward(x, w):\n    {raises}{unwritten}\n"))["scale_forward"]
    assert (stub.points, stub.status) == (0.0, "not attempted")
    assert "passed" in {test.status for test in stub.tests}
    wrong = by_name(grade(f"def scale_forward(x, w):\n    {raises}return w, x\n"))
    assert wrong["scale_forward"].points == 2.0  # that, and that its inputs are left alone


def test_an_exercise_that_waits_for_an_unwritten_one_is_blocked(grader, scaling_source):
    unwritten = 'raise NotImplementedError("scale_forward is not written yet")'
    source = f"{scaling_source}\ndef scale_forward(x, w):\n    {unwritten}\n"
    settings = replace(grader.settings, carry_forward=False)
    alone = UnitGrader(grader.unit, settings, grader.workers)
    graded = by_name(alone.grade(Code("scaling", (("scaling.py", source),)), {}))
    assert graded["total"].status == "blocked"
    assert graded["total"].depends_on == ["scale_forward"]
    assert graded["descend"].status == "full"


def test_a_hang_costs_its_tests_and_the_rest_is_graded(grade):
    began = time.monotonic()
    graded = by_name(grade("def total(x, w):\n    while True:\n        pass"))
    assert graded["total"].points == 0.0
    assert {t.failure.category for t in graded["total"].tests} == {"timeout"}
    assert "did not return within 1 s" in graded["total"].tests[0].failure.message
    assert points_without(graded, "total") == points_without_full("total")
    assert time.monotonic() - began < 10  # a hang is not searched for a smaller input


def test_a_function_that_hangs_everywhere_is_given_up(grade):
    began = time.monotonic()
    graded = by_name(grade("def scale_forward(x, w):\n    while True:\n        pass"))
    assert graded["scale_forward"].points == 0.0
    assert graded["descend"].status == "full"
    assert any("was not called again" in t.failure.message for t in graded["scale_forward"].tests)
    assert time.monotonic() - began < 12


def test_a_crash_costs_its_tests_and_the_rest_is_graded(grade):
    graded = by_name(grade("import os\ndef total(x, w):\n    os._exit(0)"))
    assert {t.failure.category for t in graded["total"].tests} == {"crash"}
    assert points_without(graded, "total") == points_without_full("total")


def points_without(graded, name):
    return {n: e.points for n, e in graded.items() if n != name and not e.written}


def points_without_full(name):
    return {n: p for n, p in FULL.items() if n != name}


def test_an_exception_is_told_with_its_line_in_the_students_file(grade):
    graded = by_name(grade(source=STUB + "\ndef total(x, w):\n    return x.no_such_thing\n"))
    failure = graded["total"].tests[0].failure
    assert failure.category == "exception"
    assert failure.exception == "AttributeError"
    assert failure.line == f"scaling.py:{STUB.count(chr(10)) + 3}"
    assert "no_such_thing" in failure.trace


def test_a_syntax_error_is_a_sentence_and_not_a_fault(grade):
    graded = grade(source="def total(:\n    pass")
    assert sum(points(graded).values()) == 0.0
    assert "SyntaxError" in graded.problems[0]
    assert "scaling.py:1" in graded.problems[0]


def test_code_that_ends_the_process_on_import_is_a_sentence(grade):
    graded = grade("import os\nos._exit(0)")
    assert sum(points(graded).values()) == 0.0
    assert "ended the Python process" in graded.problems[0]


def test_a_cell_that_fails_costs_nothing_that_stands_in_other_cells(grade, scaling_source):
    whole = scaling_source

    half = whole.index("# %%\ndef total")
    cells = [
        ("nb[1]", whole[:half]),
        ("nb[2]", "1 / 0"),
        ("nb[3]", "import sys\nsys.exit(3)"),
        ("nb[4]", "while True:\n    pass"),
        ("nb[5]", "import os\nos._exit(1)"),
        ("nb[6]", whole[half:]),
    ]
    graded = grade(cells=cells)
    assert points(graded) == FULL
    assert len(graded.problems) == 4
    for label, problem in zip(["nb[2]", "nb[3]", "nb[4]", "nb[5]"], graded.problems, strict=True):
        assert label in problem


def test_however_many_cells_hang_or_end_the_process_the_others_count(grade, scaling_source):
    half = scaling_source.index("# %%\ndef total")
    bad = ["while True:\n    pass", "import os\nos._exit(1)"] * 6
    parts = [scaling_source[:half], *bad, scaling_source[half:]]
    graded = grade(cells=[(f"nb[{n}]", part) for n, part in enumerate(parts)])
    assert points(graded) == FULL
    assert len(graded.problems) == len(bad)


def test_a_module_that_never_ends_is_waited_for_once(grade, grader):
    settings = replace(grader.settings, devices=("cpu", "cuda (simulated)"), smaller=False)
    both = UnitGrader(grader.unit, settings, grader.workers)
    graded = both.grade(Code("scaling", (("scaling.py", "while True:\n    pass\n"),)), {})
    assert sum(points(graded).values()) == 0.0
    assert graded.problems == ["Loading scaling.py did not return within 1 s."]


NO_RULES = {
    "another default dtype": "torch.set_default_dtype(torch.float64)",
    "gradients switched off": "torch.set_grad_enabled(False)",
    "threads": "torch.set_num_threads(3)",
    "warnings that are errors": "import warnings\nwarnings.simplefilter('error')",
    "another way to print": "torch.set_printoptions(precision=1)\nprint('loaded')",
    "a cache of a class of its own": """
class Memory:
    __slots__ = ("kept",)
    def __init__(self, *kept):
        self.kept = kept
    def __iter__(self):
        return iter(self.kept)
    def __eq__(self, other):
        raise TypeError("compare the gradients")
    __hash__ = None

of_the_course = scale_forward
def scale_forward(x, w):
    out, (x, w) = of_the_course(x, w)
    return out, Memory(x, w)
""",
    "generators seeded": "torch.manual_seed(7)\nimport random\nrandom.seed(7)",
    "functions that are objects": """
import functools
class Total:
    def __call__(self, x, w):
        return scale_forward(x, w)[0].sum()
total = Total()
descend = functools.partial(descend)
""",
}


@pytest.mark.parametrize("what", NO_RULES)
def test_what_is_no_rule_costs_nothing(grade, what):
    graded = grade(NO_RULES[what])
    assert points(graded) == FULL
    assert graded.problems == []


def test_a_returned_object_of_the_wrong_kind_is_the_students_failure(grade):
    graded = by_name(grade("def total(x, w):\n    return (x * w).sum().item()"))
    assert graded["total"].points == 0.0
    assert graded["total"].tests[0].failure.category == "wrong type"
    graded = by_name(grade("def scale_forward(x, w):\n    return x * w"))
    failure = graded["scale_forward"].tests[0].failure
    assert "should return a tuple of 2 values" in failure.message


def test_a_function_passed_in_is_called_back(grade):
    assert by_name(grade())["descend"].status == "full"
    wrong = "def descend(gradient, x, *, steps):\n    return x - 0.5 * steps * gradient(x)"
    assert by_name(grade(wrong))["descend"].points == 0.0


def test_printing_is_kept_for_staff_and_changes_nothing(grade):
    graded = grade("print('hello \\x1b[31m red')")
    assert points(graded) == FULL
    assert "hello" in graded.output
    assert "\x1b" not in graded.output


def test_no_time_left_is_said_and_not_called_wrong(grader, unit):
    from dataclasses import replace

    from autograder.supervisor import Code

    settings = grader.settings
    grader.settings = replace(settings, submission_seconds=0.0)
    try:
        graded = grader.grade(Code("scaling", (("scaling.py", STUB),)), {})
    finally:
        grader.settings = settings
    tests = [t for e in graded.exercises for t in e.tests]
    assert {t.status for t in tests} == {"not run"}
    assert "had already taken" in tests[0].failure.message


def test_a_known_mistake_is_named(grade):
    graded = by_name(
        grade(
            """
            def scale_backward(dout, cache):
                x, w = cache
                return dout * w, (dout * x).sum(0) / len(x)
            """
        )
    )
    assert graded["scale_backward"].diagnosis.mistake == "dw_is_averaged"
    assert graded["scale_backward"].diagnosis.sentence.startswith("dw is the sum")


def test_an_unknown_mistake_is_not_guessed_at(grade):
    graded = by_name(
        grade(
            """
            def scale_backward(dout, cache):
                x, w = cache
                return dout * w, (dout * x).sum(0) * 3
            """
        )
    )
    assert graded["scale_backward"].diagnosis is None


def test_public_tests_run_first_so_that_their_messages_cannot_carry_hidden_inputs(grader):
    kinds = [test.public for test in grader.tests]
    assert kinds == sorted(kinds, reverse=True)


def test_state_that_leaks_between_calls_is_caught(grade):
    graded = by_name(
        grade(
            """
            last = {}
            def scale_forward(x, w):
                last["x"] = x
                return x * w, w
            def scale_backward(dout, cache):
                return dout * cache, (dout * last["x"]).sum(0)
            """
        )
    )
    assert graded["scale_backward"].status == "partial"
    assert graded["scale_backward"].points == 2.0


def test_answers_to_written_questions_wait_for_a_person(grader):
    from autograder.supervisor import Code

    graded = grader.grade(Code("scaling", (("scaling.py", STUB),)), {"why_scale": "Because."})
    question = by_name(graded)["why_scale"]
    assert (question.status, question.points, question.answer) == ("to be marked", None, "Because.")
    graded = grader.grade(Code("scaling", (("scaling.py", STUB),)), {})
    assert by_name(graded)["why_scale"].points == 0.0


def test_a_diagnosis_does_not_touch_the_inputs_of_the_class(grade, grader):
    """A known mistake that writes to its inputs runs in the grading process, on copies."""
    grade("def scale_forward(x, w):\n    x.mul_(w)\n    return x, (x, w)")
    wrong = "def scale_backward(dout, cache):\n    x, w = cache\n    return dout.mul_(w) * 2, w"
    assert by_name(grade(wrong))["scale_backward"].diagnosis.mistake == "writes_to_dout"
    assert points(grade()) == FULL


def test_an_infinity_is_only_like_itself():
    from autograder.exam import Rehearsed
    from autograder.grading.diagnosis import alike
    from autograder.testing import CallRecord

    def are_alike(known: float, came: float) -> bool:
        return alike(Rehearsed("f", False, known), CallRecord("f", (), {}, came))

    assert are_alike(float("inf"), float("inf"))
    assert not are_alike(float("inf"), 1.0)
    assert not are_alike(float("-inf"), float("inf"))
    assert not are_alike(float("nan"), 1.0)
    assert are_alike(1.0, 1.0 + 1e-12)


def test_a_check_left_in_the_code_costs_nothing(grade):
    graded = grade("from autograder.notebook import check\ncheck('total', strict=True)")
    assert points(graded) == FULL
    assert graded.problems == []


def test_two_courses_may_have_a_unit_of_the_same_name(grader, course_root: Path) -> None:
    from autograder.course import find_unit
    from autograder.grading import UnitGrader

    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(re.sub(r"def (test_\w+)", r"def \1_elsewhere", text), encoding="utf-8")
    unit = find_unit(course_root / "solutions", "scaling")
    names = {test.name for test in UnitGrader(unit, grader.settings, None).tests if not test.public}
    assert names
    assert all("_elsewhere" in name for name in names), names


def test_an_exception_outside_the_students_lines_names_none_of_the_graders(grade):
    graded = grade("def total(x, w, more):\n    return x")
    failure = next(t.failure for e in graded.exercises for t in e.tests if t.failure)
    assert failure.exception == "TypeError"
    assert (failure.line, failure.trace) == ("", "")
