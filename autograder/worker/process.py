"""The life of a worker's process, however it was started."""

from __future__ import annotations

import gc
import os
import random
import socket
import sys
import traceback

import numpy as np
import torch
import torch.nn.functional  # what a submission is likely to need is imported before the fork

from autograder.devices import (
    CPU,
    CUDA,
    SIMULATED,
    simulation_works,
    start_cuda,
    the_simulation,
    visible_gpus,
)
from autograder.worker.channel import Channel, hello
from autograder.worker.confinement import Limits, Plan, confine
from autograder.worker.serve import Server

_OUTPUT = {"encoding": "utf-8", "errors": "replace"}


def warm_up() -> None:
    """Use what reads the machine's properties on first use; everything on one thread."""
    torch.set_num_threads(1)
    x = torch.ones(2, 3, requires_grad=True)
    y = torch.einsum("ij,jk->ik", x, torch.ones(3, 3)).relu() @ torch.ones(3, 2)
    torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
    repr(y.softmax(1).detach())
    torch.randn(2, 2)
    torch.linalg.norm(torch.ones(2, 2, dtype=torch.float64))
    np.ones((2, 2)) @ np.ones((2, 2))
    reseed(0)  # the first time takes 10 ms
    if not simulation_works():
        with the_simulation():
            torch.ones(2, 2, device=SIMULATED.place) @ torch.ones(2, 2, device=SIMULATED.place)


def reseed(seed: int) -> None:
    """Forks share the state of their generators: start them anew.

    Args:
        seed: the same seed gives the same numbers.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def live(
    sock: socket.socket,
    *,
    seed: int,
    limits: Limits,
    directory: str,
    parent: int,
    plan: Plan,
    device: str = CPU.name,
) -> None:
    """Be a worker: confine this process, say so, and serve.

    Args:
        sock: the connection to the grader.
        seed: of the random number generators.
        limits: what the student's code may use.
        directory: an empty directory of its own.
        parent: the process that must not be outlived.
        plan: how it is confined.
        device: the name of what it must be able to compute on.
    """
    sys.stdout = open(1, "w", buffering=1, closefd=False, **_OUTPUT)  # type: ignore[call-overload]  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, **_OUTPUT)  # type: ignore[call-overload]  # noqa: SIM115
    sys.argv = [""]
    reseed(seed)
    channel = Channel(sock)
    shown = visible_gpus()
    layers = confine(limits, directory, parent, plan)
    if device == CUDA.name:
        start_cuda(shown)
    gc.enable()
    hello(channel, {**plan.before, **layers})
    Server(channel).serve()


def end(status: int = 0) -> None:
    """End the process at once, without running anything that the student's code registered."""
    if status:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            continue
    os._exit(status)
