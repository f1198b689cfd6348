"""What a worker is born with, and what it is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograder.devices
import autograder.worker
from autograder.supervisor import Call, Worker, Workers, start_workers
from autograder.worker import Limits
from autograder.worker.limits import LIMIT_LAYERS

Spawn = Callable[..., Worker]

PROBE = """
import os, random, sys, threading
import numpy as np, torch

def numbers():
    return random.random(), float(np.random.rand()), torch.rand(1).item()

def modules(): return sorted(sys.modules)
def environment(): return dict(os.environ)
def initial_environment():
    try: return open("/proc/self/environ").read()
    except OSError: return ""
def directory(): return os.getcwd(), os.listdir("."), oct(os.stat(".").st_mode & 0o777)
def is_open(fd):
    try: return bool(os.fstat(fd))
    except OSError: return False
def descriptors(): return [fd for fd in range(100) if is_open(fd)]
def session(): return os.getsid(0) == os.getpid()
def arguments(): return sys.argv
def limits():
    import resource
    names = ("FSIZE", "NOFILE", "CORE", "CPU")
    return [resource.getrlimit(getattr(resource, "RLIMIT_" + n))[0] for n in names]
def strings_of(text):
    import gc
    return [type(o).__name__ for o in gc.get_objects() if text in str(type(o).__module__)]
def can_thread():
    t = threading.Thread(target=lambda: None); t.start(); t.join(); return True
def convolution():
    torch.set_num_threads(2)
    return torch.nn.functional.conv2d(torch.ones(2, 3, 32, 32), torch.ones(4, 3, 3, 3)).sum().item()
"""


def probe(worker: Worker, function: str, *args: Any) -> Any:
    reply = worker.call(Call(function, args), 20)
    assert reply.error is None, reply.error
    return reply.value


def test_a_worker_has_random_numbers_of_its_own(spawn: Spawn) -> None:
    first, second, again = (probe(spawn(PROBE, seed=seed), "numbers") for seed in (1, 2, 1))
    assert first == again
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_a_worker_knows_nothing_of_grading_and_testing(spawn: Spawn) -> None:
    modules = probe(spawn(PROBE), "modules")
    ours = {name for name in modules if name.split(".")[0] == "autograder"}
    known = ("autograder.worker", "autograder.devices", "autograder.errors")
    assert all(name == "autograder" or name.startswith(known) for name in ours)
    strangers = {"pytest", "hypothesis", "pickle5", "msgspec", "typer"}
    assert not strangers & set(modules)


def test_the_environment_of_the_grader_stays_with_the_grader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HANDGRAD_CANARY", "canary-4711")
    with start_workers("fork") as workers:
        worker = workers.spawn(1, Limits())
        worker.load("m", "m.py", PROBE, 20)
        assert "HANDGRAD_CANARY" not in probe(worker, "environment")
        assert "4711" not in probe(worker, "initial_environment")


def test_a_worker_has_an_empty_directory_of_its_own(spawn: Spawn) -> None:
    worker = spawn(PROBE)
    directory, content, mode = probe(worker, "directory")
    assert content == []
    assert mode == "0o700"
    assert probe(worker, "environment")["HOME"] == directory != str(Path.home())


def test_a_worker_holds_its_own_descriptors_only(spawn: Spawn) -> None:
    assert probe(spawn(PROBE), "descriptors") == [0, 1, 2, 3]


def test_the_limits_hold(spawn: Spawn) -> None:
    limits = Limits(file_mb=3, open_files=20, cpu_seconds=99)
    worker = spawn(PROBE, limits)
    assert probe(worker, "limits") == [3 << 20, 20, 0, 99]
    assert {worker.layers[name] for name in LIMIT_LAYERS if name != "processes"} == {"ok"}


def test_a_worker_leads_a_session_and_sees_no_arguments(spawn: Spawn) -> None:
    worker = spawn(PROBE)
    assert probe(worker, "session") is True
    assert probe(worker, "arguments") == [""]


def test_a_worker_may_use_threads(spawn: Spawn) -> None:
    worker = spawn(PROBE)
    assert probe(worker, "can_thread") is True
    assert probe(worker, "convolution") == 2 * 4 * 30 * 30 * 27


def test_a_zygote_with_two_threads_refuses_to_fork() -> None:
    code = (
        "import threading, time\n"
        "from autograder.worker import zygote\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "try:\n"
        "    zygote.Zygote(None, '', None, None)._fork({}, [])\n"
        "except OSError as error:\n"
        "    print(error, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be forked safely: 2 threads" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("kind", ["fork", "spawn"])
def test_nothing_outlives_a_grader_that_is_killed(
    kind: str, tmp_path: Path, descendants: Callable[[int], list[int]]
) -> None:
    code = (
        "import os\n"
        "from autograder.supervisor.workers import *\n"
        f"workers = start_workers({kind!r})\n"
        "worker = workers.spawn(1, Limits())\n"
        "worker.load('m', 'm.py', 'def loops():\\n    while True: pass', 20)\n"
        "print(os.getpid(), flush=True)\n"
        "worker.call(Call('loops'), 1000)\n"
    )
    grader = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert grader.stdout is not None
    assert grader.stdout.readline()
    pids = descendants(grader.pid)
    assert len(pids) >= (2 if kind == "fork" else 1)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    for _ in range(500):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            break
        time.sleep(0.02)
    else:
        pytest.fail("a process outlived its grader")
    if kind == "fork":
        assert list(tmp_path.iterdir()) == []


def test_the_grader_cannot_be_looked_into(forks: Workers) -> None:
    import ctypes

    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no workers of kind 'threads'"):
        start_workers("threads")


def test_a_zygote_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="could not be started"):
        start_workers("fork")
    with start_workers("spawn") as workers, pytest.raises(RuntimeError, match="could not be"):
        workers.spawn(1, Limits())


ROOM = Path(autograder.worker.__file__).parent
DEVICES = Path(autograder.devices.__file__).parent  # what the code under test computes on
ALLOWED = {*sys.stdlib_module_names, "msgpack", "numpy", "torch", "lazy_loader", "platformdirs"}
FORBIDDEN = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


@pytest.mark.parametrize(
    "path",
    sorted([*ROOM.rglob("*.py"), *DEVICES.rglob("*.py")]),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_what_a_worker_runs_imports_no_other_room_and_unpickles_nothing(path: Path) -> None:
    rooms = ("autograder.worker", "autograder.devices", "autograder.errors")
    own = rooms if path.is_relative_to(ROOM) else rooms[1:]
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [str(node.module)]
        for name in names:
            top = name.split(".")[0]
            assert top in ALLOWED or name.startswith(own), name
            assert top not in FORBIDDEN, name
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            assert dotted not in ("torch.load", "np.load", "numpy.load"), dotted
