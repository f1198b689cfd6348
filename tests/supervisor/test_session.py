"""One worker for a submission on the CPU and on the simulated device."""

from __future__ import annotations

import textwrap

import pytest

from autograder.devices import CPU, CUDA, SIMULATED
from autograder.grading import Settings, UnitGrader
from autograder.supervisor import Code


@pytest.fixture(scope="module")
def grader(unit, workers):
    settings = Settings(
        seed=3,
        devices=(CPU.name, SIMULATED.name),
        call_seconds=2.0,
        submission_seconds=200.0,
        memory_mb=1024,
        require="none",
    )
    return UnitGrader(unit, settings, workers)


@pytest.fixture
def grade(grader, unit):
    source = unit.source_file.read_text(encoding="utf-8")

    def run(changes: str = ""):
        text = source + "\n\n" + textwrap.dedent(changes)
        graded = grader.grade(Code("scaling", (("scaling.py", text),)), {})
        return graded, {e.name: e for e in graded.exercises}

    return run


@pytest.fixture
def started(workers, monkeypatch):
    """The devices that workers were started for."""
    devices = []
    spawn = workers.spawn

    def counted(seed, limits, ban, device):
        devices.append(device)
        return spawn(seed, limits, ban, device)

    monkeypatch.setattr(workers, "spawn", counted)
    return devices


def devices_lost(exercise):
    return {test.device for test in exercise.tests if test.failure}


def test_both_devices_share_a_process_and_a_gpu_has_its_own(grade, grader, workers, started):
    grade()
    assert started == [CPU]
    on = grader._remotes.of(Code("scaling", ()), 10.0)
    assert on(CPU).session is on(SIMULATED).session
    assert on(CUDA).session is not on(CPU).session


def test_each_device_has_a_module_of_its_own(grade):
    _, found = grade(
        """
        BUILDER = torch.zeros(1).device
        KEPT = []
        def total(x, w):
            KEPT.append(x.device)
            if len(set(KEPT)) > 1 or sys.modules[__name__].KEPT is not KEPT:
                return None
            return (x * w).sum()
        import sys
        """
    )
    assert found["total"].status == "full"


def test_what_code_prints_is_told_of_one_device(grade):
    graded, _ = grade("print('loading')\n")
    assert graded.output == "loading\n"


def test_code_that_ends_its_process_on_one_device_is_loaded_again_for_both(grade, started):
    graded, found = grade(
        """
        import os
        right = scale_backward
        def scale_backward(dout, cache):
            if dout.is_cuda:
                os._exit(3)
            return right(dout, cache)
        """
    )
    assert len(started) > 1
    backward = found.pop("scale_backward")
    assert devices_lost(backward) == {SIMULATED.name}
    assert {t.failure.category for t in backward.tests if t.failure} == {"crash"}
    assert all(e.status == "full" for e in found.values() if not e.written)
    assert graded.problems == []


def test_what_stopped_on_the_cpu_is_not_run_on_the_device_for_the_same_reason(grade):
    _, found = grade(
        """
        import os
        def total(x, w):
            os._exit(3)
        """
    )
    crashes = {(t.device, t.status) for t in found["total"].tests if t.failure.category == "crash"}
    assert crashes == {(CPU.name, "failed"), (SIMULATED.name, "not run")}


def test_code_that_does_not_load_on_the_device_alone_is_told_so(grade):
    graded, found = grade(
        """
        if torch.cuda.is_available():
            raise OSError("a GPU is not wanted")
        """
    )
    (problem,) = graded.problems
    assert problem.startswith(f"On {SIMULATED.name}: ")
    assert "a GPU is not wanted" in problem
    assert found["total"].status == "full"


def test_nothing_that_loading_says_can_carry_a_hidden_input(grade):
    """What was seen on the CPU is there when the code is loaded for the device."""
    graded, _ = grade(
        """
        import builtins, os
        if torch.cuda.is_available() or hasattr(builtins, "seen"):
            raise OSError(f"an input: {getattr(builtins, 'seen', 'none')}")
        def descend(gradient, x, *, steps):
            builtins.seen = [*getattr(builtins, "seen", []), x.tolist()]
            if len(builtins.seen) > 2:
                os._exit(1)  # the code is loaded anew
            return x
        def total(x, w):
            builtins.seen = x.tolist()
            return x.sum()
        """
    )
    told = " ".join(graded.problems)
    assert "an input: none" in told
    assert "[" not in told.replace("[Errno", "")


def test_the_exit_status_of_loading_once_more_is_not_told(grade):
    """It is a number that the code chooses, when it may have seen hidden inputs."""
    graded, _ = grade(
        """
        import builtins, os
        if hasattr(builtins, "seen"):
            os._exit(77)
        def scale_forward(x, w):
            os._exit(1)  # the code is loaded anew
        def total(x, w):
            builtins.seen = x
        """
    )
    assert any("once more" in problem for problem in graded.problems)
    assert "77" not in " ".join(graded.problems)


@pytest.mark.parametrize("ending", ["os._exit(3)", "while True: pass"])
def test_a_cell_that_ends_its_process_costs_nothing_but_itself(ending, grader, unit):
    source = unit.source_file.read_text(encoding="utf-8")
    cells = (("nb[1]", f"import os\n{ending}"), ("nb[2]", source))
    graded = grader.grade(Code("scaling", cells), {})
    assert {e.status for e in graded.exercises if not e.written} == {"full"}
    (problem,) = graded.problems
    assert problem.startswith("Loading nb[1] ")


def test_what_one_device_loads_again_does_not_stop_the_other(grader, unit):
    """A process ends after every load of a cell, and once more by a call."""
    source = unit.source_file.read_text(encoding="utf-8")
    dies = "import os\ndef total(x, w):\n    os._exit(1)"
    cells = (("nb[1]", "import os\nos._exit(3)"), ("nb[2]", source), ("nb[3]", dies))
    graded = grader.grade(Code("scaling", cells), {})
    lost = [e.name for e in graded.exercises if e.status != "full" and not e.written]
    assert lost == ["total"]
