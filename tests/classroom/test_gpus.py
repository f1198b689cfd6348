"""`grade --gpus`: how many submissions are graded at once, and which GPU each process sees.

There need be no GPU: what was detected is imitated, and a grading process that is told to use a
certain GPU grades on the CPU and writes down what it was told.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from autograder.classroom import GradingProcesses, Orders
from autograder.cli import app
from autograder.commands.class_run import ClassRun, plan_class
from autograder.course import Course
from autograder.devices import VISIBLE, DeviceError, detection, gpus_for
from autograder.devices.detection import Detected
from autograder.grading import Settings
from autograder.results import Folder

SIMULATED = "cuda (simulated)"
FOUR = Detected(("cpu", "cuda"), "4 GPUs, the first a H200, CUDA 13.0.", 4)
NONE = Detected(("cpu", SIMULATED), "No NVIDIA GPU is visible here.")

RECORDING = """
import os
from pathlib import Path
from autograder.testing import exercise

@exercise("scale_forward", points=1)
def test_scale_forward_records(student):
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "any")
    with Path(os.environ["GPU_LOG"]).open("a") as log:
        log.write(f"{os.getpid()} {gpu}\\n")
    if student.total() == "end":
        os._exit(3)  # of the grading process: as where a driver ends it
"""


@pytest.fixture
def has(monkeypatch):
    """Let this machine have what is said."""

    def has(found: Detected) -> None:
        monkeypatch.setattr(detection, "detected", lambda: found)

    return has


# --- which ----------------------------------------------------------------------------------


def test_the_first_gpus_are_taken_one_for_each_process(has, monkeypatch):
    has(FOUR)
    monkeypatch.delenv(VISIBLE, raising=False)
    assert gpus_for(("cpu", "cuda"), 1) == ["0"]
    assert gpus_for(("cuda",), 3) == ["0", "1", "2"]


def test_of_those_that_may_be_seen_by_the_names_they_have(has, monkeypatch):
    has(replace(FOUR, gpus=2))
    monkeypatch.setenv(VISIBLE, "3, GPU-8f2a")
    assert gpus_for(("cpu", "cuda"), 2) == ["3", "GPU-8f2a"]
    assert gpus_for(("cpu", "cuda"), 1) == ["3"]


def test_where_nothing_is_graded_on_a_gpu_none_is_chosen(has):
    has(FOUR)
    assert gpus_for(("cpu",), 1) == []
    has(NONE)
    assert gpus_for(("cpu", SIMULATED), 1) == []


@pytest.mark.parametrize(
    ("found", "devices", "wanted", "said"),
    [
        (FOUR, ("cpu", "cuda"), 5, "--gpus 5: 4 GPUs can be used here. 4 GPUs, the first a H200"),
        (NONE, ("cpu", SIMULATED), 2, "--gpus 2: no GPUs can be used here. No NVIDIA GPU"),
        (FOUR, ("cpu",), 2, "--gpus 2: no GPUs can be used here. Grading is on cpu: add --device"),
    ],
)
def test_more_than_there_are_is_refused_with_the_reason(has, found, devices, wanted, said):
    has(found)
    with pytest.raises(DeviceError) as refused:
        gpus_for(devices, wanted)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("gpus", ["2", "0", "two"])
def test_a_number_of_gpus_that_cannot_be_is_refused_before_anything_is_written(
    course_root, submissions, tmp_path, monkeypatch, gpus
):
    monkeypatch.setenv(VISIBLE, "")
    detection.detected.cache_clear()
    monkeypatch.chdir(course_root)
    out = tmp_path / "out"
    (out / "results").mkdir(parents=True)
    arguments = ["grade", submissions(1), "--out", out, "--regrade", "--gpus", gpus]
    done = CliRunner().invoke(app, [*map(str, arguments), "--require", "none"])
    detection.detected.cache_clear()
    assert done.exit_code == 2
    assert ("--gpus 2: no GPUs can be used here." if gpus == "2" else "--gpus") in done.stderr
    assert "Traceback" not in done.stderr
    assert [entry.name for entry in out.rglob("*")] == ["results"]


# --- how many at once -----------------------------------------------------------------------


@pytest.fixture
def submissions(course_root, tmp_path):
    """Submissions of that many students; those named end the grading process."""

    def submissions(count: int, *ending: str) -> Path:
        folder = tmp_path / "submissions"
        source = course_root / "solutions" / "01_scaling" / "scaling.py"
        for number in range(count):
            home = folder / f"s{number}"
            home.mkdir(parents=True)
            told = "end" if home.name in ending else "on"
            text = source.read_text(encoding="utf-8")
            text += f"\n\ndef total(*anything):\n    return {told!r}\n"
            (home / "scaling.py").write_text(text, encoding="utf-8")
        return folder

    return submissions


@pytest.mark.parametrize(
    ("found", "gpus", "jobs", "processes", "names"),
    [
        (FOUR, 1, None, 1, ["0"]),
        (FOUR, 1, 8, 1, ["0"]),
        (FOUR, 3, None, 3, ["0", "1", "2"]),
        (FOUR, 3, 2, 2, ["0", "1", "2"]),
        (FOUR, 3, 8, 3, ["0", "1", "2"]),
        (NONE, 1, 5, 5, []),
    ],
)
def test_on_a_gpu_one_submission_is_graded_at_a_time(
    has, monkeypatch, course_root, tmp_path, found, gpus, jobs, processes, names
):
    has(found)
    monkeypatch.delenv(VISIBLE, raising=False)
    course = Course(course_root, "staff")
    settings = Settings.of(course.policy, found.devices)
    run = ClassRun(course, settings, Folder(tmp_path / "out"), jobs=jobs, gpus=gpus)
    asked = run.processes()
    assert (asked.most, asked.gpus) == (processes, names)


@pytest.fixture
def graded(course_root, submissions, tmp_path, monkeypatch):
    """Grade that many with two processes; for each GPU the processes that used it, in order."""
    unit = course_root / "solutions" / "01_scaling"
    for file in ("mistakes.py", "alternatives.py", "test_public.py"):
        (unit / file).unlink()
    (unit / "test_hidden.py").write_text(RECORDING, encoding="utf-8")
    source = (unit / "scaling.py").read_text(encoding="utf-8")
    (unit / "scaling.py").write_text(
        source + "\n\ndef total():\n    return 'go'\n", encoding="utf-8"
    )
    monkeypatch.setenv("GPU_LOG", str(tmp_path / "log"))

    def graded(count: int, *ending: str, gpus: list[str]) -> tuple[dict[str, list[str]], int]:
        course = Course(course_root, "staff")
        settings = replace(Settings.of(course.policy, ("cpu",)), require="none")
        jobs = plan_class(course, [submissions(count, *ending)], ["01_scaling"]).jobs
        orders = Orders(root=str(course_root), settings=msgspec.to_builtins(settings))
        with GradingProcesses(orders, 2, gpus) as processes:
            replies = list(processes.run_jobs(jobs, job_seconds=60.0))
        assert len(replies) == count
        used: dict[str, list[str]] = {}
        for line in (tmp_path / "log").read_text().splitlines():
            process, _, gpu = line.partition(" ")
            used.setdefault(gpu, []).append(process)
        gone = sum(reply.fault.startswith("The grading process ended") for _, reply in replies)
        return {gpu: list(dict.fromkeys(pids)) for gpu, pids in used.items()}, gone

    return graded


def test_each_process_sees_one_gpu_and_no_two_the_same(graded):
    before = dict(os.environ)
    used, gone = graded(5, gpus=["3", "GPU-8f2a"])
    assert gone == 0
    assert used.keys() == {"3", "GPU-8f2a"}
    assert sorted(map(len, used.values())) == [1, 1]
    assert dict(os.environ) == before


def test_the_process_that_replaces_another_one_gets_its_gpu(graded):
    used, gone = graded(4, "s0", "s1", "s2", "s3", gpus=["3", "GPU-8f2a"])
    assert gone == 4
    assert used.keys() == {"3", "GPU-8f2a"}
    assert sum(map(len, used.values())) == 4


def test_without_gpus_what_may_be_seen_is_left_as_it_is(graded, monkeypatch):
    monkeypatch.setenv(VISIBLE, "5,6")
    used, _ = graded(3, gpus=[])
    assert used.keys() == {"5,6"}
