"""A GPU that is full, or fails: one test is lost, and nothing else.

There need be no GPU: the student's functions raise what PyTorch raises, in a worker that computes
on the CPU and that the grader takes for one on a GPU.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace

import msgspec
import pytest

from autograder.classroom import GradingProcesses, Orders, grade_class
from autograder.commands.class_run import plan_class
from autograder.course import Course
from autograder.devices import CUDA
from autograder.exam import ExampleSet, Script, draw, script_of
from autograder.grading import DeviceLost, Settings, UnitGrader, exam_request
from autograder.grading.local import LocalBackend
from autograder.grading.remote import RemoteBackend
from autograder.grading.replay import attempt
from autograder.report import failure_told
from autograder.results import Folder
from autograder.supervisor import Code, Session
from autograder.testing import CallRecord, StudentStopped
from autograder.worker import Limits

# As PyTorch words them; after each of the lower three every later call of the process fails too.
FULL = (
    "CUDA out of memory. Tried to allocate 400.00 GiB. GPU 0 has a total capacity of 139.81 GiB of "
    "which 139.23 GiB is free."
)
ASSERT = (
    "CUDA error: device-side assert triggered\n"
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace "
    "below might be incorrect."
)
ILLEGAL = "CUDA error: an illegal memory access was encountered"
LOST = "CUDA error: the launch timed out and was terminated"

SETTINGS = Settings(
    seed=3,
    devices=("cpu",),
    call_seconds=20.0,
    submission_seconds=200.0,
    memory_mb=1024,
    require="none",
)


@pytest.fixture(scope="module", params=["asked ahead", "asked one by one"])
def grade(request, unit, workers):
    """Grade the reference with changes, as on a GPU."""
    grader = UnitGrader(unit, SETTINGS, workers)
    drawn = {test.name: test for test in draw(exam_request(unit, SETTINGS), losing=False).tests}
    for test in grader.tests:
        examples = drawn[test.name].examples
        ahead = request.param == "asked ahead"
        script = script_of(examples, unit.returns, CUDA) if ahead else Script()
        test.graded, test.smaller = ExampleSet(examples, script), ()

    def grade(changes: str = ""):
        source = unit.source_file.read_text(encoding="utf-8") + "\n\n" + textwrap.dedent(changes)

        def on_gpu(_) -> RemoteBackend:
            return RemoteBackend(
                Session(workers, Limits(memory_mb=1024), 20.0, seed=3),
                Code("scaling", (("scaling.py", source),)),
                unit.returns,
                {},
                CUDA,
            )

        graded = grader.grade_on(on_gpu, {})
        return {e.name: e for e in graded.exercises if not e.written}

    return grade


def breaking(kind: str, message: str) -> str:
    """`total` breaks the process's GPU; from then on everything in the process fails."""
    return f"""
        broken = False

        def total(x, w):
            global broken
            broken = True
            raise {kind}({message!r})

        right = descend

        def descend(gradient, x, *, steps):
            if broken:
                raise RuntimeError({message!r})
            return right(gradient, x, steps=steps)
    """


def all_right(found) -> bool:
    return {e.status for e in found.values()} == {"full"}


def test_code_that_does_no_harm_gets_all_points_there(grade):
    assert all_right(grade())


@pytest.mark.parametrize(
    ("kind", "message", "category", "sentence"),
    [
        ("torch.OutOfMemoryError", FULL, "out of memory", "used more memory than the GPU has"),
        ("torch.AcceleratorError", ASSERT, "device failure", "made the GPU fail"),
        ("RuntimeError", ILLEGAL, "device failure", "made the GPU fail"),
        ("RuntimeError", LOST, "device failure", "made the GPU fail"),
    ],
)
def test_the_test_is_lost_with_a_sentence_and_the_next_one_gets_a_new_worker(
    grade, kind, message, category, sentence
):
    found = grade(breaking(kind, message))
    [lost] = [test for test in found["total"].tests if test.failure]
    assert lost.failure.category == category
    assert lost.failure.function == "total"
    assert lost.failure.message.startswith(f"total {sentence} at scaling.py:")
    assert "CUDA" not in failure_told(lost)
    assert failure_told(lost).endswith("(in total)")
    assert found["total"].points == 0.0
    others = {name: e for name, e in found.items() if name != "total"}
    assert all_right(others), {name: e.status for name, e in others.items()}
    assert all_right(grade()), "the submission after it"


def test_a_device_that_does_not_exist_is_an_ordinary_mistake(grade):
    message = "CUDA error: invalid device ordinal\nGPU device may be out of range, do you have"
    found = grade(f"def total(x, w):\n    raise RuntimeError({message!r})")
    [lost] = [test for test in found["total"].tests if test.failure]
    assert lost.failure.category == "exception"
    assert lost.failure.exception == "RuntimeError"


def test_on_the_cpu_the_same_words_are_an_exception_like_any_other(grader, unit):
    source = unit.source_file.read_text(encoding="utf-8")
    source += f"\n\ndef total(x, w):\n    raise RuntimeError({ASSERT!r})\n"
    graded = grader.grade(Code("scaling", (("scaling.py", source),)), {})
    failures = [t.failure for e in graded.exercises for t in e.tests if t.failure]
    assert {failure.category for failure in failures} == {"exception"}


def test_in_this_process_a_full_gpu_costs_the_test_too(unit):
    source = f"import torch\ndef total(x, w):\n    raise torch.OutOfMemoryError({FULL!r})\n"
    backend = LocalBackend(Code("scaling", (("scaling.py", source),)), unit.returns, CUDA)
    backend.load()
    with pytest.raises(StudentStopped, match="total used more memory than the GPU has") as stopped:
        backend.call(CallRecord("total", (1, 2), {}))
    assert stopped.value.category == "out of memory"


# --- in the grader itself ---------------------------------------------------------------------


@pytest.mark.parametrize("message", [FULL, ASSERT])
def test_where_answers_are_compared_it_is_not_the_students_fault(grader, message):
    def body(**_) -> None:
        raise RuntimeError(message)

    test = replace(grader.tests[0], body=body, device="cuda")
    with pytest.raises(DeviceLost, match="The GPU failed in the grading process"):
        attempt(test, grader.student, test.examples[0])
    on_cpu = replace(test, device="cpu")
    assert attempt(on_cpu, grader.student, test.examples[0]) is not None


LOSING = """
import os
from pathlib import Path
from autograder.grading import DeviceLost
from autograder.testing import exercise

class Lost(DeviceLost, OSError):  # an OSError passes through a test: it is never the student's
    pass

@exercise("scale_forward", points=1)
def test_scale_forward_compares(student):
    answer = student.total()
    with Path(os.environ["PROCESS_LOG"]).open("a") as log:
        log.write(f"{os.getpid()} {answer}\\n")
    if answer == "lose":
        raise Lost("The GPU failed in the grading process.")
"""


def test_a_class_goes_on_in_a_new_process_and_the_submission_needs_a_person(
    course_root, tmp_path, monkeypatch
):
    unit = course_root / "solutions" / "01_scaling"
    for file in ("mistakes.py", "alternatives.py", "test_public.py"):
        (unit / file).unlink()
    (unit / "test_hidden.py").write_text(LOSING, encoding="utf-8")
    source = (unit / "scaling.py").read_text(encoding="utf-8")
    answer = "\n\ndef total():\n    return {!r}\n"
    (unit / "scaling.py").write_text(source + answer.format("keep"), encoding="utf-8")
    for student in ("ada", "bob", "eve"):
        home = tmp_path / "submissions" / student
        home.mkdir(parents=True)
        text = source + answer.format("lose" if student == "bob" else "keep")
        (home / "scaling.py").write_text(text, encoding="utf-8")
    log = tmp_path / "log"
    monkeypatch.setenv("PROCESS_LOG", str(log))
    course = Course(course_root, "staff")
    orders = Orders(root=str(course_root), settings=msgspec.to_builtins(SETTINGS))
    plan = plan_class(course, [tmp_path / "submissions"], ["01_scaling"])
    with GradingProcesses(orders, 1) as processes:
        folder = Folder(tmp_path / "out")
        report = grade_class(course, plan.jobs, processes, folder, SETTINGS, resume=False)
    status = {r.student: (r.status, r.points) for r in report.results}
    assert status["bob"] == ("needs a person", None)
    assert status["ada"] == status["eve"] == ("graded", 1.0)
    assert report.faults == {"The GPU failed in the grading process.": ["bob"]}
    runs = [line.split() for line in log.read_text().splitlines()]
    after = [i for i, (_, answer) in enumerate(runs) if answer == "lose"]
    pids = [pid for pid, _ in runs]
    assert len(after) == 1
    assert set(pids[: after[0] + 1]).isdisjoint(pids[after[0] + 1 :])
