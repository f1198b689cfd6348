"""What grading on submission waits for: one submission by `autograder grade`, over `import torch`.

    python tests/benchmarks/one_submission.py [--pairs 5] [--unit 03_layers]

Each line is one kind of submission. The command and ``python -c "import torch"`` run in turn, and
the ratios of each pair are printed as least, median and largest: wall clock, and processor time of
the command with all its processes.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.course import find_unit, mistakes

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--unit", default="03_layers")
    chosen = parser.parse_args()
    unit = find_unit(ROOT / "solutions", chosen.unit)
    right = unit.source_file.read_text(encoding="utf-8")
    kinds = {
        "right": right,
        "a known mistake": mistakes(unit)[0].source,
        "a failing import": f"import no_such_package\n{right}",
        "a syntax error": f"{right}\ndef (:\n",
    }
    torch = [sys.executable, "-c", "import torch"]
    print(f"{unit.name}: ratio to `import torch`, least / median / largest of {chosen.pairs} pairs")
    for kind, source in kinds.items():
        with tempfile.TemporaryDirectory() as name:
            home = Path(name, "submissions", "ada")
            home.mkdir(parents=True)
            (home / unit.source_file.name).write_text(source, encoding="utf-8")
            grade = [sys.executable, "-m", "autograder", "grade", str(home.parent)]
            pairs = []
            for number in range(chosen.pairs + 1):
                out = ["--out", str(Path(name, f"out{number}")), "--unit", unit.name]
                pairs.append((measured([*grade, *out, "--jobs", "1"]), measured(torch)))
        for what, position in (("wall", 0), ("cpu", 1)):
            ratios = sorted(ours[position] / theirs[position] for ours, theirs in pairs[1:])
            told = f"{ratios[0]:.2f} / {statistics.median(ratios):.2f} / {ratios[-1]:.2f}"
            print(f"  {kind:18} {what:5} {told}")


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds of wall clock, and of processor time with all processes that it waited for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=os.environ)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


if __name__ == "__main__":
    main()
