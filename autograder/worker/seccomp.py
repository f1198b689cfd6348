"""The system calls that a worker may make: those of a computation, and no others.

A list of what is allowed, because what is dangerous grows with every kernel. Left out on purpose:
everything that starts a process or a program, makes a socket, signals or traces others, mounts,
locks memory or makes memory that no limit counts (``memfd``, shared memory), and all of io_uring,
bpf, keys, perf, userfaultfd. A refused call fails with EPERM, which Python raises as
PermissionError, so that a student learns what went wrong.

The filter is classic BPF as in ``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct

from autograder.worker import syscalls
from autograder.worker.kernel import PR_SET_SECCOMP, architecture, prctl

Code = list[tuple[int, int, int, int]]  # (operation, jump if true, jump if false, operand)

_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_MODE_FILTER = 2
_INSTRUCTION = "=HBBI"
_ANY_PID = 0x6E756D62  # stands for the process's number in a filter that is prepared

# Offsets in `struct seccomp_data`, for the little-endian machines that we know.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000  # x86_64: the same calls by other numbers
_UNKNOWN = 450  # calls younger than our list do not exist: libraries then use older ones

_ACCESS_MODE, _CREATE, _TRUNCATE = 0x3, 0x40, 0x200  # of open()
_PROT_WRITE, _MAP_SHARED, _MAP_ANONYMOUS = 0x2, 0x1, 0x20
_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020080  # every namespace, time's too
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_SIGNALLING = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
_PIPE_SIZE = 1031  # F_SETPIPE_SZ: memory of the kernel's
# FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ
_CONTROLS = (0x541B, 0x5421, 0x5451, 0x5450, 0x5401, 0x5413)
_INJECTING = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into somebody's terminal
# Names of threads and memory, and questions.
_PROCESS_CONTROLS = (15, 16, 0x53564D41, 2, 3, 21, 39)


def restrict(pid: int, *, writing: str, cuda: bool) -> None:
    """Install the filter in this process, for good.

    Args:
        pid: this process's own number.
        writing: ``"tmp"`` where all that is writable is a private folder; ``"devices"`` where
            Landlock decides what may be opened for writing; ``"nothing"`` where nothing else does.
        cuda: whether a GPU's driver must work.

    Raises:
        OSError: this kernel has no seccomp filters, or this architecture is not known.
    """
    raw = prepared(writing=writing, cuda=cuda).replace(_number(_ANY_PID), _number(pid))
    buffer = ctypes.create_string_buffer(raw)
    size = len(raw) // struct.calcsize(_INSTRUCTION)
    header = ctypes.create_string_buffer(struct.pack("@HP", size, ctypes.addressof(buffer)))
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))


@functools.cache
def prepared(*, writing: str, cuda: bool) -> bytes:
    """The filter, but for the number of the process: asked before the fork, it costs nothing after.

    Raises:
        OSError: this architecture is not known.
    """
    code = program(architecture(), _ANY_PID, writing=writing, cuda=cuda)
    return b"".join(struct.pack(_INSTRUCTION, *instruction) for instruction in code)


def program(architecture: str, pid: int, *, writing: str, cuda: bool) -> Code:
    """The filter's instructions; see `restrict`."""
    rules = _rules(pid, writing=writing, cuda=cuda)
    special = syscalls.numbers("by arguments", architecture)
    plain = syscalls.numbers("always", architecture)
    if writing == "tmp":
        plain |= syscalls.numbers("writing", architecture)
    if cuda:
        plain |= syscalls.numbers("cuda", architecture)
    code: Code = [(_LOAD, 0, 0, _ARCHITECTURE)]
    code += [*_if(_EQUAL, _AUDIT[architecture], [(_LOAD, 0, 0, _NUMBER)], _end(_KILL))]
    code += _if(_AT_LEAST, _X32, _end(_KILL))
    code += _if(_AT_LEAST, _UNKNOWN, _fail(errno.ENOSYS))
    for number in plain.values():
        code += _if(_EQUAL, number, _end(_ALLOW))
    for name, number in special.items():
        code += _if(_EQUAL, number, rules[name])
    return code + _fail(errno.EPERM)


def _rules(pid: int, *, writing: str, cuda: bool) -> dict[str, Code]:
    """What decides about calls whose arguments matter; each ends in an answer."""
    allow, refuse = _end(_ALLOW), _fail(errno.EPERM)
    own = [*_argument(0), *_among((pid,), allow), *refuse]
    absent, no_attributes = _fail(errno.ENOSYS), _fail(errno.ENOTSUP)
    controls = _CONTROLS if not cuda else ()
    rules = {
        "open": _opening(1, writing),
        "openat": _opening(2, writing),
        "openat2": absent,  # its flags cannot be read here
        # Threads, yes; processes and namespaces, no. The flags of clone3 cannot be read here; the
        # C library takes clone where it is absent.
        "clone": [
            *_argument(0),
            *_if(_ANY_BIT, _CLONE_NEW, refuse),
            *_if(_ANY_BIT, _CLONE_THREAD, allow),
            *refuse,
        ],
        "clone3": absent,
        "fcntl": [*_argument(1), *_among((*_SIGNALLING, _PIPE_SIZE), refuse), *allow],
        "ioctl": [*_argument(1), *_among(controls, allow), *_fail(errno.ENOTTY)],
        "kill": own,
        "tgkill": own,
        "prctl": [*_argument(0), *_among(_PROCESS_CONTROLS, allow), *refuse],
        # Asking for one's own limits, not setting them.
        "prlimit64": [*_none(2, refuse), *_argument(0), *_among((0, pid), allow), *refuse],
        "sched_setaffinity": [*_argument(0), *_among((0,), allow), *refuse],
        # What asyncio wakes itself with. Datagrams could be sent to anybody by name.
        "socketpair": [
            *_argument(0),
            *_if(_EQUAL, _AF_UNIX, [], refuse),
            *_argument(1),
            (_AND, 0, 0, _SOCK_TYPE),
            *_among((_SOCK_STREAM,), allow),
            *refuse,
        ],
        "sendto": [*_none(4, refuse), *allow],
        "mmap": [
            *_argument(3),
            *_if(_ANY_BIT, _MAP_SHARED, [], allow),
            *_if(_ANY_BIT, _MAP_ANONYMOUS, refuse),
            *_argument(2),
            *_if(_ANY_BIT, _PROT_WRITE, refuse),
            *allow,
        ],
    }
    if cuda:
        rules["mmap"] = allow
        rules["ioctl"] = [*_argument(1), *_among(_INJECTING, refuse), *allow]
    for name in ("listxattr", "llistxattr", "flistxattr", "getxattr", "lgetxattr", "fgetxattr"):
        rules[name] = no_attributes  # as on many file systems; shutil goes on without
    return rules


def _opening(flags: int, writing: str) -> Code:
    """Landlock's first versions do not know truncation: reading does not need it."""
    refuse = _fail(errno.EROFS)
    if writing == "nothing":
        changes = _ACCESS_MODE | _CREATE | _TRUNCATE
        return [*_argument(flags), *_if(_ANY_BIT, changes, refuse), *_end(_ALLOW)]
    return [
        *_argument(flags),
        (_AND, 0, 0, _ACCESS_MODE | _TRUNCATE),
        *_among((_TRUNCATE, _ACCESS_MODE, _ACCESS_MODE | _TRUNCATE), refuse),
        *_end(_ALLOW),
    ]


def _argument(position: int, *, high: bool = False) -> Code:
    """Load half of an argument."""
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * position + 4 * high)]


def _none(position: int, otherwise: Code) -> Code:
    """Go on if this argument is a null pointer."""
    low, high = _argument(position), _argument(position, high=True)
    return [*low, *_if(_EQUAL, 0, [], otherwise), *high, *_if(_EQUAL, 0, [], otherwise)]


def _among(values: tuple[int, ...], then: Code) -> Code:
    """If what is loaded is one of these values."""
    return [instruction for value in values for instruction in _if(_EQUAL, value, then)]


def _if(test: int, operand: int, then: Code, otherwise: Code | None = None) -> Code:
    """A branch: where the test fails, `otherwise`, which ends in an answer, or what comes next."""
    if otherwise is None:
        return [(test, 0, len(then), operand), *then]
    return [(test, len(otherwise), 0, operand), *otherwise, *then]


def _number(value: int) -> bytes:
    return struct.pack("=I", value)


def _end(answer: int) -> Code:
    return [(_RETURN, 0, 0, answer)]


def _fail(number: int) -> Code:
    return _end(_ERROR | number)
