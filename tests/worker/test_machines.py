"""What holds for root, for a plain user, and in a container that denies namespaces."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.supervisor import ConfinementError, layers_here, require_level
from autograder.worker import LEVELS, level_of, reaches

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="only Linux confines, and machines are imitated for two architectures",
)

HERE = Path(__file__).parent

GRADES = """
import json, sys
from autograder.supervisor import Call, start_workers
from autograder.worker import Limits
source = '''
import torch
def honest(x): return torch.relu(x)
def late(): import torch.distributions, sqlite3
def steals(path): return open(path).read()
def steals_more(path): return steals(path)
def forks():
    import os
    return os.fork()
def connects(port):
    import socket
    socket.create_connection(("127.0.0.1", port), 5)
'''
with start_workers() as workers:
    worker = workers.spawn(1, Limits())
    assert worker.load("m", "m.py", source, 60) is None
    def ask(name, *args):
        reply = worker.call(Call(name, args), 60)
        return reply.error.kind if reply.error else "done"
    said = {name: ask(name, *args) for name, args in json.loads(sys.argv[1]).items()}
    print(json.dumps({"level": worker.level, "layers": worker.layers, "said": said}))
"""

On = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def on() -> On:
    """Runs a command on an imitated machine; skips where it cannot be imitated."""

    def on(machine: str, *command: object) -> subprocess.CompletedProcess[str]:
        if "root" in machine and os.geteuid() != 0:
            pytest.skip("these tests do not run as root")
        words = [word for word in machine.split() if word != "root"]
        return subprocess.run(
            [sys.executable, HERE / "machines.py", *words, "--", *map(str, command)],
            capture_output=True,
            text=True,
            timeout=280,
            env={**os.environ, "COLUMNS": "400", "NO_COLOR": "1"},
        )

    return on


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    folder.chmod(0o755)
    (folder / "secret").write_text("4711")
    (folder / "secret").chmod(0o644)
    (folder / "closed").write_text("4711")
    (folder / "closed").chmod(0o600)
    yield folder / "secret"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("machine", "least"),
    [
        ("root", "isolated"),
        ("plain", "isolated"),
        ("root container", "filtered"),
        ("plain container", "filtered"),
        ("root shared-python container no-landlock", "separated"),
        ("plain container no-landlock", "limited"),
    ],
)
def test_what_is_promised_holds(on: On, secret: Path, machine: str, least: str) -> None:
    here = level_of(layers_here())
    if not reaches(here, least) and "no-landlock" not in machine:
        pytest.skip(f"this machine itself gives no more than {here}")
    asked = {"honest": [1], "late": [], "forks": [], "connects": [9]}
    asked |= {"steals": [str(secret)], "steals_more": [str(secret.with_name("closed"))]}
    done = on(machine, sys.executable, "-c", GRADES, json.dumps(asked))
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert answer["level"] == least, answer["layers"]
    said = answer["said"]
    assert said["late"] == "done"
    assert said["forks"] == said["connects"] == "PermissionError"
    if least in ("limited", "separated"):
        assert said["steals"] == "done", "the file can be read at all"
    else:
        assert said["steals"] in ("FileNotFoundError", "PermissionError")
    if "root" in machine:  # whose file it is
        assert said["steals_more"] in ("FileNotFoundError", "PermissionError")


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The words for a machine on which hidden files could be read."""
    return f"{'root' if os.geteuid() == 0 else 'plain'} container no-landlock"


def test_grading_refuses_where_hidden_files_could_be_read(
    on: On, unsafe: str, tmp_path: Path
) -> None:
    autograder, out = Path(sys.executable).with_name("autograder"), tmp_path / "out"
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "perceptron.py").write_text("def f(): pass\n")
    command = [autograder, "grade", tmp_path / "ada", "--out", out, "--unit", "1"]
    done = on(unsafe, *command)
    assert done.returncode == 2
    assert "'limited'" in done.stderr
    assert "files that you can read, it can read" in done.stderr
    assert "--require limited" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
    done = on(unsafe, *command, "--require", "limited", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "not confined" in done.stderr
    result = json.loads(next(out.glob("results/*/*.json")).read_text())
    assert result["run"]["worker"]["level"] == "limited"


def test_a_students_own_check_never_refuses(on: On, unsafe: str) -> None:
    autograder = Path(sys.executable).with_name("autograder")
    root = HERE.parents[1]
    program = f"cd {root}/assignments/03_layers && exec {autograder} check linear_forward"
    done = on(unsafe, "/bin/sh", "-c", program)
    assert done.returncode == 1, done.stderr  # nothing is written yet
    assert "linear_forward" in done.stdout


def test_the_doctor_says_what_is_missing(on: On, unsafe: str) -> None:
    done = on(unsafe, Path(sys.executable).with_name("autograder"), "doctor")
    assert done.returncode == 0, done.stderr
    assert "level limited" in done.stdout
    assert "landlock: " in done.stdout


def test_levels_add_up() -> None:
    from autograder.worker import LAYERS

    every = dict.fromkeys(LAYERS, "ok")
    assert level_of(every) == "isolated"
    for lacking, level in (
        (["landlock"], "isolated"),
        (["user"], "isolated"),
        (["user", "uid"], "filtered"),
        (["pids"], "filtered"),
        (["network"], "filtered"),
        (["files"], "filtered"),
        (["files", "landlock"], "separated"),
        (["files", "landlock", "uid"], "limited"),
        (["seccomp"], "limited"),
        (["memory"], "none"),
    ):
        assert level_of({**every, **dict.fromkeys(lacking, "denied")}) == level, lacking
    assert level_of({}) == "none"
    for n, level in enumerate(LEVELS):
        assert [required for required in LEVELS if reaches(level, required)] == list(LEVELS[n:])


def test_less_than_is_required_is_refused_with_the_reasons() -> None:
    layers = {"files": "mount: denied", "landlock": "Landlock: not built in"}
    with pytest.raises(ConfinementError) as caught:
        require_level("filtered", layers)
    assert "files: mount: denied; landlock: Landlock: not built in" in str(caught.value)
    assert "--require none" in str(caught.value)
    require_level("none", layers)
