"""The red team: a grading process under attack, and the count of who won."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# The team's own modules are `redteam.attacks.files` and so on.
sys.path.insert(0, str(Path(__file__).parent.parent))

from redteam.bench import Bench
from redteam.unit import POINTS, write_course
from redteam.world import World

from autograder.course import find_unit
from autograder.grading.grader import UnitGrader
from autograder.grading.settings import Settings
from autograder.grading.workers import start_workers
from autograder.worker.levels import NONE

_TALLY = pytest.StashKey["Tally"]()


@dataclass
class Tally:
    """Who won.

    Attributes:
        tried: attacks and broken uploads that were tried.
        succeeded: those that reached what they wanted.
        harmed: those beside which an honest submission lost points.
        skipped: those that could not be tried here, and why.
    """

    tried: set[str] = field(default_factory=set)
    succeeded: set[str] = field(default_factory=set)
    harmed: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tally = terminalreporter.config.stash[_TALLY]
    if not tally.tried:
        return
    terminalreporter.section("red team")
    terminalreporter.write_line(f"attacks and broken uploads tried: {len(tally.tried)}")
    for words, names in (
        ("attacks that succeeded", tally.succeeded),
        ("honest submissions harmed", tally.harmed),
    ):
        listed = f": {', '.join(sorted(names))}" if names else ""
        terminalreporter.write_line(f"{words}: {len(names)}{listed}")
    for name, reason in sorted(tally.skipped.items()):
        terminalreporter.write_line(f"not tried: {name}: {reason}")


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Tally:
    return request.config.stash[_TALLY]


@pytest.fixture(scope="package")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="package")
def bench(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    settings = Settings(
        seed=5,
        devices=("cpu",),
        call_seconds=20.0,
        submission_seconds=120.0,
        memory_mb=1024,
        require=NONE,  # what a machine cannot confine is left out, with the reason
    )
    world = World(tmp_path_factory.mktemp("world"), course)
    with start_workers() as workers:
        unit = find_unit(course / "solutions", "scaling")
        bench = Bench(UnitGrader(unit, settings, workers), world)
        assert bench.honest() == POINTS  # each attack is followed by one more
        yield bench
        bench.close()
    world.close()
