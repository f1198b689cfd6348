"""Does this version of torch carry the simulation?

The tags live on storages and the modes are not all public, so a new torch may break them. Then
nothing is simulated, and the reason is said.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

from autograder.devices.simulation import Simulation
from autograder.devices.tags import CPU, device_of, placed, plain

_FIRST, _SECOND = torch.device("cuda", 0), torch.device("cuda", 1)
_known: list[str] = []


def simulation_works() -> str:
    """Why nothing can be simulated here; empty if all is well. Takes milliseconds, once."""
    if not _known:
        _known.append(_first_failure())
    return _known[0]


def _first_failure() -> str:
    for sentence, passes in _CHECKS.items():
        try:
            passed = passes()
        except Exception as error:
            passed, sentence = False, f"{sentence} ({type(error).__name__}: {error})"
        if not passed:
            return (
                f"CUDA is not simulated with torch {torch.__version__}: {sentence}. Placement is "
                "checked only where there is a GPU."
            )
    return ""


def _tag_survives() -> bool:
    x = placed(torch.arange(6.0).view(2, 3), "cuda:1")
    rows = [x.t()[0], x.detach(), torch.nn.Parameter(x)]
    del x
    gc.collect()
    return all(device_of(row) == _SECOND for row in rows)


def _tag_goes_with_the_result() -> bool:
    with Simulation():
        x = torch.ones(3, device="cuda:1", requires_grad=True)
        y = (x * 2 + 1).sum()
        torch.autograd.backward(y)
    return x.grad is not None and device_of(y) == device_of(x.grad) == _SECOND


def _is_refused() -> bool:
    with Simulation():
        x, y = torch.ones(3, device="cuda"), torch.ones(3)
        try:
            x + y
        except RuntimeError as error:
            return "cuda:0 and cpu" in str(error)
    return False


def _is_moved() -> bool:
    with Simulation():
        x = torch.arange(3.0).to("cuda")
        return x.device == _FIRST and x.cpu().tolist() == [0.0, 1.0, 2.0]


def _nothing_is_left() -> bool:
    before = (torch.cuda.is_available, torch.Generator, _modes())
    with Simulation():
        x = torch.ones(3, device="cuda")
    left = x.device == CPU and plain(x).numpy().sum() == 3.0
    return left and before == (torch.cuda.is_available, torch.Generator, _modes())


def _modes() -> int:
    count: int = torch._C._len_torch_function_stack() + torch._C._len_torch_dispatch_stack()
    return count


_CHECKS: dict[str, Callable[[], bool]] = {
    "a tensor loses the mark of its device": _tag_survives,
    "the result of an operation has no device": _tag_goes_with_the_result,
    "tensors of two devices are not refused": _is_refused,
    "a tensor cannot be moved": _is_moved,
    "the simulation does not end": _nothing_is_left,
}
