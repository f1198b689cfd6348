"""How much a worker may use."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What a worker may use.

    Attributes:
        memory_mb: memory beyond what Python with torch needs, in MB.
        cpu_seconds: processor time of the whole worker; a call's deadline is the grader's matter.
        output_bytes: what it may print; the grader stops it beyond that.
        file_mb: size of the largest file it may write, in MB.
        open_files: file descriptors.
        processes: threads (and processes, where those can be started) of the worker.
        tmp_mb: size of its private ``/tmp``, in MB.
        tmp_files: files and folders in it.
    """

    memory_mb: int = 2048
    cpu_seconds: int = 600
    output_bytes: int = 4 << 20
    file_mb: int = 64
    open_files: int = 64
    processes: int = 64
    tmp_mb: int = 64
    tmp_files: int = 1024

    def as_dict(self) -> dict[str, int]:
        """As it travels to the worker."""
        return asdict(self)


LIMIT_LAYERS = (
    "memory",
    "cpu",
    "file size",
    "open files",
    "processes",
    "core dumps",
    "locked memory",
    "message queues",
)


def apply_limit(layer: str, limits: Limits, *, cuda: bool, alone: bool, used: int) -> None:
    """Put one limit on this process, for good.

    Args:
        layer: one of `LIMIT_LAYERS`.
        limits: the figures.
        cuda: whether this is the profile for a GPU.
        alone: whether nobody else has this process's user id.
        used: what `memory_in_use` said while ``/proc`` was there.

    Raises:
        OSError: this system has no such limit.
    """
    match layer:
        case "memory":
            # A GPU's driver reserves far more addresses than there is memory: there, what is
            # private and writable counts, with 4 GB for the driver's own; what is shared does not.
            if cuda:
                _limit("DATA", used + ((limits.memory_mb + 4096) << 20))
            else:
                _limit("AS", used + (limits.memory_mb << 20))
        case "cpu":
            # The second before the hard limit is SIGXCPU's, which says why the process ended.
            _limit("CPU", limits.cpu_seconds, limits.cpu_seconds + 1)
        case "file size":
            _limit("FSIZE", limits.file_mb << 20)
        case "open files":
            _limit("NOFILE", limits.open_files * (4 if cuda else 1))
        case "processes":
            _limit("NPROC", limits.processes + (0 if alone else tasks_of_this_user()))
            if os.getuid() == 0:
                raise OSError("the system does not apply this limit to root")
        case "core dumps":
            _limit("CORE", 0)
        case "locked memory":
            if not cuda:  # the driver locks what the device reads
                _limit("MEMLOCK", 0)
        case "message queues":
            _limit("MSGQUEUE", 0)


def memory_in_use(*, cuda: bool) -> int:
    """Bytes of address space (of private writable memory for a GPU's profile) in use now."""
    with open("/proc/self/statm") as statm:
        fields = [int(field) for field in statm.read().split()]
    # size resident shared text lib data dirty, in pages
    return fields[5 if cuda else 0] * os.sysconf("SC_PAGE_SIZE")


@functools.cache
def tasks_of_this_user() -> int:
    """How many processes and threads this user has: what RLIMIT_NPROC counts. Cached: forks ask."""
    count, uid = 0, os.getuid()
    for task in _processes():
        with contextlib.suppress(OSError):
            if task.stat().st_uid == uid:
                count += len(os.listdir(f"{task.path}/task"))
    return count


def _processes() -> Iterator[os.DirEntry[str]]:
    return (entry for entry in os.scandir("/proc") if entry.name.isdigit())


def _limit(name: str, soft: int, hard: int | None = None) -> None:
    import resource

    which: Any = getattr(resource, f"RLIMIT_{name}")
    hard = soft if hard is None else hard
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))
