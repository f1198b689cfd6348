"""What of torch is not a function of tensors, and is replaced while a simulation is on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from autograder.devices.generators import Generator
from autograder.devices.state import Machine
from autograder.devices.tags import CPU

Patch = tuple[Any, str, Any]
"""An object, the name of its attribute, and what it has for it."""


def replacements(machine: Machine) -> list[Patch]:
    """What to put where, for a machine."""
    patches: list[Patch] = [
        (torch, "Generator", Generator),
        (torch, "set_default_device", _set_default_device(machine)),
        (torch, "get_default_device", _get_default_device(machine, torch.get_default_device)),
        (torch.autograd, _ENGINE, _shown(machine, getattr(torch.autograd, _ENGINE))),
    ]
    patches += [(torch.cuda, name, new) for name, new in _cuda(machine).items()]
    patches += [(torch.accelerator, name, new) for name, new in _accelerator(machine).items()]
    # Old releases of torch lack some of these.
    return [patch for patch in patches if hasattr(patch[0], patch[1])]


def exchange(patches: list[Patch]) -> list[Patch]:
    """Put the attributes in place.

    Returns:
        What was there, in reverse order.
    """
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, new in patches:
        setattr(owner, name, new)
    return before[::-1]


def _cuda(machine: Machine) -> dict[str, Callable[..., Any]]:
    def index_of(device: Any) -> int:
        index: int = machine.resolve("cuda" if device is None else device).index
        return index

    def select(device: Any) -> int:
        before = machine.current
        if not isinstance(device, int) or device >= 0:
            machine.current = index_of(device)
        return before

    def set_device(device: Any) -> None:
        select(device)

    def properties(device: Any = None) -> Any:
        index_of(device)
        return SimpleNamespace(name=_NAME, major=8, minor=0, total_memory=_MEMORY)

    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: machine.devices,
        "current_device": lambda: machine.current,
        "set_device": set_device,
        "_exchange_device": select,
        "_maybe_exchange_device": select,
        "get_device_name": lambda device=None: _NAME,
        "get_device_capability": lambda device=None: (8, 0),
        "get_device_properties": properties,
        "mem_get_info": lambda device=None: (_MEMORY, _MEMORY),
        "get_rng_state": lambda device="cuda": torch.get_rng_state(),
        "get_rng_state_all": lambda: [torch.get_rng_state()] * machine.devices,
        "is_current_stream_capturing": lambda: False,
        "Event": lambda **options: _PAST,
        "current_stream": lambda device=None: _IDLE,
        **{name: _constant(0) for name in _COUNTS},
        **{name: _constant(None) for name in _NOTHING},
    }


_ENGINE = "_engine_run_backward"
_NAME = "CUDA (simulated)"
_IDLE = SimpleNamespace(is_capturing=lambda: False, query=lambda: True, synchronize=lambda: None)
"""A stream in which nothing waits."""
_PAST = SimpleNamespace(
    record=lambda stream=None: None,
    wait=lambda stream=None: None,
    synchronize=lambda: None,
    query=lambda: True,
    elapsed_time=lambda other: 0.0,
)
"""An event that has happened."""
_MEMORY = 8 << 30
_COUNTS = ("memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved")
_NOTHING = (
    "init",
    "synchronize",
    "empty_cache",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
    "reset_peak_memory_stats",
)


def _constant(value: Any) -> Callable[..., Any]:
    """A function of its own for each name: torch._dynamo, if imported now, insists on it."""
    return lambda *args, **kwargs: value


def _accelerator(machine: Machine) -> dict[str, Callable[..., Any]]:
    return {
        "is_available": lambda: True,
        "device_count": lambda: machine.devices,
        "current_accelerator": lambda check_available=False: torch.device("cuda"),
        "current_device_index": lambda: machine.current,
        "current_stream": lambda device=None: _IDLE,
        "synchronize": lambda device=None: None,
    }


def _set_default_device(machine: Machine) -> Callable[[Any], None]:
    def set_default_device(device: Any) -> None:
        machine.default = None if device is None else machine.resolve(device)

    return set_default_device


def _get_default_device(
    machine: Machine, original: Callable[[], torch.device]
) -> Callable[[], torch.device]:
    def get_default_device() -> torch.device:
        inner = original()  # of ``with torch.device(...)``
        return machine.default_device() if inner == CPU else machine.resolve(inner)

    return get_default_device


def _shown(machine: Machine, run: Callable[..., Any]) -> Callable[..., Any]:
    """A run of autograd's engine, in which hooks and backward functions of the student's run."""

    def run_backward(*args: Any, **kwargs: Any) -> Any:
        with machine.student_code():
            return run(*args, **kwargs)

    return run_backward
