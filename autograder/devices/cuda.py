"""What a process does to compute on a real GPU, and what the GPU's failures are called.

On both sides of a comparison float32 is computed as float32: TF32 has 10 bits of mantissa, which
no tolerance that catches mistakes would allow for.
"""

from __future__ import annotations

import os
from typing import Final, Literal

import torch

from autograder.devices.device import CUDA, VISIBLE

# What decides which GPUs a process sees, and how the driver numbers them.
_VARIABLES = (VISIBLE, "CUDA_DEVICE_ORDER")

OUT_OF_MEMORY: Final = "out of memory"
FAILURE: Final = "device failure"
Trouble = Literal["", "out of memory", "device failure"]


def visible_gpus() -> dict[str, str]:
    """The part of the environment that says which GPUs this process may use."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def compute_exactly() -> None:
    """No TF32, and the same algorithm every time. Touches no GPU."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def start_cuda(shown: dict[str, str]) -> None:
    """Make this process's CUDA context and load what first use loads: seconds, once.

    Args:
        shown: what `visible_gpus` said before the environment was emptied.
    """
    os.environ.update(shown)
    compute_exactly()
    x = torch.ones(8, 8, device=CUDA.place)
    images, kernels = x.view(1, 1, 8, 8), torch.ones(1, 1, 3, 3, device=CUDA.place)
    (x @ x).sum().item()
    torch.nn.functional.conv2d(images, kernels).sum().item()
    torch.cuda.synchronize()


def gpu_trouble(kind: str, message: str) -> Trouble:
    """What an exception says about the GPU.

    Args:
        kind: the exception's type, by name.
        message: its text.

    Returns:
        ``"out of memory"``; ``"device failure"`` for what leaves a process's context unusable (a
        device-side assert, an illegal access, a lost device): each later call in that process fails
        too; or nothing.
    """
    if kind == "OutOfMemoryError" or "CUDA out of memory" in message:
        return OUT_OF_MEMORY
    if "CUDA error: out of memory" in message or "CUBLAS_STATUS_ALLOC_FAILED" in message:
        return OUT_OF_MEMORY
    if "CUDA error: invalid device ordinal" in message:
        return ""  # a device that does not exist: an ordinary mistake
    if kind == "AcceleratorError" or "CUDA error:" in message:
        return FAILURE
    return FAILURE if "CUDNN_STATUS_" in message else ""
