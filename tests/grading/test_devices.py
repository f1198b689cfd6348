"""The same tests on a second device, which is simulated where there is no GPU."""

from __future__ import annotations

import textwrap

import pytest

from autograder.course import find_unit
from autograder.devices import DeviceError, detection, device_meant, gpu_trouble
from autograder.devices.detection import Detected, Trial, decide
from autograder.grading import Settings, UnitGrader
from autograder.report import failure_told, failures_to_tell
from autograder.supervisor import Code

SIMULATED = "cuda (simulated)"


@pytest.fixture(scope="module")
def grade(unit, workers):
    source = unit.source_file.read_text(encoding="utf-8")
    settings = Settings(
        seed=3,
        devices=("cpu", SIMULATED),
        call_seconds=20.0,
        submission_seconds=200.0,
        memory_mb=1024,
        require="none",
    )
    grader = UnitGrader(unit, settings, workers)

    def run(changes: str = ""):
        text = source + "\n\n" + textwrap.dedent(changes)
        graded = grader.grade(Code("scaling", (("scaling.py", text),)), {})
        return graded, {e.name: e for e in graded.exercises}

    return run


def test_code_that_places_its_tensors_well_passes_on_the_simulated_device(grade):
    graded, found = grade()
    assert all(e.points == e.max_points for e in found.values() if not e.written)
    for exercise in found.values():
        devices = {test.device for test in exercise.tests}
        assert exercise.written or devices == {"cpu", SIMULATED}
    assert graded.problems == []


def test_a_test_of_no_device_runs_on_the_cpu_where_only_the_second_device_is_graded_on(
    course_root, workers, scaling_source
):
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(
        f"""{text}

@exercise("total", points=1)
def test_total_of_one(student):
    one = torch.ones(1, 1)
    assert_close(student.total(one, torch.ones(1)), torch.tensor(1.0), "total")
""",
        encoding="utf-8",
    )
    unit = find_unit(course_root / "solutions", "scaling")
    settings = Settings(
        seed=3,
        devices=(SIMULATED,),
        call_seconds=20.0,
        submission_seconds=200.0,
        memory_mb=1024,
        require="none",
    )
    code = Code("scaling", (("scaling.py", scaling_source),))
    graded = UnitGrader(unit, settings, workers).grade(code, {})
    total = next(e for e in graded.exercises if e.name == "total")
    assert total.points == total.max_points
    assert {test.device for test in total.tests} == {"cpu", SIMULATED}


def test_a_helper_tensor_made_on_the_cpu_costs_points_and_the_line_is_told(grade):
    _, found = grade(
        """
        def total(x, w):
            start = torch.zeros(len(x), dtype=x.dtype)
            return (x * w).sum(1).add(start).sum()
        """
    )
    test = next(t for t in found["total"].tests if t.failure)
    assert found["total"].points == 0.0
    assert {t.device for t in found["total"].tests if t.failure} == {SIMULATED}
    assert found["scale_forward"].status == "full"
    assert test.failure.category == "wrong device"
    assert test.failure.exception == "RuntimeError"
    assert test.failure.line.startswith("scaling.py:")
    sentence = failure_told(test)
    assert f"On {SIMULATED}" in sentence
    assert "cuda:1" in sentence
    assert "write torch.zeros(len(x), dtype=x.dtype, device=x.device)" in sentence


def test_a_result_on_a_device_that_is_written_out_is_on_the_wrong_one(grade):
    _, found = grade(
        """
        def total(x, w):
            return (x * w).sum().to("cuda:0" if x.is_cuda else "cpu")
        """
    )
    failure = next(t.failure for t in found["total"].tests if t.failure)
    assert failure.category == "wrong device"
    assert failure.exception == ""


def test_a_round_trip_through_numpy_is_refused_as_pytorch_refuses_it(grade):
    _, found = grade("def total(x, w):\n    return torch.tensor((x * w).numpy().sum())")
    failure = next(t.failure for t in found["total"].tests if t.failure)
    assert failure.exception == "TypeError"
    assert "use torch's own operations" in failure.advice


def test_a_module_that_asks_for_a_gpu_when_it_is_loaded_finds_one(grade):
    _, found = grade(
        """
        DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        def total(x, w):
            return (x * w).sum().to(DEVICE)
        """
    )
    assert {t.device for t in found["total"].tests if t.failure} == {SIMULATED}


def test_what_makes_a_gpu_wait_is_noted_and_costs_nothing(grade):
    graded, found = grade(
        """
        def scale_forward(x, w):
            if w.dim() != 1:
                raise ValueError(f"w must have rank 1, not {w.dim()}")
            if (w == 0).all():
                pass
            return x * w, (x, w)
        """
    )
    assert found["scale_forward"].status == "full"
    assert any("decides by the value" in note and SIMULATED in note for note in graded.notes)


def test_a_line_that_was_given_is_not_noted_and_one_that_was_written_is(unit, workers):
    given = '    require(bool((w != 7).all()), "no sevens")'
    source = unit.source_file.read_text(encoding="utf-8") + textwrap.dedent(
        """
        def require(condition, sentence):
            if not condition:
                raise ValueError(sentence)

        def scale_forward(x, w):
        {}
            require(w.dim() == 1, "w must have rank 1")
            x.sum().item()
            return x * w, (x, w)
        """
    ).format(given)
    settings = Settings(3, ("cpu", SIMULATED), 20.0, 200.0, 1024, require="none")
    told = []
    for stub in ("", f"def scale_forward(x, w):\n{given}\n    raise NotImplementedError\n"):
        grader = UnitGrader(unit, settings, workers, stub)
        graded = grader.grade(Code("scaling", (("scaling.py", source),)), {})
        told.append([note.partition(",")[0].partition(" ")[2] for note in graded.notes])
    both = ["decides by the value of a tensor", "takes a number out of a tensor"]
    assert told == [both, both[1:]]


def test_where_nothing_is_written_there_is_no_note(grade):
    names = ("scale_forward", "scale_backward", "total", "descend")
    stubs = """
        def {}(*args, **kwargs):
            bool(args[1].sum() > 0)
            raise NotImplementedError
    """
    graded, found = grade("".join(stubs.format(name) for name in names))
    assert {e.status for e in found.values() if not e.written} <= {"not attempted", "blocked"}
    assert graded.notes == []


def test_what_is_wrong_everywhere_is_told_once(grade):
    _, found = grade("def total(x, w):\n    return (x * w).mean()")
    failed = [t for t in found["total"].tests if t.failure]
    assert {t.device for t in failed} == {"cpu", SIMULATED}
    assert {t.device for t in failures_to_tell(found["total"])} == {"cpu"}
    assert found["total"].diagnosis.mistake == "averages"


@pytest.mark.parametrize(
    ("driver", "build", "trial", "fault", "devices", "said"),
    [
        (False, "", Trial(), "", ("cpu", SIMULATED), "No NVIDIA GPU"),
        (False, "13.0", Trial(), "", ("cpu", SIMULATED), "No NVIDIA GPU"),
        (True, "", Trial(), "", ("cpu", SIMULATED), "--index-url"),
        (True, "13.0", Trial("H200", 2), "", ("cpu", "cuda"), "2 GPUs"),
        (True, "13.0", Trial(fault="no luck"), "", ("cpu", SIMULATED), "no luck"),
        (False, "", Trial(), "it broke", ("cpu",), "it broke"),
    ],
)
def test_the_devices_follow_from_driver_build_and_self_test(
    driver, build, trial, fault, devices, said
):
    found = decide(driver, build, lambda: trial, lambda: fault)
    assert found.devices == devices
    assert said in found.why


def test_cuda_means_the_real_one_if_there_is_one(monkeypatch):
    monkeypatch.setattr(detection, "simulation_fault", lambda: "")
    with_gpu = Detected(("cpu", "cuda"), "", 1)
    without = Detected(("cpu", SIMULATED), "none")
    assert device_meant("cuda", with_gpu).name == "cuda"
    assert device_meant("cuda", without).name == SIMULATED
    assert device_meant("simulated", with_gpu).name == SIMULATED
    with pytest.raises(DeviceError, match="no device 'tpu'"):
        device_meant("tpu", without)


def test_a_failure_of_the_gpu_is_told_apart_from_a_mistake():
    assert gpu_trouble("OutOfMemoryError", "CUDA out of memory. Tried") == "out of memory"
    assert gpu_trouble("AcceleratorError", "CUDA error: device-side assert triggered") == (
        "device failure"
    )
    assert gpu_trouble("RuntimeError", "CUDA error: an illegal memory access") == "device failure"
    assert gpu_trouble("RuntimeError", "Expected all tensors to be on the same device") == ""
    assert gpu_trouble("IndexError", "index 4 is out of bounds") == ""
