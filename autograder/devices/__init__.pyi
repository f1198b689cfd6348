from .cuda import OUT_OF_MEMORY, compute_exactly, gpu_trouble, start_cuda, visible_gpus
from .detection import available, detected, device_meant, gpus_for, likely_profile
from .device import (
    CPU,
    CUDA,
    DEVICES,
    SIMULATED,
    VISIBLE,
    Device,
    DeviceError,
    noted_files,
    the_simulation,
)
from .dispatch import DispatchMode
from .machine import Finding, can_fork, machine_findings, usable_cores
from .notes import Note
from .selftest import simulation_works
from .tags import device_of, placed, unseen

__all__ = [
    "CPU",
    "CUDA",
    "DEVICES",
    "OUT_OF_MEMORY",
    "SIMULATED",
    "VISIBLE",
    "Device",
    "DeviceError",
    "DispatchMode",
    "Finding",
    "Note",
    "available",
    "can_fork",
    "compute_exactly",
    "detected",
    "device_meant",
    "device_of",
    "gpu_trouble",
    "gpus_for",
    "likely_profile",
    "machine_findings",
    "noted_files",
    "placed",
    "simulation_works",
    "start_cuda",
    "the_simulation",
    "unseen",
    "usable_cores",
    "visible_gpus",
]
