"""Namespaces: a worker's own users, processes, network and file system.

Root may make them; so may a plain user who first makes a user namespace, where the system allows
that. Most containers and some distributions do not: then Landlock and the seccomp filter remain.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

from autograder.worker import kernel
from autograder.worker.kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
)

HOME = "/tmp/home"  # the worker's working directory in its private root
_READ_ONLY = 1


def enter_user_namespace(more: int = 0) -> None:
    """Become root over namespaces of our own, with no more power over anything else.

    Args:
        more: namespaces to enter with it, which it then owns.

    Raises:
        OSError: not allowed here.
    """
    uid, gid = os.geteuid(), os.getegid()  # inside, before the maps are written, nobody's
    kernel.unshare(CLONE_NEWUSER | more)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(content)


def may_mount() -> bool:
    """Whether this process may make namespaces as it is."""
    return not failure(lambda: kernel.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC))


def why_no_user_namespace() -> str:
    """Why a user namespace would not help this process to make the others; empty if it would."""

    def attempt() -> None:
        enter_user_namespace(CLONE_NEWPID)
        kernel.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)
        # Some distributions give a user namespace and then deny what it is for.
        kernel.mount(None, "/", None, MS_REC | MS_PRIVATE)

    return failure(attempt)


def failure(attempt: Callable[[], None]) -> str:
    """Try something in a process of its own; why it fails, or empty."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "it ended the process"
        try:
            attempt()
            said = ""
        except OSError as error:
            said = error.strerror or str(error)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with open(reading) as answer:
        return answer.read()


def enter_network_namespace() -> None:
    """Have a network in which there is nothing, loopback included."""
    kernel.unshare(CLONE_NEWNET)


def enter_ipc_namespace() -> None:
    """Share no message queues, semaphores, shared memory; nor the name of the machine."""
    kernel.unshare(CLONE_NEWIPC | CLONE_NEWUTS)


def enter_private_root(
    base: str,
    readable: Sequence[str],
    devices: Sequence[str],
    links: Mapping[str, str],
    *,
    tmp_mb: int,
    tmp_files: int,
    proc: bool,
) -> None:
    """Have a file system with only what is named, read-only, and a private ``/tmp``.

    The working directory afterwards is `HOME`.

    Args:
        base: an empty directory, where it is built; on the outside it stays empty.
        readable: folders and files to show.
        devices: device files to show.
        links: symbolic links to make, and what they point to.
        tmp_mb: the size of ``/tmp`` in MB.
        tmp_files: how many files and folders it can hold.
        proc: whether to show ``/proc`` of this process's own namespace.

    Raises:
        OSError: not allowed here, or a kernel before 5.12.
    """
    kernel.unshare(CLONE_NEWNS)
    kernel.mount(None, "/", None, MS_REC | MS_PRIVATE)
    kernel.mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    os.mkdir(f"{base}/tmp")  # before the rest: what is shown may itself lie below /tmp
    options = f"size={tmp_mb}m,nr_inodes={tmp_files},mode=1777"
    kernel.mount("tmpfs", f"{base}/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    os.mkdir(base + HOME, 0o700)
    for path in readable:
        _show(path, base + path, MS_NOSUID | MS_NODEV | _READ_ONLY)
    for path in devices:
        _show(path, base + path, MS_NOSUID | MS_NOEXEC | _READ_ONLY)
    for path, target in links.items():
        if not os.path.lexists(base + path):
            os.makedirs(os.path.dirname(base + path), exist_ok=True)
            os.symlink(target, base + path)
    if proc:
        os.makedirs(f"{base}/proc", exist_ok=True)
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | _READ_ONLY
        with contextlib.suppress(OSError):  # containers hide parts of it and deny this
            kernel.mount("proc", f"{base}/proc", "proc", flags)
    os.chdir(base)
    kernel.pivot_root()
    kernel.set_mount_flags("/", _READ_ONLY | MS_NOSUID | MS_NODEV, below=False)
    os.chdir(HOME)


def _show(path: str, at: str, flags: int) -> None:
    if os.path.isdir(path):
        os.makedirs(at, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "wb"):
            pass
    kernel.mount(path, at, None, MS_BIND | MS_REC)
    kernel.set_mount_flags(at, flags, below=True)
