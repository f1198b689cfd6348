"""The seccomp filter, run on paper: also for the architecture that this machine does not have."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from autograder.worker import syscalls
from autograder.worker.seccomp import Code, program

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, ERROR, KILL = 0x7FFF0000, 0x50000, 0x80000000
GROUPS = ("always", "writing", "cuda", "by arguments")


def answer(code: Code, architecture: int, number: int, *arguments: int) -> int:
    """What a filter says to a call; the kernel's classic BPF, as far as it is used."""
    words = {0: number, 4: architecture}
    for position in range(6):
        value = arguments[position] if position < len(arguments) else 0
        words[16 + 8 * position] = value & 0xFFFFFFFF
        words[20 + 8 * position] = value >> 32 & 0xFFFFFFFF
    at, loaded = 0, 0
    while True:
        operation, if_true, if_false, operand = code[at]
        assert max(if_true, if_false) < 256, "a jump that does not fit"
        at += 1
        match operation:
            case 0x06:
                return operand
            case 0x20:
                loaded = words[operand]
            case 0x54:
                loaded &= operand
            case 0x15:
                at += if_true if loaded == operand else if_false
            case 0x35:
                at += if_true if loaded >= operand else if_false
            case 0x45:
                at += if_true if loaded & operand else if_false
            case _:
                pytest.fail(f"an unknown operation {operation}")


@pytest.fixture(params=ARCHITECTURES)
def asked(request: pytest.FixtureRequest):
    """Asks the filter of one architecture about a call, by name; pid 7."""
    name: str = request.param
    numbers = {n: k for group in GROUPS for n, k in syscalls.numbers(group, name).items()}

    def ask(call: str | int, *arguments: int, writing: str = "tmp", cuda: bool = False) -> int:
        code = program(name, 7, writing=writing, cuda=cuda)
        number = numbers[call] if isinstance(call, str) else call
        said = answer(code, ARCHITECTURES[name], number, *arguments)
        return 0 if said == ALLOW else said - ERROR if said != KILL else -1

    return ask


def test_a_computation_is_allowed(asked) -> None:
    for call in ("read", "write", "munmap", "futex", "clock_gettime", "exit_group"):
        assert asked(call) == 0


def test_another_architecture_and_its_numbers_are_killed() -> None:
    code = program("x86_64", 7, writing="tmp", cuda=False)
    assert answer(code, 0x40000003, 0) == KILL  # 32 bit
    assert answer(code, ARCHITECTURES["x86_64"], 0x40000000) == KILL  # x32


def test_threads_yes_processes_and_namespaces_no(asked) -> None:
    thread = 0x00010000 | 0x800 | 0x100
    assert asked("clone", thread) == 0
    assert asked("clone", 17) == errno.EPERM  # fork
    assert asked("clone", 0x4000 | 0x100 | 17) == errno.EPERM  # vfork
    assert asked("clone", thread | 0x10000000) == errno.EPERM
    assert asked("clone3") == errno.ENOSYS


def test_only_itself_is_signalled(asked) -> None:
    for call in ("kill", "tgkill"):
        assert asked(call, 7) == 0
        for other in (1, 8, 0, 0xFFFFFFFF, -1):
            assert asked(call, other) == errno.EPERM


def test_memory_is_mapped_but_not_shared(asked) -> None:
    private, shared, anonymous = 2, 1, 0x20
    assert asked("mmap", 0, 4096, 3, private | anonymous) == 0
    assert asked("mmap", 0, 4096, 1, shared) == 0  # a file, to read
    assert asked("mmap", 0, 4096, 3, shared) == errno.EPERM
    assert asked("mmap", 0, 4096, 1, shared | anonymous) == errno.EPERM
    assert asked("mmap", 0, 4096, 3, shared | anonymous, cuda=True) == 0


def test_sockets_are_pairs_of_streams(asked) -> None:
    assert asked("socketpair", 1, 1 | 0o2000000) == 0
    assert asked("socketpair", 1, 2) == errno.EPERM
    assert asked("socketpair", 2, 1) == errno.EPERM
    assert asked("sendto", 3, 1, 1, 0, 0) == 0
    for address in (4096, 1 << 40):
        assert asked("sendto", 3, 1, 1, 0, address) == errno.EPERM


def test_sockets_keep_their_size_and_run_no_program_of_the_students(asked) -> None:
    for number in (54, 208):  # setsockopt; on the other architecture, something that is not allowed
        assert asked(number) == errno.EPERM


def test_limits_are_read_and_not_set(asked) -> None:
    assert asked("prlimit64", 0, 7, 0) == 0
    assert asked("prlimit64", 7, 7, 0) == 0
    assert asked("prlimit64", 1, 7, 0) == errno.EPERM
    for new in (4096, 1 << 40):
        assert asked("prlimit64", 0, 7, new) == errno.EPERM


@pytest.mark.parametrize(
    ("flags", "tmp", "devices", "nothing"),
    [
        (0, 0, 0, 0),
        (0x1 | 0x40 | 0x200, 0, 0, errno.EROFS),  # what open(..., "w") asks for
        (0x200, errno.EROFS, errno.EROFS, errno.EROFS),  # truncating what is opened to be read
        (0x3, errno.EROFS, errno.EROFS, errno.EROFS),
    ],
)
def test_opening_is_left_to_landlock_or_only_for_reading(
    asked, flags: int, tmp: int, devices: int, nothing: int
) -> None:
    expected = {"tmp": tmp, "devices": devices, "nothing": nothing}
    for writing, result in expected.items():
        assert asked("openat", 0, 0, flags, writing=writing) == result


def test_names_and_modes_are_changed_in_a_private_tmp_only(asked) -> None:
    for call in ("unlinkat", "mkdirat", "fchmodat", "utimensat", "truncate"):
        assert asked(call) == 0
        assert asked(call, writing="devices") == errno.EPERM


def test_devices_are_controlled_with_a_gpu_only(asked) -> None:
    nvidia, into_a_terminal = 0xC020462A, 0x5412
    assert asked("ioctl", 0, nvidia) == errno.ENOTTY
    assert asked("ioctl", 0, nvidia, cuda=True) == 0
    assert asked("ioctl", 0, into_a_terminal, cuda=True) == errno.EPERM
    assert asked("ioctl", 0, 0x5421) == 0  # FIONBIO


def test_calls_that_are_not_known_yet_do_not_exist(asked) -> None:
    assert asked(460) == errno.ENOSYS
    assert asked(446) == errno.EPERM


@pytest.mark.parametrize(
    ("architecture", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_the_kernels(architecture: str, header: str) -> None:
    if not Path(header).is_file():
        pytest.skip(f"{header} is not installed")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    known.setdefault("newfstatat", known.get("fstatat", ""))
    for group in GROUPS:
        for name, number in syscalls.numbers(group, architecture).items():
            assert int(known[name]) == number, name
