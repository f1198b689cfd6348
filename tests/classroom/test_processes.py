"""Grading processes: what they are told, and what of it their workers inherit (nothing)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import msgspec
import pytest

from autograder.classroom import GradingProcesses, Orders
from autograder.classroom.starting import interrupts_remembered
from autograder.commands.class_run import plan_class
from autograder.course import Course
from autograder.grading import Settings

PROBE = """

def _seen():
    import gc, json, os, sys
    def is_open(fd):
        try: return bool(os.fstat(fd))
        except OSError: return False
    try: first = open("/proc/self/environ").read()
    except OSError: first = ""
    texts = [o for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]
    words = {w for o in texts for w in (o.values() if isinstance(o, dict) else o)
             if isinstance(w, (str, bytes))}
    print(json.dumps({
        "modules": sorted({m if m.startswith("autograder") else m.split(".")[0]
                           for m in sys.modules}), "environment": dict(os.environ), "first": first,
        "arguments": sys.argv, "descriptors": [fd for fd in range(100) if is_open(fd)],
        # Put together here, so that this text is not among what is found.
        "strings": [str(w) for w in words for part in (("47", "11"), ("so", "lutions"))
                    if "".join(part) in str(w)],
    }))

_seen()
"""


@pytest.fixture
def seen(course_root, scaling_source, tmp_path, monkeypatch):
    """What a student's code finds in a worker of a real grading process."""
    monkeypatch.setenv("HANDGRAD_CANARY", "canary-4711")
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    hidden.write_text(
        "import os\nassert os.environ['HANDGRAD_CANARY'] == 'canary-4711'\n"
        + hidden.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    home = tmp_path / "submissions" / "ada"
    home.mkdir(parents=True)
    (home / "scaling.py").write_text(scaling_source + PROBE, encoding="utf-8")
    course = Course(course_root, "staff")
    settings = replace(Settings.of(course.policy, ("cpu",)), require="none", seed=47114711)
    jobs = plan_class(course, [home.parent], ["01_scaling"]).jobs
    orders = Orders(root=str(course_root), settings=msgspec.to_builtins(settings))
    with GradingProcesses(orders, 1) as processes:
        ((_, reply),) = processes.run_jobs(jobs, job_seconds=60.0)
    assert reply.result is not None, reply.fault
    assert reply.result.points == 13.0  # the hidden tests found what they need in theirs
    return json.loads(reply.result.output)


@pytest.mark.skipif(sys.platform != "linux", reason="grading processes fork on Linux only")
def test_a_worker_inherits_nothing_of_what_its_grading_process_was_told(seen):
    assert "4711" not in json.dumps(seen)
    assert seen["strings"] == []
    ours = {name for name in seen["modules"] if name.split(".")[0] == "autograder"}
    known = ("autograder.worker", "autograder.devices", "autograder.errors")
    assert all(name == "autograder" or name.startswith(known) for name in ours)
    assert not {"hypothesis", "pytest", "msgspec", "typer"} & set(seen["modules"])
    assert seen["arguments"] == [""]
    assert seen["descriptors"] == [0, 1, 2, 3]


def test_a_grading_process_ends_when_the_command_is_killed(course_root, tmp_path):
    """Also before it was told anything: it has nobody to work for."""
    code = (
        "import time\n"
        "from autograder.classroom import Orders\n"
        "from autograder.classroom.processes import _start\n"
        f"orders = Orders(root={str(course_root)!r}, settings={{'devices': ['cpu']}})\n"
        "print(_start(orders, '').process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    pid = int(command.stdout.readline())
    command.send_signal(signal.SIGKILL)
    command.wait()
    command.stdout.close()
    deadline = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="grading processes fork on Linux only")
def test_a_job_in_the_middle_does_not_outlive_the_command(
    course_root, scaling_source, descendants, tmp_path
):
    home = tmp_path / "submissions" / "ada"
    home.mkdir(parents=True)
    hangs = "def scale_forward(x, w):\n    while True:\n        pass\n"
    (home / "scaling.py").write_text(f"{scaling_source}\n\n{hangs}", encoding="utf-8")
    options = ["--unit", "scaling", "--require", "none", "--device", "cpu", "--jobs", "1"]
    limits = ["--call-limit", "600", "--time-limit", "600", "--out", str(tmp_path / "out")]
    command = subprocess.Popen(
        [sys.executable, "-m", "autograder", "grade", str(home.parent), *options, *limits],
        cwd=course_root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(below := descendants(command.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)  # the grading process, its zygote, a worker
    assert len(below) >= 3
    command.send_signal(signal.SIGKILL)
    command.wait()
    deadline = time.monotonic() + 60
    while any(map(_runs, below)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_runs, below))


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Interrupted:
    """Ctrl+C comes while it is destroyed."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_swallows_is_not_lost():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_remembered() as look:
        look()
        thing = Interrupted()
        del thing  # Python reports the exception and goes on
        with pytest.raises(KeyboardInterrupt):
            look()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name != "posix", reason="signals are held back on POSIX only")
def test_ctrl_c_while_a_process_is_started_is_heard_by_us_and_not_by_it():
    code = """
import multiprocessing, os, signal, sys
from autograder.classroom import starting

started = multiprocessing.context.SpawnProcess.start

def start(process):
    started(process)
    os.killpg(0, signal.SIGINT)  # as a terminal does
    print("started", flush=True)

multiprocessing.context.SpawnProcess.start = start
ours, theirs = multiprocessing.Pipe()
processes = []
try:
    with theirs:
        processes.append(starting.spawned(theirs))
except KeyboardInterrupt:
    (child,) = multiprocessing.active_children()
    ours.close()
    child.join(60)
    print("heard", child.exitcode, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )
    # It found nobody at the other end, and was not ended by a signal.
    assert done.stdout.split() == ["started", "heard", "1"], done.stderr
