"""What confining a worker costs, side by side with a worker that is not confined.

    python tests/benchmarks/confinement.py [--rounds 40]

From the request for a worker to its end, one answer in between; taken in turns so that a drift of
the machine's speed meets both. Prints medians, their difference and their ratio; asserts nothing
about them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"

SOURCE = "def add(x, y):\n    return x + y\n"


def main() -> None:
    from autograder.supervisor import start_workers
    from autograder.worker import LAYERS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with start_workers() as confined, start_workers(without=LAYERS) as free:
        level = confined.spawn(1, _limits()).level
        times = {"confined": [], "not confined": []}
        for _ in range(rounds):
            times["confined"].append(first_answer(confined))
            times["not confined"].append(first_answer(free))
    medians = {name: 1000 * statistics.median(taken) for name, taken in times.items()}
    for name, milliseconds in medians.items():
        print(f"{name:13} {milliseconds:6.1f} ms from request to end, one answer in between")
    added = medians["confined"] - medians["not confined"]
    ratio = medians["confined"] / medians["not confined"]
    print(f"level {level}: {added:.1f} ms added, ratio {ratio:.2f} ({rounds} rounds in turns)")


def first_answer(workers) -> float:
    """Seconds for a worker from the request to its end, one answer in between."""
    from autograder.supervisor import Call

    began = time.perf_counter()
    worker = workers.spawn(1, _limits())
    worker.load("m", "m.py", SOURCE, 60)
    assert worker.call(Call("add", (1, 2)), 60).value == 3
    worker.close()
    return time.perf_counter() - began


def _limits():
    from autograder.worker import Limits

    return Limits()


if __name__ == "__main__":
    main()
