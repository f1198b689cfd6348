"""Run a command as on another machine: ``python machines.py WORD... -- COMMAND...``.

The words take things away before the command is started:

    container     what Docker's default profile denies: namespaces, mounts; as root also the
                  capabilities that Docker drops
    no-landlock   a kernel without Landlock
    plain         another user than root (from root)
    shared-python every user can read the interpreter, also if it lies in root's home, of which
                  nothing else is there then; goes without saying for the plain user
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
NEW_NAMESPACES = 0x7E020080
DENIED = {  # mount, umount2, pivot_root, unshare, setns; the rest have these numbers everywhere
    "x86_64": [165, 166, 155, 272, 308],
    "aarch64": [40, 39, 41, 97, 268],
}
NEW_MOUNTS = [428, 429, 430, 431, 432, 433, 442]
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3, LANDLOCK = 435, [444, 445, 446]
# What Docker leaves to root: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
# net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
LEFT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}


def check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def deny(numbers: list[int], *, clone: bool) -> None:
    """Install a seccomp filter that refuses these calls with EPERM."""
    program = [(0x20, 0, 0, 0)]
    for number in numbers:
        program += [(0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | errno.EPERM)]
    if clone:
        program += [(0x15, 0, 1, CLONE3), (0x06, 0, 0, 0x50000 | errno.ENOSYS)]
        program += [(0x15, 0, 3, CLONE[platform.machine()]), (0x20, 0, 0, 16)]
        program += [(0x45, 0, 1, NEW_NAMESPACES), (0x06, 0, 0, 0x50000 | errno.EPERM)]
    program += [(0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *i) for i in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    check(LIBC.prctl(38, 1, 0, 0, 0))
    check(LIBC.prctl(22, 2, ctypes.byref(header), 0, 0))


def drop_what_docker_drops() -> None:
    for capability in range(41):
        if capability not in LEFT:
            LIBC.prctl(24, capability, 0, 0, 0)


def share_python() -> None:
    home = os.path.expanduser("~root")
    base = os.path.realpath(sys.base_prefix)
    if base.startswith(f"{home}/") and not os.stat(home).st_mode & 1:
        check(LIBC.unshare(CLONE_NEWNS))
        check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
        held = os.open(base, os.O_PATH)
        check(LIBC.mount(b"tmpfs", home.encode(), b"tmpfs", 0, b"mode=755"))
        os.makedirs(base)
        here = f"/proc/self/fd/{held}".encode()
        check(LIBC.mount(here, base.encode(), None, MS_BIND | MS_REC, None))


def become_plain() -> None:
    os.setgroups([])
    os.setresgid(12345, 12345, 12345)
    os.setresuid(12345, 12345, 12345)


def main(words: list[str], command: list[str]) -> None:
    if os.geteuid() == 0 and {"plain", "shared-python"} & {*words}:
        share_python()
    if "plain" in words and os.geteuid() == 0:
        become_plain()
    elif "container" in words:
        drop_what_docker_drops()
    numbers: list[int] = []
    if "container" in words:
        numbers += DENIED[platform.machine()] + NEW_MOUNTS
    if "no-landlock" in words:
        numbers += LANDLOCK
    if numbers:
        deny(numbers, clone="container" in words)
    os.execv(command[0], command)


if __name__ == "__main__":
    at = sys.argv.index("--")
    main(sys.argv[1:at], sys.argv[at + 1 :])
