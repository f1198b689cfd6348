"""Which devices this machine has, found out without touching CUDA in this process.

A process in which CUDA was initialised cannot fork any more, and asking PyTorch whether there is a
GPU may initialise it. So the driver is looked for in the file system, PyTorch's build is read from
its files, and only if both are there a process of its own tries to compute something.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

from autograder.devices.device import CPU, CUDA, DEVICES, SIMULATED, VISIBLE, Device, DeviceError

CUDA_BUILD = "https://download.pytorch.org/whl/cu130"

_DRIVER_FILES = (
    "/dev/nvidia0",
    "/proc/driver/nvidia/version",
    "/usr/lib/wsl/lib/libcuda.so.1",  # Linux under Windows
)
_TRY_SECONDS = 120.0
_TRY = """
import sys, torch
try:
    x = torch.ones(2, 2, device="cuda:0")
    right = (x @ x).sum().item() == 8
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}".splitlines()[0])
if not right:
    sys.exit("it computes 2 x 2 ones wrongly")
print(torch.cuda.device_count(), torch.cuda.get_device_name(0))
"""


@dataclass(frozen=True)
class Detected:
    """What was found.

    Attributes:
        devices: the names of the devices to grade on.
        why: a sentence: why there is a second device of this kind, or none.
        gpus: how many GPUs can be graded on.
    """

    devices: tuple[str, ...]
    why: str
    gpus: int = 0


@dataclass(frozen=True)
class Trial:
    """What came of computing on the GPU.

    Attributes:
        name: of the GPU; empty if it did not work.
        count: how many there are.
        fault: why not.
    """

    name: str = ""
    count: int = 0
    fault: str = ""


@functools.cache
def detected() -> Detected:
    """What this machine has. Asked once; takes seconds where there is a GPU."""
    return decide(has_driver(), cuda_build(), try_cuda, simulation_fault)


def decide(
    driver: bool,
    build: str,
    attempt: Callable[[], Trial],
    fault: Callable[[], str],
) -> Detected:
    """Choose the devices.

    Args:
        driver: whether there is an NVIDIA driver.
        build: the CUDA version that this torch is built for; empty for none.
        attempt: computes on the GPU; called only if both are there.
        fault: why the simulated device cannot be used, or nothing; called only if it is needed.
    """
    if driver and build:
        trial = attempt()
        if trial.name:
            many = f"{trial.count} GPUs, the first a " if trial.count > 1 else ""
            why = f"{many}{trial.name}, CUDA {build}."
            return Detected((CPU.name, CUDA.name), why, trial.count)
        why = f"There is an NVIDIA driver, but torch cannot compute on a GPU ({trial.fault})."
    elif driver:
        why = (
            "There is an NVIDIA GPU, but this torch is built without CUDA. To grade on it: "
            f"pip install torch=={_release()} --index-url {CUDA_BUILD}."
        )
    else:
        why = "No NVIDIA GPU is visible here."
    broken = fault()
    if broken:
        return Detected((CPU.name,), f"{why} The simulated device is off, too: {broken}")
    return Detected((CPU.name, SIMULATED.name), why)


def available() -> list[str]:
    """The names of the devices that submissions are graded on here."""
    return list(detected().devices)


def device_meant(name: str, found: Detected | None = None) -> Device:
    """The device that somebody means.

    Args:
        name: ``cpu``; ``cuda``: the real one if there is one, otherwise the simulated one;
            ``simulated`` or ``cuda (simulated)``.
        found: what there is; None for this machine's.

    Raises:
        DeviceError: there is none.
    """
    word = name.strip().lower()
    if word == "simulated":
        word = SIMULATED.name
    if word == CPU.name:
        return CPU
    found = found or detected()
    if word == CUDA.name and CUDA.name not in found.devices:
        word = SIMULATED.name
    if word == SIMULATED.name and (SIMULATED.name in found.devices or not simulation_fault()):
        return SIMULATED
    if word in found.devices:
        return DEVICES[word]
    if word in DEVICES:
        raise DeviceError(f"There is no device {name!r} here. {found.why}")
    raise DeviceError(
        f"There is no device {name!r}. Say cpu, cuda (it is simulated where there is no GPU) or "
        "simulated."
    )


def has_driver() -> bool:
    """Whether an NVIDIA driver is installed and shows a device, by its files."""
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll").exists()
    return any(map(os.path.exists, _DRIVER_FILES))


def cuda_build() -> str:
    """The CUDA version that the installed torch is built for, without importing it."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return ""
    try:
        text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return ""
    named = re.search(r"^cuda\b[^=]*=\s*['\"]([\d.]+)['\"]", text, re.MULTILINE)
    return named[1] if named else ""


def likely_profile() -> str:
    """How workers are confined that are started before it is tried whether there is a GPU.

    Returns:
        ``"cuda"`` where there may be one, otherwise ``"cpu"``.
    """
    return "cuda" if has_driver() and cuda_build() else "cpu"


def try_cuda() -> Trial:
    """Compute something on the GPU, in a process that ends afterwards."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRY],
            capture_output=True,
            text=True,
            timeout=_TRY_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Trial(fault=f"{type(error).__name__}")
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1][:300] if said else f"exit code {done.returncode}"
    count, _, name = last.partition(" ")
    if done.returncode == 0 and count.isdigit() and name:
        return Trial(name, int(count))
    return Trial(fault=last)


def gpus_for(devices: Sequence[str], wanted: int) -> list[str]:
    """The GPUs to grade on, one for each grading process; none if nothing is graded on a GPU.

    Raises:
        DeviceError: there are fewer than wanted.
    """
    found = detected()
    there = found.gpus if CUDA.name in devices else 0
    if wanted > max(there, 1):
        why = found.why
        if CUDA.name in found.devices and CUDA.name not in devices:
            why = f"Grading is on {' and '.join(devices)}: add --device cuda, or leave --gpus out."
        raise DeviceError(
            f"--gpus {wanted}: {there or 'no'} GPU{'s' * (there != 1)} can be used here. {why}"
        )
    return gpu_names(there)[:wanted]


def gpu_names(count: int) -> list[str]:
    """What CUDA_VISIBLE_DEVICES says for a process that may use one GPU only, for each.

    Args:
        count: how many GPUs this process could use.
    """
    shown = os.environ.get(VISIBLE, "")
    names = [name.strip() for name in shown.split(",") if name.strip()]
    return names[:count] or [str(number) for number in range(count)]


def simulation_fault() -> str:
    """Why the simulated device cannot be used with this torch; empty if it can.

    Found out once for each torch and each version of the simulation, and kept: importing torch
    takes longer than everything else that most commands do.
    """
    kept = Path(user_cache_dir("handgrad"), f"simulation-{_simulation_version()}.txt")
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, ValueError):
        pass
    from autograder.devices.selftest import simulation_works

    fault = simulation_works()
    with contextlib.suppress(OSError):  # then it is found out again
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = kept.with_suffix(f".{os.getpid()}")
        scratch.write_text(fault, encoding="utf-8")
        scratch.replace(kept)
    return fault


def _simulation_version() -> str:
    """Changes with everything that the self-test depends on."""
    digest = hashlib.sha256(f"{sys.version} {importlib.metadata.version('torch')}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _release() -> str:
    """The installed release of torch, without the name of its build."""
    try:
        return importlib.metadata.version("torch").partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""
