"""What a worker's memory holds when its submission is graded: nothing that must stay secret."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from scaling import write_course

from autograder.course import find_unit
from autograder.exam import ExamStore
from autograder.grading import Settings, UnitGrader
from autograder.grading.settings import worker_seed
from autograder.supervisor import Code, Expected, Worker

SEED = 0x5EEDC0FFEE5EED
# Answers like the right ones in type and shape, so that every test goes on to its end.
WRONG = """
def scale_forward(x, w):
    if w.dim() != 1:
        raise ValueError(f"w must have rank 1, not {w.dim()}")
    return torch.zeros_like(x), (x, w)

def scale_backward(dout, cache):
    x, w = cache
    return torch.zeros_like(x), torch.zeros_like(w)

def total(x, w):
    return (x.sum() * 0).clone()

def descend(gradient, x, *, steps):
    return torch.zeros_like(x)  # what the gradient answers is the answer to another test
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    return write_course(tmp_path_factory.mktemp("canary-course"))


@pytest.fixture(scope="module")
def grader(course, workers):
    settings = Settings(
        seed=SEED,
        devices=("cpu",),
        call_seconds=9,
        submission_seconds=99,
        memory_mb=1024,
        smaller=False,
    )
    unit = find_unit(course / "solutions", "scaling")
    return UnitGrader(unit, settings, workers, "", ExamStore(course.parent / "exams"))


@pytest.fixture
def alone(grader, workers, course):
    """Without carrying errors forward, which gives our answers to whoever builds on them."""
    settings = replace(grader.settings, carry_forward=False)
    return UnitGrader(grader.unit, settings, workers, "", ExamStore(course.parent / "exams"))


@pytest.fixture
def memories(monkeypatch, descendants) -> list[bytes]:
    """What each worker's memory held when it was ended."""
    seen: list[bytes] = []
    close = Worker.close

    def look(worker: Worker) -> None:
        pid = worker._process.pid()
        if pid is not None:  # the first process of its namespace, below it the worker itself
            seen.append(b"\0".join(map(memory_of, [pid, *descendants(pid)])))
        close(worker)

    monkeypatch.setattr(Worker, "close", look)
    return seen


def memory_of(pid: int) -> bytes:
    """Everything that a process may write to, one piece after another."""
    pieces = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                memory.seek(begin)
                pieces.append(memory.read(end - begin))
    return b"\0".join(pieces)


def answers_of(grader, function=None):
    """The bytes of what is right, but for what stands among the inputs too (x times ones, say)."""
    answers = set()
    for test in grader.tests:
        script = test.graded.script
        functions = script.batch.functions if script.batch is not None else ()
        for name, expected in zip(functions, script.expected, strict=False):
            payload = bytes(expected.payload) if isinstance(expected, Expected) else b""
            if len(payload.strip(b"\0")) >= 16 and function in (None, name):
                answers.add(payload)
    questions = b"\0".join(
        bytes(test.graded.script.batch.payload)
        for test in grader.tests
        if test.graded.script.batch is not None
    )
    return {answer for answer in answers if answer not in questions}


def secrets(course):
    return (
        struct.pack("<Q", SEED),
        struct.pack(">Q", SEED),
        str(SEED).encode(),
        hex(SEED).encode(),
        str(course).encode(),
        b"test_scale_backward_matches_the_reference",
        b"dw is the sum over the samples, not their mean.",
    )


def test_a_worker_s_memory_holds_no_answer_no_seed_and_no_path(
    alone, memories, scaling_source, course
):
    answers = answers_of(alone)
    assert len(answers) > 20
    try:
        graded = alone.grade(Code("scaling", (("scaling.py", scaling_source + WRONG),)), {})
    except PermissionError:
        pytest.skip("only root may read another process's memory here")
    assert sum(e.points or 0 for e in graded.exercises) < 4
    (memory,) = memories
    assert b"def scale_backward(dout, cache):" in memory  # so it is the right one
    assert sum(answer in memory for answer in answers) == 0
    assert [secret for secret in secrets(course) if secret in memory] == []


BOTH = ["scale_backward", "scale_forward"]
OTHERS = """
KEPT = "a marker of the student"

def scale_forward(x, w):
    return x + w, (x, w)

def scale_backward(dout, cache):
    return dout * 0, dout[0] * 0
"""


def test_where_an_error_is_carried_forward_a_worker_holds_only_what_it_builds_on(
    grader, memories, scaling_source, course
):
    answers = answers_of(grader, "scale_backward")
    assert len(answers) > 10
    try:
        graded = grader.grade(Code("scaling", (("scaling.py", scaling_source + OTHERS),)), {})
    except PermissionError:
        pytest.skip("only root may read another process's memory here")
    assert {e.name: e.with_ours for e in graded.exercises}["total"] == BOTH
    theirs = [memory for memory in memories if b"a marker of the student" in memory]
    assert len(theirs) >= 2  # with their own function, and with ours
    for memory in theirs:
        assert [secret for secret in secrets(course) if secret in memory] == []
        assert sum(answer in memory for answer in answers) == 0


def test_what_a_worker_does_hold_would_be_found(grader, memories, scaling_source):
    """The scan is no scan of nothing: a right submission has the answers, having computed them."""
    grader.grade(Code("scaling", (("scaling.py", scaling_source),)), {})
    found = [
        bytes(expected.payload) in memories[0]
        for test in grader.tests
        for expected in test.graded.script.expected
        if isinstance(expected, Expected) and len(expected.payload) >= 64
    ]
    assert any(found)


def test_nobody_comes_from_a_worker_s_seed_to_the_course_s(grader, scaling_source):
    shown = "\n\ndef total(x, w):\n    raise ValueError(f'seed {torch.initial_seed()} is it')\n"
    told = set()
    for _ in range(2):
        graded = grader.grade(Code("scaling", (("scaling.py", scaling_source + shown),)), {})
        told |= set(re.findall(r"seed (\d+) is it", repr(graded)))
    (seed,) = told  # the same for everybody
    unit, settings = grader.unit, grader.settings
    assert int(seed) == worker_seed(unit, settings) != SEED
    # Nor by trying out seeds: what only staff have is in it.
    (unit.folder / "test_hidden.py").write_text("# another test\n", encoding="utf-8")
    assert int(seed) != worker_seed(unit, settings)
