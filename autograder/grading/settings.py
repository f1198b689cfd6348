"""What grading depends on besides course and submission."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.course import Course, CourseError, Policy, Unit, read_release
from autograder.devices import detected, device_meant
from autograder.worker import levels


@dataclass(frozen=True)
class Settings:
    """How to grade.

    Attributes:
        seed: of the tests' inputs.
        devices: to test on, by name.
        devices_why: a sentence about the second of them, or why there is none.
        call_seconds: the deadline of one call.
        submission_seconds: the time for one unit of one submission.
        memory_mb: for a worker, beyond what torch needs.
        exercises: only these; empty for all.
        hidden: whether hidden tests count too; False on a student's machine.
        smaller: whether to look for the smallest input that a failing test fails on.
        carry_forward: whether an exercise that builds on a wrong one is graded with ours in its
            place, too.
        require: how well a student's code must be confined, one of `levels.LEVELS`.
    """

    seed: int
    devices: tuple[str, ...]
    call_seconds: float
    submission_seconds: float
    memory_mb: int
    exercises: tuple[str, ...] = ()
    hidden: bool = True
    smaller: bool = True
    require: str = levels.DEFAULT_LEVEL
    devices_why: str = ""
    carry_forward: bool = True

    @classmethod
    def of(cls, policy: Policy, devices: Sequence[str]) -> Settings:
        """What the course's policy says."""
        return cls(
            seed=policy.seed,
            devices=tuple(devices),
            call_seconds=policy.call_seconds,
            submission_seconds=policy.submission_seconds,
            memory_mb=policy.memory_mb,
            carry_forward=policy.carry_forward,
        )


def settings_here(policy: Policy, named: Sequence[str] = ()) -> Settings:
    """What the course's policy says, on the devices of this machine.

    Args:
        policy: of the course.
        named: the devices that somebody wants; none for all that there are.

    Raises:
        DeviceError: there is no such device here.
    """
    if named:
        return Settings.of(policy, list(dict.fromkeys(device_meant(name).name for name in named)))
    found = detected()
    return replace(Settings.of(policy, found.devices), devices_why=found.why)


def fingerprint(unit: Unit, settings: Settings) -> str:
    """A short hash of everything in the course that a grade of this unit depends on."""
    digest = hashlib.sha256(importlib.metadata.version("handgrad").encode())
    digest.update(_files(unit))
    digest.update(repr(replace(settings, devices_why="")).encode())
    return digest.hexdigest()[:16]


def _files(unit: Unit) -> bytes:
    """A unit's files, names included; but not what draws its figures, which grades nothing."""
    paths = sorted(path for path in unit.folder.glob("*.py") if path.name != "figures.py")
    return b"".join(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in paths)


def worker_seed(unit: Unit, settings: Settings) -> int:
    """What the random numbers of a unit's workers begin with: the same for every submission.

    A student's code can read it, so nobody must come from it to the course's seed: not by trying
    out small ones either, as the unit's files are in it.
    """
    digest = hashlib.blake2b(repr(settings.seed).encode(), digest_size=8, person=b"workers")
    digest.update(_files(unit))
    return int.from_bytes(digest.digest(), "big") >> 1


def release_version(course: Course) -> str:
    """The version of the release that students have; empty if nothing was released yet."""
    folder = course.root / "assignments" if course.kind == "staff" else course.root
    try:
        return read_release(Path(folder)).version
    except CourseError:
        return ""
