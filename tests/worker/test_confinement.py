"""Each layer of the confinement, against code that tries what it forbids.

Every attempt is made three ways: confined, where it must fail; with the layers off that stop it,
where it must succeed, so that it is an attempt at all; and, where several layers stop it, with each
of them alone.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.supervisor import layers_here
from autograder.worker import LAYERS
from autograder.worker.limits import LIMIT_LAYERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")

SCRIPT = Path(__file__).with_name("confined.py")
EVERYBODY = {"files", "landlock", "uid", "user", "pids"}  # what keeps us apart as somebody else


def run(source: str, without: Iterable[str] = (), **more: Any) -> tuple[Any, dict[str, str]]:
    """What ``attempt`` came to in a confined process, and which layers held."""
    asked = {"source": source, "without": sorted(without), "profile": "cpu", "limits": {}}
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(SCRIPT)],
            input=json.dumps({**asked, **more, "directory": str(folder)}),
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        folder.rmdir()  # nothing may be left in it
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    return said["value"], said["layers"]


@cache
def held() -> set[str]:
    """The layers that this machine has."""
    return {name for name, state in layers_here().items() if state == "ok"}


def needs(*layers: str) -> None:
    lacking = [f"{name} ({layers_here()[name]})" for name in layers if name not in held()]
    if lacking:
        pytest.skip(f"this machine does not have: {', '.join(lacking)}")


@dataclass
class Outside:
    """What there is outside, to be reached for.

    Attributes:
        secret: a file that anybody may read.
        open_folder: a folder in which anybody may write.
        tcp: a port on which somebody listens.
        udp: a port that takes datagrams.
        pathname: a socket that is a file.
        abstract: the name of an abstract socket.
        process: somebody's process.
    """

    secret: Path
    open_folder: Path
    tcp: int
    udp: int
    pathname: Path
    abstract: str
    process: int

    def fill_in(self, source: str) -> str:
        return source.format(**{name: repr(_plain(value)) for name, value in vars(self).items()})


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    # Not pytest's own folder, into which only its user may look.
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    folder.chmod(0o755)
    secret = folder / "secret.txt"
    secret.write_text("4711")
    secret.chmod(0o644)
    open_folder = folder / "open"
    open_folder.mkdir()
    open_folder.chmod(0o777)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as pathname,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract,
        subprocess.Popen(["sleep", "600"]) as process,
    ):
        udp.bind(("127.0.0.1", 0))
        pathname.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        abstract.bind(f"\0handgrad-{os.getpid()}")
        yield Outside(
            secret,
            open_folder,
            tcp.getsockname()[1],
            udp.getsockname()[1],
            folder / "socket",
            f"\0handgrad-{os.getpid()}",
            process.pid,
        )
        process.kill()
    subprocess.run(["rm", "-r", str(folder)], check=True)


READS = "def attempt(): return open({secret}).read()"
LISTS = "import os\ndef attempt(): return len(os.listdir(os.path.dirname({secret})))"
STATS = "import os\ndef attempt(): return os.stat({secret}).st_size"
CHANGES = "import os\ndef attempt(): os.utime({open_folder}, (1, 1)); return 'changed'"
WRITES = """
import os
def attempt():
    path = {open_folder} + "/written"
    open(path, "w").close()
    os.unlink(path)
    return "written"
"""
TRUNCATES = "import os\ndef attempt(): os.truncate({secret}, 4); return 'truncated'"
CONNECTS = """
import socket
def attempt():
    socket.create_connection(("127.0.0.1", {tcp}), 5).close()
    return "connected"
"""
SENDS = """
import socket
def attempt():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"4711", ("127.0.0.1", {udp}))
"""
SENDS_TO_A_FILE = """
import socket
def attempt():
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"4711", {pathname})
"""
SENDS_BY_A_PAIR = """
import socket
def attempt():
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"4711", {pathname})
"""
SENDS_TO_A_NAME = """
import socket
def attempt():
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"4711", {abstract})
"""
SIGNALS = "import os\ndef attempt(): os.kill({process}, 0); return 'signalled'"
SETS_OWNER = """
import fcntl, os
def attempt():
    fcntl.fcntl(os.pipe()[0], 8, {process})  # F_SETOWN: who gets SIGIO
    return "set"
"""

# The attempt, what it gives when it succeeds, and layers that each stop it alone.
REACHES_OUT = [
    ("read a file", READS, "4711", [{"files"}, {"landlock"}]),
    ("list a folder", LISTS, 3, [{"files"}, {"landlock"}]),
    ("look at a file's properties", STATS, 4, [{"files"}]),
    ("write a file", WRITES, "written", [{"files"}, {"landlock"}, {"seccomp"}]),
    ("truncate a file", TRUNCATES, "truncated", [{"files"}, {"landlock"}, {"seccomp"}]),
    ("change a file's times", CHANGES, "changed", [{"files"}, {"seccomp"}]),
    ("connect over TCP", CONNECTS, "connected", [{"network"}, {"landlock"}, {"seccomp"}]),
    ("send over UDP", SENDS, 4, [{"network"}, {"seccomp"}]),
    ("send to a socket file", SENDS_TO_A_FILE, 4, [{"files"}, {"seccomp"}]),
    ("send to it by a socket pair", SENDS_BY_A_PAIR, 4, [{"files"}, {"seccomp"}]),
    ("send to an abstract socket", SENDS_TO_A_NAME, 4, [{"network"}, {"landlock"}, {"seccomp"}]),
    ("signal a process", SIGNALS, "signalled", [{"pids"}, {"landlock"}, {"seccomp"}]),
    ("choose who is signalled", SETS_OWNER, "set", [{"pids"}, {"seccomp"}]),
]
KEEPING_APART = {"files", "landlock", "network", "pids", "seccomp", "uid", "user"}


@pytest.mark.parametrize(
    ("source", "success", "alone"),
    [case[1:] for case in REACHES_OUT],
    ids=[case[0] for case in REACHES_OUT],
)
def test_a_confined_process_cannot(
    outside: Outside, source: str, success: object, alone: list[set[str]]
) -> None:
    source = outside.fill_in(source)
    assert run(source, KEEPING_APART)[0] == success, "not an attempt"
    if held() & set().union(*alone):
        assert run(source)[0] != success
    for layers in alone:
        # A plain user's namespaces come with that of users or not at all.
        if layers <= held() and not ("user" in held() and layers & {"files", "network", "pids"}):
            value, layers_held = run(source, KEEPING_APART - layers)
            assert all(layers_held[name] == "ok" for name in layers)
            assert value != success, f"{layers} alone"


FORKS = "import os\ndef attempt():\n    os.fork() or os._exit(0)\n    return 'forked'"
RUNS = (
    "import os\ndef attempt():\n"
    "    return os.posix_spawn('/bin/true', ['true'], {{}}) > 0 and 'started'"
)
MEMFD = "import os\ndef attempt(): os.memfd_create('x'); return 'made'"
SHARED = "import mmap\ndef attempt(): mmap.mmap(-1, 4096); return 'made'"
CALLS = """
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
def attempt():
    refused = []
    for name, x86, arm, *arguments in {calls}:
        number = x86 if platform.machine() == "x86_64" else arm
        result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) for a in arguments))
        if result < 0 and ctypes.get_errno() == errno.EPERM:
            refused.append(name)
    return refused
"""
# Name, numbers, harmless arguments: allowed, they succeed or fail otherwise than with EPERM.
DANGEROUS: list[tuple[Any, ...]] = [
    ("ptrace", 101, 117, 24, 0, 0, 0),
    ("process_vm_readv", 310, 270, 2**22 + 1, 0, 0, 0, 0, 0),
    ("personality", 135, 92, 0xFFFFFFFF),
    ("shmget", 29, 194, 0, 4096, 0o1600),
    ("msgget", 68, 186, 0, 0o1600),
    ("semget", 64, 190, 0, 1, 0o1600),
    ("inotify_init1", 294, 26, 0),
    ("timerfd_create", 283, 85, 1, 0),
    ("setpriority", 141, 140, 0, 0, 10),
    ("clone3", 435, 435, 0, 0),
]


def test_a_confined_process_starts_no_other() -> None:
    needs("seccomp")
    for source, success in ((FORKS, "forked"), (RUNS.format(), "started")):
        assert run(source, {"seccomp", "files", "landlock"})[0] == success
        assert run(source)[0] == "PermissionError"


def test_memory_that_no_limit_counts_cannot_be_made() -> None:
    needs("seccomp")
    for source in (MEMFD, SHARED):
        assert run(source, {"seccomp"})[0] == "made"
        assert run(source)[0] == "PermissionError"


def test_calls_that_no_computation_makes_are_refused() -> None:
    needs("seccomp")
    source = CALLS.format(calls=DANGEROUS)
    open_to_all, _ = run(source, {"seccomp"})
    assert not open_to_all
    assert {*run(source)[0], "clone3"} == {call[0] for call in DANGEROUS}


def test_descriptors_are_not_inherited_from_shared_memory_of_others() -> None:
    needs("seccomp", "ipc")
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, 4096, 0o1666)
    assert segment >= 0
    try:
        source = (
            "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_long\n"
            f"def attempt(): return libc.shmat({segment}, None, 0) != -1"
        )
        assert run(source, {"seccomp", "ipc", "user", "uid"})[0] is True
        assert run(source, {"seccomp"})[0] is False
        assert run(source, {"ipc", "user", "uid"})[0] is False
    finally:
        libc.shmctl(segment, 0, None)


# Resources

ALLOCATES = "import mmap\ndef attempt(): return len(mmap.mmap(-1, {} << 30, mmap.MAP_PRIVATE))"
OPENS = "def attempt(): return len([open('/dev/null') for _ in range(200)])"
THREADS = """
import threading
def attempt():
    stop, started = threading.Event(), 0
    threading.stack_size(64 << 10)
    try:
        for _ in range(400):
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    stop.set()
    return started
"""
FILLS = """
import errno, os
def attempt():
    n = 0
    try:
        while n < 200:
            with open(f"/tmp/home/{n}", "wb") as file: file.write(bytes(1 << 20))
            n += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC
    return n
"""
COUNTS = """
import errno
def attempt():
    n = 0
    try:
        while n < 5000:
            open(f"/tmp/home/{n}", "w").close()
            n += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC
    return n
"""


def test_memory_is_bounded() -> None:
    assert run(ALLOCATES.format(3))[0] == "OSError"
    assert run(ALLOCATES.format(3), {"memory"})[0] == 3 << 30


def test_open_files_are_bounded() -> None:
    assert run(OPENS)[0] == "OSError"
    assert run(OPENS, {"open files"})[0] == 200


def test_threads_are_bounded() -> None:
    needs("processes")
    assert run(THREADS, {"processes"})[0] == 400
    value, _ = run(THREADS, limits={"processes": 20})
    assert 5 < value < 400


def test_the_private_tmp_is_small_in_bytes_and_in_files() -> None:
    needs("files")
    assert 0 < run(FILLS, limits={"tmp_mb": 8})[0] <= 8
    assert 0 < run(COUNTS, limits={"tmp_files": 300})[0] < 300


def test_without_a_private_tmp_nothing_can_be_written() -> None:
    needs("landlock")
    source = "def attempt(): open('x', 'w').close(); return 'written'"
    assert run(source, {"files"})[0] == "PermissionError"
    assert run(source, {"files", "landlock"})[0] == "OSError"  # a file system that is read-only


def test_limits_cannot_be_raised_again() -> None:
    needs("seccomp")
    source = (
        "import resource\ndef attempt():\n"
        "    resource.setrlimit(resource.RLIMIT_CPU, (9, 9))\n    return 'set'"
    )
    assert run(source, {"seccomp"})[0] == "set"
    assert run(source)[0] in ("PermissionError", "ValueError")


@pytest.mark.parametrize(
    ("layer", "question", "on", "off"), [("no new privileges", 39, 1, 0), ("hidden", 3, 0, 1)]
)
def test_what_a_layer_sets_is_set(layer: str, question: int, on: int, off: int) -> None:
    source = f"import ctypes\ndef attempt(): return ctypes.CDLL(None).prctl({question}, 0, 0, 0, 0)"
    assert run(source, {"seccomp"})[0] == on
    if run(source, LAYERS)[0] == on:
        pytest.skip("it is set for this whole machine")
    assert run(source, {"seccomp", "landlock", "uid", "user", layer})[0] == off


@pytest.mark.parametrize("number", [4, 8, 12])
def test_core_dumps_locked_memory_and_queues_are_none(number: int) -> None:
    source = f"import resource\ndef attempt(): return resource.getrlimit({number})[1]"
    assert run(source)[0] == 0
    assert run(source, {"limits"})[0] != 0


def test_no_capability_is_left() -> None:
    source = """
import ctypes
def attempt():
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capget(header, data) == 0
    return list(data)
"""
    assert run(source)[0] == [0] * 6
    if os.geteuid() == 0:
        assert any(run(source, {"capabilities", "uid"})[0])


def test_a_confined_process_is_alone() -> None:
    needs("pids", "files")
    source = """
import os
def attempt(): return [os.getpid(), os.getppid(), os.path.exists("/proc")]
"""
    assert run(source)[0] == [2, 1, False]


def test_the_first_process_of_the_namespace_cannot_be_ended_from_inside() -> None:
    needs("pids")
    source = """
import os, signal, time
def attempt():
    for number in (signal.SIGKILL, signal.SIGTERM):
        try: os.kill(1, number)
        except PermissionError: pass
    time.sleep(0.2)
    return os.getppid()
"""
    everything = {"seccomp", "landlock", "uid", "capabilities", "hidden"}
    assert run(source, everything)[0] == 1


def test_how_a_confined_process_ended_is_known() -> None:
    source = "import os\ndef attempt(): {}"
    assert run(source.format("os.abort()"))[0] == "SIGABRT"
    assert run("import ctypes\ndef attempt(): ctypes.string_at(0)")[0] == "SIGSEGV"
    assert run("def attempt():\n    while True: pass", limits={"cpu_seconds": 1})[0] == "SIGXCPU"
    assert run(source.format("os.kill(os.getpid(), 9)"))[0] == "SIGKILL"


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDGRAD_CANARY", "4711")
    source = "import os\ndef attempt(): return os.environ.get('HANDGRAD_CANARY')"
    assert run(source, {"environment"})[0] == "4711"
    assert run(source)[0] is None


def test_of_the_checkout_only_the_package_is_there() -> None:
    needs("files")
    import autograder

    package = Path(autograder.__file__).parent
    source = f"""
import os
def attempt():
    try: beside = os.listdir({str(package.parent)!r})
    except PermissionError: beside = []
    return [os.listdir({str(package)!r}), beside]
"""
    # Without Landlock, which may refuse the listing, it is the view alone that hides.
    for off in ((), {"landlock"}):
        inside, beside = run(source, off)[0]
        assert "worker" in inside
        assert not {"solutions", "assignments", "tests", "pyproject.toml"} & set(beside)
    beside = run(source, {"files", "landlock", "uid"})[0][1]
    assert package.name in beside  # it can be listed where nothing hides it


# The looser profile


def test_the_profile_for_a_gpu_hides_files_and_has_no_network(outside: Outside) -> None:
    if "files" not in held():
        needs("landlock")
    for source, success in ((READS, "4711"), (CONNECTS, "connected"), (FORKS, "forked")):
        source = outside.fill_in(source)
        value, layers = run(source, profile="cuda")
        assert value != success
        if "landlock" in held():
            assert layers["landlock"] == "ok"


def test_the_profile_for_a_gpu_shares_memory_and_reserves_addresses() -> None:
    source = """
import ctypes, mmap
def attempt():
    mmap.mmap(-1, 4096)
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    reserved = libc.mmap(None, 200 << 30, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    return reserved != ctypes.c_void_p(-1).value
"""
    assert run(source, profile="cuda")[0] is True
    assert run(source)[0] is not True


def test_the_profile_for_a_gpu_bounds_private_memory() -> None:
    assert run(ALLOCATES.format(7), profile="cuda")[0] == "OSError"
    assert run(ALLOCATES.format(7), {"memory"}, profile="cuda")[0] == 7 << 30


def test_the_profile_for_a_gpu_shows_only_its_own_processes() -> None:
    needs("files", "pids")
    source = """
import os
def attempt(): return sorted(int(n) for n in os.listdir("/proc") if n.isdigit())
"""
    value, _ = run(source, profile="cuda")
    if value == []:
        pytest.skip("this machine does not let a user namespace mount /proc")
    assert value == [1, 2]


def test_every_limit_is_reported() -> None:
    _, layers = run("def attempt(): return 1", {"limits"})
    assert {layers[name] for name in LIMIT_LAYERS} == {"off"}
