"""Whether a class of thousands costs more a submission, and how much memory the command takes.

    python tests/benchmarks/scale.py [--sizes 500 2000 8000] [--jobs 2]

A small unit, graded in classes of several sizes, half of them right. Prints a table: milliseconds a
submission by wall clock, and the most memory that the command's own process had. Asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scaling import SCALING, write_course

os.environ["OMP_NUM_THREADS"] = "1"
WRONG = "\n\ndef scale_backward(dout, cache):\n    return dout, (dout * cache[0]).sum(0)\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="handgrad-bench-") as name:
        course = write_course(Path(name, "course"))
        print("submissions   ms each   MB of the command")
        for size in options.sizes:
            submissions = Path(name, f"class{size}")
            for number in range(size):
                home = submissions / f"student{number:05}"
                home.mkdir(parents=True)
                text = SCALING + WRONG * (number % 2)
                (home / "scaling.py").write_text(text, encoding="utf-8")
            seconds, megabytes = measured(course, submissions, options.jobs)
            print(f"{size:11}   {seconds / size * 1000:7.1f}   {megabytes:17.0f}", flush=True)


def measured(course: Path, submissions: Path, jobs: int) -> tuple[float, float]:
    """Seconds of the command, and the most megabytes that its own process had."""
    options = ["--unit", "01_scaling", "--device", "cpu", "--jobs", str(jobs)]
    command = [sys.executable, "-m", "autograder", "grade", str(submissions)]
    out = submissions.with_name(f"{submissions.name}-out")
    began, most = time.perf_counter(), 0
    with subprocess.Popen(
        [*command, "--out", str(out), *options],
        cwd=course,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
            most = max(most, *map(int, peaks)) if peaks else most
            time.sleep(0.1)
    return time.perf_counter() - began, most / 1024


if __name__ == "__main__":
    main()
