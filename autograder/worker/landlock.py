"""Landlock: files, TCP, and the processes that may be signalled, without any privilege.

It holds where namespaces are denied (in most containers, for plain users of many distributions).
What it does not cover: ``stat``, ``chmod`` and the like by path, UDP, sockets that are files. The
seccomp filter does, except for ``stat``.

Numbers and layouts: the kernel's ``include/uapi/linux/landlock.h``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from autograder.worker.kernel import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_MAKE_SYM, _REFER, _TRUNCATE, _IOCTL_DEV = 1 << 12, 1 << 13, 1 << 14, 1 << 15
_FIRST_RIGHTS = (1 << 13) - 1

_READ = _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER
_WRITE |= _MAKE_SYM | _TRUNCATE
_OF_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract Unix sockets, signals


def version() -> int:
    """The version of this kernel's Landlock.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG, what="Landlock")


def restrict(
    readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], *, ioctl: bool
) -> None:
    """Take from this process, for good, all access to files but this; and TCP; and signals.

    Args:
        readable: folders and files to read.
        writable: folders to write in.
        devices: to open for reading and writing.
        ioctl: whether the devices may be controlled.

    Raises:
        OSError: this kernel has no Landlock.
    """
    abi = version()
    files = _FIRST_RIGHTS
    files |= _REFER * (abi >= 2) | _TRUNCATE * (abi >= 3) | _IOCTL_DEV * (abi >= 5)
    attributes = struct.pack("=QQQ", files, _TCP * (abi >= 4), _SCOPES * (abi >= 6))
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = syscall(_CREATE_RULESET, attributes[:size], size, 0, what="Landlock")
    try:
        for path in readable:
            _allow(ruleset, path, _READ & files)
        for path in writable:
            _allow(ruleset, path, _WRITE & files)
        for path in devices:
            _allow(ruleset, path, (_DEVICE | (_IOCTL_DEV if ioctl else 0)) & files)
        syscall(_RESTRICT_SELF, ruleset, 0, what="Landlock")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be allowed
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        beneath = struct.pack("=Qi", rights, fd)
        syscall(_ADD_RULE, ruleset, _PATH_BENEATH, beneath, 0, what="Landlock")
    finally:
        os.close(fd)
