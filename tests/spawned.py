"""Workers for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.supervisor import Worker, Workers, start_workers
from autograder.worker import Limits

Spawn = Callable[[str], Worker]


@pytest.fixture(scope="session")
def forks() -> Iterator[Workers]:
    with start_workers("fork") as workers:
        yield workers


@pytest.fixture
def spawn(forks: Workers) -> Iterator[Spawn]:
    """Starts workers with some source loaded; they end with the test."""
    started: list[Worker] = []

    def start(source: str, limits: Limits | None = None, seed: int = 1) -> Worker:
        worker = forks.spawn(seed, limits or Limits())
        started.append(worker)
        error = worker.load("layers", "layers.py", source, 10)
        assert error is None, error
        return worker

    yield start
    for worker in started:
        worker.close()


@pytest.fixture
def descendants() -> Callable[[int], list[int]]:
    """Finds the processes below one, as this process counts them."""

    def below(pid: int) -> list[int]:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []
        return [int(c) for c in children] + [d for c in children for d in below(int(c))]

    return below
