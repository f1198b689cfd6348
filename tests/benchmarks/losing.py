"""What a submission costs that loses points, over a right one.

    python tests/benchmarks/losing.py [UNIT ...] [--right 10]

For each unit one class: copies of the reference, every known mistake, a syntax error, a failing
import. Graded by one grading process; the time of a submission is the one in its result. Prints for
each unit the median of the right ones and the ratios of the others to it; asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.course import Unit, find_course, find_unit, mistakes
from autograder.results import Folder

ROOT = Path(__file__).parents[2]
os.environ["OMP_NUM_THREADS"] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("units", nargs="*")
    parser.add_argument("--right", type=int, default=10, help="copies of the reference")
    options = parser.parse_args()
    course = find_course(ROOT)
    units = [find_unit(course.units_folder, name) for name in options.units] or course.units
    print("                       right   mistakes, median / 90 % / most    syntax   import")
    for unit in units:
        with tempfile.TemporaryDirectory(prefix="handgrad-bench-") as name:
            seconds = graded(unit, Path(name), options.right)
        right = statistics.median(seconds["right"])
        wrong = sorted(s / right for s in seconds["mistake"])
        spread = (statistics.median(wrong), wrong[len(wrong) * 9 // 10], wrong[-1])
        told = " / ".join(f"{ratio:.2f}" for ratio in spread)
        syntax, imports = (statistics.median(seconds[k]) / right for k in ("syntax", "import"))
        print(
            f"{unit.name:22}{right * 1000:4.0f} ms   {told:30} {syntax:8.2f} {imports:8.2f}",
            flush=True,
        )


def graded(unit: Unit, home: Path, copies: int) -> dict[str, list[float]]:
    """Seconds of each submission, by kind."""
    right = unit.source_file.read_text(encoding="utf-8")
    texts = {f"right-{n}": right for n in range(copies)}
    texts |= {f"mistake-{n}": m.source for n, m in enumerate(mistakes(unit)) if not m.on}
    texts |= {f"syntax-{n}": f"{right}\ndef (:\n" for n in range(3)}
    texts |= {f"import-{n}": f"import no_such_package\n{right}" for n in range(3)}
    for student, text in texts.items():
        folder = home / "submissions" / student
        folder.mkdir(parents=True)
        (folder / unit.source_file.name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "autograder", "grade", str(home / "submissions")]
    options = ["--unit", unit.name, "--out", str(home / "out"), "--jobs", "1"]
    subprocess.run([*command, *options], cwd=ROOT, check=False, capture_output=True)
    found: dict[str, list[float]] = {}
    for result in Folder(home / "out").results():
        found.setdefault(result.student.partition("-")[0], []).append(result.run.seconds)
    return found


if __name__ == "__main__":
    main()
