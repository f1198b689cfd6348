"""`pytest --device ...` on a student's folder, on a machine without a GPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from autograder.devices import VISIBLE

SIMULATED = "cuda (simulated)"

TESTS = """\
import torch
from autograder.testing import Case, assert_close, dtypes, exercise, given, sizes, tensors
from hypothesis import strategies as st

@exercise("shift", points=1)
def test_shift_by_hand(student, device):
    x = torch.tensor([1.0, 2.0], device=device)
    assert_close(student.shift(x), torch.tensor([2.0, 3.0], device=device), "out")

@st.composite
def cases(draw):
    return Case(x=draw(tensors(draw(sizes()), dtype=draw(dtypes()))))

@exercise("shift", points=1)
@given(case=cases(), examples=5)
def test_shift_of_anything(student, device, case):
    assert_close(student.shift(case.x), case.x + 1, "out")
"""

RIGHT = "import torch\n\ndef shift(x):\n    return x + torch.ones(len(x), dtype=x.dtype{})\n"
WELL_PLACED = RIGHT.format(", device=x.device")
MISPLACED = RIGHT.format("")
AWAY = "import torch\n\ndef shift(x):\n    return (x + 1).to('cuda:0' if x.is_cuda else 'cpu')\n"


@pytest.fixture
def tested(tmp_path):
    """Run pytest on a unit whose module is `source`; the process that ended."""

    def tested(source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / "01_shift"
        folder.mkdir(exist_ok=True)
        (folder / "shift.py").write_text(source, encoding="utf-8")
        (folder / "test_public.py").write_text(TESTS, encoding="utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *arguments],
            cwd=tmp_path,
            env={**os.environ, VISIBLE: "", "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )

    return tested


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """``PASSED`` or ``FAILED`` by the name of the test."""
    found = re.findall(r"^\S+?::(test_\w+(?:\[.*?\])?) (PASSED|FAILED|ERROR)", done.stdout, re.M)
    return dict(found)


def on(*devices: str, outcome: str = "PASSED") -> dict[str, str]:
    names = ("test_shift_by_hand", "test_shift_of_anything")
    return {f"{name}[{device}]": outcome for device in devices for name in names}


def test_without_a_device_tests_run_on_both_and_well_placed_code_passes(tested):
    done = tested(WELL_PLACED)
    assert done.returncode == 0, done.stdout
    assert outcomes(done) == on("cpu", SIMULATED)


@pytest.mark.parametrize(
    ("names", "devices"),
    [
        (["cpu"], ["cpu"]),
        (["cuda"], [SIMULATED]),
        ([SIMULATED, "cpu", "simulated"], [SIMULATED, "cpu"]),
    ],
)
def test_tests_run_on_the_devices_that_are_named_each_once(tested, names, devices):
    done = tested(WELL_PLACED, *(part for name in names for part in ("--device", name)))
    assert done.returncode == 0, done.stdout
    assert outcomes(done) == on(*devices)


def test_a_tensor_made_on_the_cpu_fails_on_the_device_only_with_both_devices_in_the_message(tested):
    done = tested(MISPLACED)
    assert done.returncode == 1, done.stdout
    assert outcomes(done) == on("cpu") | on(SIMULATED, outcome="FAILED")
    met = "found at least two devices, cuda:1 and cpu!"
    assert f"RuntimeError: Expected all tensors to be on the same device, but {met}" in done.stdout
    assert "shift.py:4: RuntimeError" in done.stdout


def test_a_result_on_another_device_fails_with_both_devices_in_the_message(tested):
    done = tested(AWAY, "--device", "simulated", "-k", "by_hand")
    assert done.returncode == 1, done.stdout
    assert "out is on the wrong device" in done.stdout
    assert re.search(r"expected: on cuda:1\nE\s+got:      on cuda:0", done.stdout)


def test_a_test_is_run_alone_by_the_name_that_a_report_gives(tested):
    done = tested(MISPLACED, f"01_shift/test_public.py::test_shift_by_hand[{SIMULATED}]")
    assert outcomes(done) == {f"test_shift_by_hand[{SIMULATED}]": "FAILED"}


def test_a_device_that_does_not_exist_is_a_sentence(tested):
    done = tested(WELL_PLACED, "--device", "tpu")
    assert done.returncode == 4
    assert "ERROR: There is no device 'tpu'. Say cpu, cuda (it is simulated" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
