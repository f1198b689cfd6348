"""The red team: a grading process under attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redteam.bench import Bench
from redteam.tally import tally
from redteam.unit import POINTS, write_course
from redteam.world import World

from autograder.course import find_unit
from autograder.devices import CPU, SIMULATED
from autograder.exam import ExamStore
from autograder.grading import Settings, UnitGrader
from autograder.supervisor import start_workers
from autograder.worker import UNCONFINED

__all__ = ["tally"]


@pytest.fixture(scope="package")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="package")
def bench(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    settings = Settings(
        seed=5,
        devices=(CPU.name, SIMULATED.name),
        call_seconds=20.0,
        submission_seconds=120.0,
        memory_mb=1024,
        require=UNCONFINED,  # what a machine cannot confine is left out, with the reason
    )
    world = World(tmp_path_factory.mktemp("world"), course)
    with start_workers() as workers:
        unit = find_unit(course / "solutions", "scaling")
        alone = replace(settings, devices=(CPU.name,))
        exams = ExamStore(world.exams)
        both = UnitGrader(unit, settings, workers, exams=exams)
        bench = Bench(both, UnitGrader(unit, alone, workers, exams=exams), world)
        assert bench.honest() == POINTS  # each attack is followed by one more
        yield bench
        bench.close()
    world.close()
