"""How fast a class as it really is gets graded, against one pytest process for each submission.

    python tests/benchmarks/realistic.py [--size 28] [--unit 03_layers] [--jobs 2] [--rounds 3]

Of every 28 submissions 14 are right (the reference and alternatives), 9 wrong (known mistakes, two
of them in two exercises), one is half done, one untouched, one has a syntax error, one a failing
import, and one a loop without end, which is in the class and not. The exam is prepared beforehand,
as it is from the second class on.

pytest has no
deadline and is not given the loop. Both ways run in turns, the start of everything included. Prints
ratios; asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from throughput import grade, pytests

from autograder.course import Mistake, Unit, alternatives, find_course, find_unit, mistakes
from autograder.release import write_stub

ROOT = Path(__file__).parents[2]
os.environ["OMP_NUM_THREADS"] = "1"
HANG = "\n\ndef {name}(*args, **kwargs):\n    while True:\n        pass\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--unit", default="03_layers")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=6, help="submissions for pytest each round")
    options = parser.parse_args()
    course = find_course(ROOT)
    unit = find_unit(course.units_folder, options.unit)
    subprocess.run([sys.executable, "-m", "autograder", "prepare", unit.name], cwd=ROOT, check=True)
    everything = submissions(unit, options.size)
    with tempfile.TemporaryDirectory(prefix="handgrad-bench-") as name:
        home = Path(name)
        for hangs in (True, False):
            folder = home / ("with" if hangs else "without")
            chosen = [s for s in everything if hangs or not s.startswith("# hangs")]
            write(unit, chosen, folder)
            ratios = []
            for number in range(options.rounds):
                ours = grade(folder, unit.name, home / f"out{hangs}{number}", options.jobs)
                some = sorted(f for f in folder.iterdir() if not f.name.endswith("hangs"))
                theirs = pytests(
                    random.Random(number).sample(some, min(options.sample, len(some))),
                    unit,
                    course.policy.seed,
                    options.jobs,
                    right=False,
                )
                ratios.append(theirs / (ours / len(chosen)))
                print(
                    f"  {len(chosen)} in {ours:.1f} s, {ours / len(chosen) * 1000:.0f} ms each; "
                    f"pytest {theirs:.2f} s each",
                    flush=True,
                )
            told = f"{min(ratios):.1f} / {statistics.median(ratios):.1f} / {max(ratios):.1f}"
            kind = "with" if hangs else "without"
            print(f"{unit.name}, {len(chosen)} {kind} hangs: {told} times as fast as pytest")


def submissions(unit: Unit, size: int) -> list[str]:
    """The texts of a class."""
    right = [unit.source_file.read_text(encoding="utf-8"), *(a.source for a in alternatives(unit))]
    known = [m for m in mistakes(unit) if not m.on]
    stub = write_stub(unit)
    wrong = [m.source for m in known[:: max(1, len(known) // 7)]][:7]
    wrong += [both(known[0], known[-1]), both(known[1], known[-2])]
    functions = [e.function for e in unit.exercises if e.function]
    half = right[0] + "".join(
        f"\n\ndef {name}(*args, **kwargs):\n    raise NotImplementedError('later')\n"
        for name in functions[len(functions) // 2 :]
    )
    one = [
        *(right[i % len(right)] for i in range(14)),
        *wrong,
        half,
        stub,
        f"{right[0]}\ndef (:\n",
        f"import no_such_package\n{right[0]}",
        f"# hangs\n{right[0]}" + HANG.format(name=functions[0]),
    ]
    return [one[i % len(one)] for i in range(size)]


def both(first: Mistake, second: Mistake) -> str:
    """A module with two mistakes; a mistake's function is the last of its module."""
    define = f"def {second.exercise}("
    return f"{first.source}\n\n{define}{second.source.rpartition(define)[2]}"


def write(unit: Unit, texts: list[str], folder: Path) -> None:
    """A folder for each student."""
    for number, text in enumerate(texts):
        home = folder / f"student{number:03}{'-hangs' if text.startswith('# hangs') else ''}"
        home.mkdir(parents=True)
        (home / f"{unit.module}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
