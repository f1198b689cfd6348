"""`check`, `grade` and `verify` on the devices that somebody names, on a machine without a GPU."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.devices import VISIBLE, detection
from autograder.release import release

SIMULATED = "cuda (simulated)"
NO_PASS = "it is not a CUDA pass"

MISPLACED = """

def scale_forward(x, w):
    if w.dim() != 1:
        raise ValueError(f"w must have rank 1, not {w.dim()}")
    start = torch.zeros(len(w), dtype=w.dtype)
    return x * w + start, (x, w)
"""
ADVICE = "write torch.zeros(len(w), dtype=w.dtype, device=x.device)"

NAMES = {
    "cpu": ["cpu"],
    "cuda": [SIMULATED],
    "simulated": [SIMULATED],
    SIMULATED: [SIMULATED],
}


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wherever these tests run, no GPU is to be seen."""
    monkeypatch.setenv(VISIBLE, "")
    detection.detected.cache_clear()
    yield
    detection.detected.cache_clear()


@pytest.fixture(scope="module")
def course(unit, tmp_path_factory) -> Path:
    """The staff's course, in a folder of its own: what is verified and graded is written there."""
    return Path(
        shutil.copytree(
            unit.folder.parents[1], tmp_path_factory.mktemp("staff"), dirs_exist_ok=True
        )
    )


@pytest.fixture(scope="module")
def mistaken(course, unit, tmp_path_factory) -> Path:
    """A student's folder: all is right on the CPU, one function is not on a second device."""
    folder = tmp_path_factory.mktemp("student")
    release(course, folder, wheel=False)
    source = unit.source_file.read_text(encoding="utf-8") + MISPLACED
    (folder / unit.name / "scaling.py").write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def handed_in(mistaken, unit, tmp_path_factory) -> Path:
    """What two students hand in: one is right, the other one is only on the CPU."""
    folder = tmp_path_factory.mktemp("handed_in")
    for student, source in {"ada": unit.source_file, "bob": mistaken / unit.name}.items():
        (folder / student).mkdir()
        file = source if source.is_file() else source / "scaling.py"
        shutil.copy(file, folder / student / "scaling.py")
    return folder


@pytest.fixture
def run(monkeypatch):
    def run(cwd: Path, *arguments: object):
        monkeypatch.chdir(cwd)
        environment = {"COLUMNS": "200", "NO_COLOR": "1"}
        done = CliRunner().invoke(app, list(map(str, arguments)), env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return run


@pytest.mark.parametrize("work", ["scaling.py", "scaling.ipynb"])
def test_check_notes_what_the_student_wrote_and_not_what_was_given(
    run, course, unit, tmp_path, work
):
    module = course / "solutions" / unit.name / "scaling.py"
    reference = module.read_text(encoding="utf-8")
    given = "    if w.dim() != 1:"
    assert given in reference
    checking = reference.replace(given, "    if bool((w == 7).all()) or w.dim() != 1:")
    written = checking.replace("return x * w, (x", "x.tolist()\n    return x * w, (x")
    module.write_text(checking, encoding="utf-8")
    try:
        release(course, tmp_path, wheel=False)
    finally:
        module.write_text(reference, encoding="utf-8")
    file = tmp_path / unit.name / work
    if file.suffix == ".py":
        file.write_text(written, encoding="utf-8")
    else:
        notebook = json.loads(file.read_text(encoding="utf-8"))
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].append({**cell, "id": "mine", "source": written})
        file.write_text(json.dumps(notebook), encoding="utf-8")
    done = run(tmp_path, "check", "scale_forward")
    assert done.exit_code == 0, done.output
    assert "makes a list of a tensor, and a GPU waits for it" in done.stdout
    assert "decides by the value" not in done.stdout


def asked(names: list[str]) -> list[str]:
    return [part for name in names for part in ("--device", name)]


def test_check_shows_the_line_the_devices_and_what_to_write_instead(run, mistaken):
    done = run(mistaken, "check", "scale_forward")
    assert done.exit_code == 1, done.output
    told = " ".join(done.stdout.split())
    assert f"Graded on cpu and {SIMULATED}. " in told
    assert NO_PASS in told
    assert f"test_scale_forward_by_hand[{SIMULATED}]" in told
    assert "test_scale_forward_by_hand[cpu]" not in told
    assert f"On {SIMULATED}: scale_forward raised RuntimeError: Expected all tensors" in told
    assert "cuda:1 and cpu" in told
    source = (mistaken / "01_scaling" / "scaling.py").read_text(encoding="utf-8").splitlines()
    line = 1 + max(i for i, text in enumerate(source) if "start = torch.zeros" in text)
    assert f"scaling.py:{line}: torch.zeros(len(w), dtype=w.dtype) makes a tensor" in told
    assert ADVICE in told
    assert f"scaling.py:{line + 1}" in told  # where the two met


def test_a_test_that_fails_on_one_device_earns_nothing_and_the_other_test_is_worth_itself(
    run, mistaken
):
    done = run(mistaken, "check")
    assert done.exit_code == 1
    cells = {words[1]: words for line in done.stdout.splitlines() if len(words := line.split()) > 4}
    assert cells["scale_forward"][3:6] == ["0", "/", "1"]
    assert cells["descend"][3:6] == ["1", "/", "1"]


@pytest.mark.parametrize(("name", "devices"), NAMES.items())
def test_check_runs_on_the_device_that_is_named_and_says_which_it_is(
    run, mistaken, tmp_path, name, devices
):
    report = tmp_path / "report.xml"
    done = run(mistaken, "check", "scale_forward", "--device", name, "--junit", report)
    right = devices == ["cpu"]
    assert done.exit_code == (0 if right else 1), done.output
    cases = [case.get("name") for case in ET.parse(report).iter("testcase")]
    assert cases == [f"test_scale_forward_by_hand[{device}]" for device in devices]
    assert (f"Graded on {SIMULATED}." in done.stdout) is not right
    assert (NO_PASS in done.stdout) is not right
    assert ("cuda" in done.stdout) is not right


def test_a_device_named_twice_in_two_ways_is_tested_once(run, mistaken, tmp_path):
    report = tmp_path / "report.xml"
    names = ["cuda", "cpu", "simulated"]
    done = run(mistaken, "check", "scale_forward", *asked(names), "--junit", report)
    assert done.exit_code == 1
    assert f"Graded on {SIMULATED} and cpu." in done.stdout
    assert len(list(ET.parse(report).iter("testcase"))) == 2


def test_in_process_the_same_mistake_is_found(run, mistaken):
    done = run(mistaken, "check", "scale_forward", "--in-process")
    assert done.exit_code == 1
    assert f"On {SIMULATED}: scale_forward raised RuntimeError: Expected all" in done.stdout
    assert ADVICE in " ".join(done.stdout.split())


def test_github_is_told_of_the_simulated_device_at_the_line(run, mistaken, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = run(mistaken, "check", "scale_forward", "--annotate", "github", "--device", "cuda")
    annotation = next(line for line in done.stdout.splitlines() if line.startswith("::error"))
    assert "file=01_scaling/scaling.py,line=" in annotation
    assert f"::On {SIMULATED}: " in annotation
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert f"On {SIMULATED}: " in summary
    assert NO_PASS in summary


@pytest.mark.parametrize("command", ["check", "grade", "verify"])
def test_a_device_that_does_not_exist_is_answered_with_those_that_do(
    run, command, course, mistaken, handed_in, tmp_path
):
    more = [handed_in, "--out", tmp_path / "out", "--require", "none"] if command == "grade" else []
    where = mistaken if command == "check" else course
    done = run(where, command, *more, "--device", "cpu", "--device", "tpu")
    assert done.exit_code == 2
    sentence = "There is no device 'tpu'. Say cpu, cuda (it is simulated where there is no GPU)"
    assert done.stderr.strip().splitlines()[-1].startswith(sentence)
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture
def graded(run, course, handed_in, tmp_path):
    """Grade both students on these devices; what was said, and the results by student."""

    def graded(*names: str):
        out = tmp_path / "out"
        device = asked(list(names))
        done = run(course, "grade", handed_in, "-o", out, "--require", "none", "-j", 1, *device)
        assert done.exit_code == 0, done.output
        files = (out / "results" / "01_scaling").glob("*.json")
        found = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
        feedback = {
            file.stem: file.read_text(encoding="utf-8")
            for file in (out / "feedback" / "01_scaling").glob("*.md")
        }
        return done, found, feedback

    return graded


def test_grade_takes_points_for_a_wrong_device_once_and_the_feedback_says_why(graded):
    done, results, feedback = graded()
    ada, bob = results["ada"], results["bob"]
    assert {r["run"]["devices"][1] for r in (ada, bob)} == {SIMULATED}
    assert "No NVIDIA GPU" in ada["run"]["devices_why"] or "driver" in ada["run"]["devices_why"]
    lost = {e["name"]: (e.get("points"), e["max_points"]) for e in bob["exercises"]}
    # 1 public and 5 hidden: what is refused is refused on both devices.
    assert lost["scale_forward"] == (1.0, 6.0)
    assert lost["descend"] == (2.0, 2.0)
    assert ada["points"] == ada["max_points"] - ada["pending"]
    failed = [t for e in bob["exercises"] for t in e.get("tests", []) if "failure" in t]
    assert {t["device"] for t in failed} == {SIMULATED}
    assert {t["failure"]["category"] for t in failed} == {"wrong device"}
    assert f"Graded on cpu and {SIMULATED}." in done.stdout
    text = feedback["bob"]
    assert f"Graded on cpu and {SIMULATED}. " in text
    assert NO_PASS in text
    assert f"hidden tests: On {SIMULATED}: tensors on different devices met" in text
    assert "RuntimeError at scaling.py:" in text
    assert "cuda:1 and cpu" in text
    assert ADVICE.replace("_", "\\_") in text
    assert "SECRET" not in text
    assert "matches_the_reference" not in text


def test_grade_notes_what_the_student_wrote_and_not_what_was_given(run, course, unit, tmp_path):
    line = "    if bool((w == 7).all()) or w.dim() != 1:"
    stub = course / "assignments" / unit.name / "scaling.py"
    stub.parent.mkdir(parents=True)
    stub.write_text(f"def scale_forward(x, w):\n{line}\n        raise ValueError\n", "utf-8")
    source = unit.source_file.read_text(encoding="utf-8").replace("    if w.dim() != 1:", line)
    home = tmp_path / "submissions" / "ada"
    home.mkdir(parents=True)
    written = source.replace("return x * w, (x", "x.tolist()\n    return x * w, (x")
    (home / "scaling.py").write_text(written, encoding="utf-8")
    out = tmp_path / "out"
    try:
        done = run(course, "grade", home.parent, "-o", out, "--require", "none", "-j", 1)
    finally:
        shutil.rmtree(course / "assignments")
    assert done.exit_code == 0, done.output
    [file] = (out / "results" / unit.name).glob("*.json")
    [note] = json.loads(file.read_text(encoding="utf-8"))["notes"]
    assert "makes a list of a tensor" in note


def test_on_the_cpu_alone_nobody_loses_a_point_and_no_other_device_is_named(graded):
    done, results, feedback = graded("cpu")
    assert results["bob"]["points"] == results["ada"]["points"]
    assert results["bob"]["run"]["devices"] == ["cpu"]
    assert "cuda" not in feedback["bob"] + done.stdout


def test_cuda_means_the_simulated_device_and_grade_says_so(graded):
    done, results, feedback = graded("cuda")
    assert results["bob"]["run"]["devices"] == [SIMULATED]
    assert results["bob"]["points"] < results["ada"]["points"]
    for told in (done.stdout, feedback["ada"]):
        assert f"Graded on {SIMULATED}. " in " ".join(told.split())
        assert NO_PASS in " ".join(told.split())


def test_verify_says_on_which_devices_the_unit_is_as_it_must_be(run, course):
    done = run(course, "verify", "--device", "cuda", "--device", "cpu", "-j", 1)
    assert done.exit_code == 0, done.output
    assert f"01_scaling on {SIMULATED} and cpu: " in done.stdout


def test_doctor_says_that_the_second_device_is_simulated_and_what_that_is_not(run, course):
    done = run(course, "doctor")
    told = " ".join(done.stdout.split())
    assert f"tests run on cpu and {SIMULATED}" in told
    assert NO_PASS in told
    assert "no GPU" in told
