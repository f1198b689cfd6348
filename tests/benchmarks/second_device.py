"""What grading on a simulated device as well adds to the time of grading a submission.

    python tests/benchmarks/second_device.py [UNIT ...] [--pairs 12]

For each unit the reference is graded as a submission, on the CPU alone and on the CPU and a
simulated device, in pairs whose order alternates. The tests are prepared before. Asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from autograder.course import find_course, find_unit, find_units
from autograder.devices import CPU, SIMULATED
from autograder.grading import Settings, UnitGrader
from autograder.supervisor import Code, start_workers

ROOT = Path(__file__).parents[2]
LIMITS = {"call_seconds": 60, "submission_seconds": 600, "memory_mb": 2048}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("units", nargs="*", help="all of the course unless named")
    parser.add_argument("--pairs", type=int, default=12)
    options = parser.parse_args()
    course = find_course(ROOT)
    names = options.units or [unit.name for unit in find_units(course.units_folder)]
    print(f"medians of {options.pairs} pairs; milliseconds a submission")
    for name in names:
        unit = find_unit(course.units_folder, name)
        source = unit.source_file.read_text(encoding="utf-8")
        code = Code(unit.module, ((unit.source_file.name, source),))
        with start_workers() as workers:
            graders = [
                UnitGrader(unit, Settings(course.policy.seed, devices, **LIMITS), workers)
                for devices in ((CPU.name,), (CPU.name, SIMULATED.name))
            ]
            pairs = []
            for number in range(-1, options.pairs):  # the first warms up
                pair = [0.0, 0.0]
                for which in (0, 1) if number % 2 else (1, 0):
                    began = time.perf_counter()
                    graders[which].grade(code, {})
                    pair[which] = time.perf_counter() - began
                if number >= 0:
                    pairs.append(pair)
        ratios = sorted(both / alone for alone, both in pairs)
        alone, both = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
        print(
            f"{unit.name:28} cpu {alone:7.1f}   with the device {both:7.1f}   ratio "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
