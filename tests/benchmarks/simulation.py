"""What a simulated device costs, as ratios to the same code without it.

    python tests/benchmarks/simulation.py [--rounds 7]

Each line runs a piece of code on the CPU without simulation, on the CPU inside a simulation, and on
a simulated device, in turns so that a drift of the machine's speed meets all of them. The last line
is the price of entering and leaving. Asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from autograder.devices import placed
from autograder.devices.simulation import Simulation


def addition(x):
    for _ in range(200):
        x = x + 1.0
    return x


def products(x):
    for _ in range(5):
        y = x @ x
    return y


def recurrence(x):
    """Forty steps of a recurrent network and back, by hand."""
    w = x[:8, :8] / 8
    hidden = [x[:8, :8]]
    for _ in range(40):
        hidden.append(torch.tanh(hidden[-1] @ w))
    grad, dw = torch.ones_like(w), torch.zeros_like(w)
    for state, before in zip(hidden[:0:-1], hidden[-2::-1], strict=True):
        grad = grad * (1 - state**2)
        dw += before.T @ grad
        grad = grad @ w.T
    return dw


def convolution(x):
    """A convolution by windows, and the gradient of its kernel."""
    image, kernel = x[None, None, :32, :32], x[None, :3, :3].expand(4, 3, 3)
    windows = image.unfold(2, 3, 1).unfold(3, 3, 1)
    out = torch.einsum("nchwij,dij->ndhw", windows, kernel)
    return torch.einsum("ndhw,nchwij->dij", out, windows)


WORK: dict[str, tuple[int, Callable[[torch.Tensor], torch.Tensor]]] = {
    "200 additions of 8x8": (8, addition),
    "5 products of 512x512": (512, products),
    "recurrence, 40 steps, 8x8": (8, recurrence),
    "convolution of 32x32": (32, convolution),
}


def seconds(work: Callable[[torch.Tensor], object], x: torch.Tensor, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work(x)
    return (time.perf_counter() - start) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    simulation = Simulation()
    print(f"torch {torch.__version__}; medians of {rounds} rounds, ratios to no simulation")
    for name, (size, work) in WORK.items():
        x = torch.rand(size, size) / size
        y = placed(x.clone(), "cuda:1")
        repeats = max(1, int(0.03 / seconds(work, x, 1)))
        times: list[tuple[float, float, float]] = []
        for _ in range(rounds):
            bare = seconds(work, x, repeats)
            with simulation:
                times.append((bare, seconds(work, x, repeats), seconds(work, y, repeats)))
        bare, cpu, device = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:28} cpu inside {cpu / bare:5.2f}   simulated device {device / bare:5.2f}")
    x = torch.rand(8, 8)

    def enter(x: torch.Tensor) -> None:
        with simulation:
            pass

    entering = statistics.median(seconds(enter, x, 500) for _ in range(rounds))
    adding = statistics.median(seconds(lambda x: x + 1.0, x, 500) for _ in range(rounds))
    print(f"{'entering and leaving':28} {entering / adding:5.1f} additions of 8x8")


if __name__ == "__main__":
    main()
