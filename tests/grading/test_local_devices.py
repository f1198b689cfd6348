"""The simulated device where students' code runs in this process: `--in-process`, notebooks."""

from __future__ import annotations

import textwrap

import pytest

from autograder.grading import Settings, UnitGrader
from autograder.grading.live import LiveBackend
from autograder.supervisor import Code

SIMULATED = "cuda (simulated)"

MISPLACED = """
def scale_forward(x, w):
    if w.dim() != 1:
        raise ValueError(f"w must have rank 1, not {w.dim()}")
    return x * w + torch.zeros(len(w), dtype=w.dtype), (x, w)
"""
WAITS = """
def descend(gradient, x, *, steps):
    for _ in range(steps):
        if x.sum().item() == 0.25:
            break
        x = x - 0.5 * gradient(x)
    return x
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(
        seed=3,
        devices=("cpu", SIMULATED),
        call_seconds=20.0,
        submission_seconds=200.0,
        memory_mb=1024,
        hidden=False,
        require="none",
    )


@pytest.fixture(params=["module", "notebook"])
def graded(request, unit, settings):
    """Grade the reference with changes, as the module or in the cells of a notebook."""
    grader = UnitGrader(unit, settings, None)
    reference = unit.source_file.read_text(encoding="utf-8")
    cells = 0

    def as_a_module(changes: str):
        return grader.grade(Code("scaling", (("work", reference + changes),)), {})

    def in_a_notebook(changes: str):
        nonlocal cells
        namespace: dict[str, object] = {}
        for source in (reference, changes):
            cells += 1
            exec(compile(source, f"<cell {cells}>", "exec"), namespace)

        def named(file: str) -> str | None:  # cells that ran before have their names still
            return "work" if file.startswith("<cell ") else None

        return grader.grade_on(
            lambda device: LiveBackend("scaling", namespace, unit.returns, named, device), {}
        )

    run = as_a_module if request.param == "module" else in_a_notebook

    def grade(changes: str = ""):
        graded = run(textwrap.dedent(changes))
        return graded, {e.name: e for e in graded.exercises}

    return grade


def failures(exercise) -> dict[str, str]:
    """The category of each failure, by device."""
    return {test.device: test.failure.category for test in exercise.tests if test.failure}


def test_a_placement_mistake_is_found_on_the_second_device_only(graded):
    graded, found = graded(MISPLACED)
    assert failures(found["scale_forward"]) == {SIMULATED: "wrong device"}
    assert found["scale_forward"].points == 0.0
    assert found["descend"].status == "full"
    failure = next(test.failure for test in found["scale_forward"].tests if test.failure)
    assert "found at least two devices, cuda:1 and cpu!" in failure.message
    assert failure.line.startswith("work:")


def test_what_makes_a_gpu_wait_is_noted_by_its_line_and_costs_nothing(graded):
    graded, found = graded(WAITS)
    assert found["descend"].status == "full"
    [note] = graded.notes
    assert note.startswith("work:")
    assert f" takes a number out of a tensor, and a GPU waits for it (seen on {SIMULATED}" in note


def test_a_second_check_in_the_same_process_begins_anew(graded):
    assert graded(WAITS)[0].notes
    _, wrong = graded(MISPLACED)
    assert wrong["scale_forward"].points == 0.0
    again, found = graded()
    assert {e.status for e in found.values() if not e.written} == {"full"}
    assert again.notes == []


def test_what_was_corrected_is_not_noted_again_and_what_was_not_is(graded):
    corrected = WAITS.replace("if x.sum().item() == 0.25:", "if steps == 0:")
    assert len(graded(WAITS)[0].notes) == 1
    assert graded(corrected)[0].notes == []
    assert len(graded(WAITS)[0].notes) == 1


def test_after_a_check_tensors_of_this_process_are_where_they_are_as_ever(graded):
    import torch

    graded(MISPLACED)
    assert torch.zeros(2).device.type == "cpu"
    assert (torch.zeros(2) + torch.ones(2)).tolist() == [1.0, 1.0]
    assert not torch.zeros(2).is_cuda
