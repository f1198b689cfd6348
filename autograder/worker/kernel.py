"""The Linux system calls that Python has no function for.

Libraries exist for parts of this, and each would leave most of it to be done: libseccomp's binding
comes with a distribution's own Python only, the Landlock packages on PyPI know files but neither
network nor scopes, and bubblewrap starts a program in a file view where we fork.

Numbers and constants: the kernel's ``include/uapi/linux/{sched,mount,prctl,capability}.h`` and
``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 38, 47

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # from 424 on, the numbers are the same on every architecture
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPABILITY_VERSION_3 = 0x20080522


@functools.cache
def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError("only Linux has this")
    return ctypes.CDLL(None, use_errno=True)


def architecture() -> str:
    """``"x86_64"`` or ``"aarch64"``.

    Raises:
        OSError: it is another, whose system calls we have no numbers of.
    """
    machine = platform.machine()
    if machine not in _PIVOT_ROOT or sys.maxsize < 1 << 32:
        raise OSError(f"the system calls of {machine} are not known")
    return machine


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: int | bytes | None, what: str = "") -> int:
    """Make a system call by its number.

    Raises:
        OSError: it failed.
    """
    values = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    result: int = _libc().syscall(ctypes.c_long(number), *values)
    return _checked(result, what or f"system call {number}")


def prctl(option: int, *arguments: int) -> int:
    """Change something about this process.

    Raises:
        OSError: this system cannot.
    """
    values = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc().prctl(option, *values), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones.

    Raises:
        OSError: not allowed here.
    """
    _checked(_libc().unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter the namespace that `fd` is open on.

    Raises:
        OSError: not allowed here.
    """
    _checked(_libc().setns(fd, flags), "setns")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount a file system.

    Raises:
        OSError: not allowed here.
    """
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    done = _libc().mount(*texts, ctypes.c_ulong(flags), os.fsencode(data) if data else None)
    _checked(done, f"mount {target}")


def set_mount_flags(target: str, flags: int, *, below: bool) -> None:
    """Add flags (`MOUNT_ATTR_*`, which begin as ``MS_*`` do) to a mount and those below it.

    Unlike a remount this keeps the flags that are there, as a user namespace demands.

    Raises:
        OSError: not allowed here, or a kernel before 5.12.
    """
    attributes = flags.to_bytes(8, sys.byteorder) + bytes(24)  # set; clear, propagation, userns
    at = _AT_RECURSIVE if below else 0
    path = os.fsencode(target)
    syscall(_MOUNT_SETATTR, _AT_FDCWD, path, at, attributes, len(attributes), what="mount_setattr")


def pivot_root() -> None:
    """Make the current directory, a mount point, the root, and let go of the old one.

    Raises:
        OSError: not allowed here.
    """
    syscall(_PIVOT_ROOT[architecture()], b".", b".", what="pivot_root")
    _checked(_libc().umount2(b".", MNT_DETACH), "umount")


def drop_capabilities(*, bounding_only: bool = False) -> None:
    """Give up what root may do beyond others, for this process and what it becomes.

    Args:
        bounding_only: only the possibility to get it back; the rest is still needed.

    Raises:
        OSError: it could not be dropped.
    """
    if bounding_only:
        for capability in range(64):
            try:
                prctl(PR_CAPBSET_DROP, capability)
            except OSError as error:
                if error.errno == 22:  # there are no more capabilities in this kernel
                    return
                raise
        return
    header = _CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + bytes(4)
    _checked(_libc().capset(header, bytes(24)), "capset")
    prctl(PR_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL


def die_with_parent(signum: int) -> None:
    """Get a signal when the thread ends that started this process.

    Raises:
        OSError: this system cannot.
    """
    prctl(PR_SET_PDEATHSIG, signum)


def set_dumpable(dumpable: bool) -> None:
    """Whether processes of the same user may read this one's memory and environment.

    Raises:
        OSError: this system cannot say.
    """
    prctl(PR_SET_DUMPABLE, int(dumpable))
