"""How long the reference's convolution and attention take on a GPU, beside PyTorch's own.

    python tests/benchmarks/cuda.py [--rounds 20]

Both are timed with CUDA events, in turns, after a warm-up, with TF32 off; printed are the medians
of the ratios. Where there is no GPU it says so and exits with 0.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

from autograder.devices import CUDA, detected

SOLUTIONS = Path(__file__).parents[2] / "solutions"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="of each, in turns")
    rounds = parser.parse_args().rounds
    found = detected()
    if CUDA.name not in found.devices:
        print(f"Nothing is measured: {found.why}")
        return

    import torch
    from torch.nn import functional

    from autograder.course import find_unit
    from autograder.devices import compute_exactly
    from autograder.exam import reference_of

    compute_exactly()
    torch.manual_seed(0)
    convolution = reference_of(find_unit(SOLUTIONS, "05_convolution"))
    attention = reference_of(find_unit(SOLUTIONS, "17_attention"))
    x, w = torch.randn(32, 16, 32, 32, device="cuda"), torch.randn(32, 16, 3, 3, device="cuda")
    b = torch.randn(32, device="cuda")
    q, k, v = (torch.randn(8, 128, 64, device="cuda") for _ in range(3))
    report(
        "convolution, 32 images of 16 x 32 x 32",
        lambda: convolution.conv2d_forward(x, w, b, stride=1, padding=1),
        lambda: functional.conv2d(x, w, b, stride=1, padding=1),
        rounds,
    )
    report(
        "attention, 8 x 128 x 64",
        lambda: attention.attention_forward(q, k, v),
        lambda: functional.scaled_dot_product_attention(q, k, v),
        rounds,
    )


def report(
    what: str, reference: Callable[[], object], own: Callable[[], object], rounds: int
) -> None:
    """Print how many times as long as PyTorch's own the reference takes."""
    for _ in range(3):
        milliseconds(reference)
        milliseconds(own)
    ratios = [milliseconds(reference) / milliseconds(own) for _ in range(rounds)]
    low, high = min(ratios), max(ratios)
    print(f"{what}: {statistics.median(ratios):.1f} times ({low:.1f} to {high:.1f})")


def milliseconds(compute: Callable[[], object]) -> float:
    """What one call takes on the GPU, by events around it."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    compute()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end))


if __name__ == "__main__":
    main()
