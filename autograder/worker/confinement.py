"""The limits a worker puts on itself before it sees the student's code: all of them, in this file.

Each layer is tried on its own and reported, so that the grader knows what holds on this machine.
What holds today bounds resources and keeps the environment clean; it does not hide files or the
network from the student's code.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


@dataclass(frozen=True)
class Limits:
    """What a worker may use.

    Attributes:
        memory_mb: memory beyond what Python with torch needs, in MB.
        cpu_seconds: processor time of the whole worker; a call's deadline is the grader's matter.
        output_bytes: what it may print; the grader stops it beyond that.
        file_mb: size of the largest file it may write, in MB.
        open_files: file descriptors.
        processes: processes and threads beyond those that the user already has.
    """

    memory_mb: int = 2048
    cpu_seconds: int = 600
    output_bytes: int = 4 << 20
    file_mb: int = 64
    open_files: int = 64
    processes: int = 64

    def as_dict(self) -> dict[str, int]:
        """As it travels to the worker."""
        return asdict(self)


def confine(limits: Limits, directory: str, parent: int) -> dict[str, str]:
    """Confine this process, for good.

    Args:
        limits: what it may use.
        directory: an empty directory, which becomes its working and home directory.
        parent: the process it must not outlive.

    Returns:
        ``"ok"``, or why not, for each layer.
    """
    layers: dict[str, str] = {}

    def layer(name: str, apply: Callable[[], object]) -> None:
        try:
            apply()
            layers[name] = "ok"
        except (OSError, ValueError, AttributeError, ImportError) as error:
            layers[name] = f"{type(error).__name__}: {error}"

    def session() -> None:
        if os.getsid(0) != os.getpid():
            os.setsid()

    def directory_() -> None:
        os.umask(0o077)
        os.chdir(directory)

    with contextlib.suppress(OSError):
        set_dumpable(True)  # so that /proc lets us set what follows; hidden again at the end
    layer("environment", lambda: scrub_environment(directory))
    layer("directory", directory_)
    layer("session", session)
    layer("parent", lambda: die_with(parent, signal.SIGKILL))
    layer("first to be killed when memory is short", _volunteer)
    layer("memory", lambda: _limit("AS", _address_space() + (limits.memory_mb << 20)))
    # The second before the hard limit is SIGXCPU's, which says why the process ended.
    layer("cpu", lambda: _limit("CPU", limits.cpu_seconds, limits.cpu_seconds + 1))
    layer("file size", lambda: _limit("FSIZE", limits.file_mb << 20))
    layer("open files", lambda: _limit("NOFILE", limits.open_files))
    layer("processes", lambda: _limit_processes(limits.processes))
    layer("core dumps", lambda: _limit("CORE", 0))
    layer("no new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1))
    layer("hidden from other workers", lambda: set_dumpable(False))
    return layers


def scrub_environment(directory: str) -> None:
    """Leave nothing in the environment that the grader's shell put there."""
    windows = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    os.environ.clear()
    os.environ.update(windows, HOME=directory, TMPDIR=directory, LANG="C.UTF-8", PATH=os.defpath)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")


def die_with(parent: int, signum: signal.Signals) -> None:
    """Get a signal when the parent dies, also if it did so just now.

    Raises:
        OSError: this system cannot.
    """
    _prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def set_dumpable(dumpable: bool) -> None:
    """Whether processes of the same user may read this one's memory and environment.

    Raises:
        OSError: this system cannot say.
    """
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


@functools.cache
def tasks_of_this_user() -> int:
    """How many processes and threads this user has: what RLIMIT_NPROC counts. Cached: forks ask."""
    count, uid = 0, os.getuid()
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                count += len(os.listdir(f"{entry.path}/task"))
    return count


def remove_tree(directory: str) -> None:
    """Delete a directory, whatever permissions were left behind in it."""
    shutil.rmtree(directory, ignore_errors=True)
    if os.path.isdir(directory):
        for path, names, _ in os.walk(directory):
            for name in (path, *(os.path.join(path, name) for name in names)):
                if not os.path.islink(name):
                    with contextlib.suppress(OSError):
                        os.chmod(name, 0o700)
        shutil.rmtree(directory, ignore_errors=True)


def _limit(name: str, soft: int, hard: int | None = None) -> None:
    import resource

    which: Any = getattr(resource, f"RLIMIT_{name}")
    hard = soft if hard is None else hard
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def _limit_processes(more: int) -> None:
    _limit("NPROC", tasks_of_this_user() + more)
    if os.getuid() == 0:
        raise OSError("the system does not apply this limit to root")


def _address_space() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _volunteer() -> None:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        raise OSError("only Linux has this")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
