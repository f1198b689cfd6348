"""What this machine offers, for `autograder doctor`."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass

from autograder.devices.detection import detected
from autograder.devices.device import CUDA, SIMULATED


@dataclass(frozen=True)
class Finding:
    """One thing the machine has or lacks.

    Attributes:
        what: the thing.
        there: whether it is there.
        detail: its version or form.
        missing: what its absence means and what to do, in one sentence.
    """

    what: str
    there: bool
    detail: str = ""
    missing: str = ""


def machine_findings() -> list[Finding]:
    """Everything that decides how grading works here, but for how students' code is confined."""
    return [
        Finding(
            "Python",
            sys.version_info >= (3, 11),
            platform.python_version(),
            "Handgrad needs Python 3.11 or newer: install it and make the environment again.",
        ),
        Finding("platform", True, f"{platform.system()} {platform.machine()}"),
        *(_library(name, why) for name, why in _LIBRARIES.items()),
        Finding(
            "fork",
            can_fork(),
            "workers are forked from a prepared process (about 10 ms each)",
            "Workers are started one by one here (about 2 s each).",
        ),
        *_devices(),
    ]


def _devices() -> list[Finding]:
    """What tests run on here, and why."""
    found = detected()
    used = f"tests run on {' and '.join(found.devices)}"
    gpu = Finding("GPU", CUDA.name in found.devices, found.why, found.why)
    if CUDA.name in found.devices:
        return [Finding("devices", True, used), gpu]
    simulated = Finding(
        SIMULATED.name,
        SIMULATED.name in found.devices,
        "the values are computed on the CPU, and tensors that meet on different devices are an "
        "error, as on a GPU; it is not a CUDA pass",
        "Tests run on the CPU only.",
    )
    return [Finding("devices", True, used), gpu, simulated]


_LIBRARIES = {
    "torch": "Nothing works without it: pip install handgrad.",
    "numpy": "Nothing works without it: pip install handgrad.",
    "pytest": "Nothing works without it: pip install handgrad.",
    "hypothesis": "Nothing works without it: pip install handgrad.",
    "nbformat": "Releases cannot be made: pip install 'handgrad[instructor]'.",
    "hatchling": "A release cannot carry the tool: pip install 'handgrad[instructor]'.",
}


def _library(name: str, why: str) -> Finding:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "", why)
    return Finding(name, True, version)


def can_fork() -> bool:
    """Whether workers may be forked: on Linux. macOS forks, but its libraries do not survive it."""
    return sys.platform == "linux"


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
