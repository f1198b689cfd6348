"""How fast a class is graded, side by side with the ways people grade today.

    python tests/benchmarks/throughput.py [--copies 50] [--unit 03_layers] [--jobs 2]

Three ways to grade the same copies of a unit's reference, with the same tests, seed and examples,
taken in turns so that a drift of the machine's speed meets all of them:

- `autograder grade` as an instructor runs it, from start to exit;
- one `pytest` process for each submission, as many at once as grading processes, running the same
  tests in the student's process;
- the floor: the student's own computing for the same calls, in one process, and nothing else.

Prints ratios; asserts nothing about them. Peak memory is that of a worker beyond what it shares
with the zygote it was forked from.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
os.environ["OMP_NUM_THREADS"] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=50, help="submissions to grade")
    parser.add_argument("--unit", default="03_layers")
    parser.add_argument("--jobs", type=int, default=2, help="grading processes, or pytests at once")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the three ways in turn")
    parser.add_argument(
        "--sample", type=int, default=6, help="submissions per round for the slow way"
    )
    options = parser.parse_args()

    from autograder.course import find_course, find_unit

    course = find_course(ROOT)
    unit = find_unit(course.units_folder, options.unit)
    reference = unit.source_file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="handgrad-bench-") as name:
        home = Path(name)
        submissions = home / "submissions"
        for number in range(options.copies):
            folder = submissions / f"student{number:03}"
            folder.mkdir(parents=True)
            (folder / f"{unit.module}.py").write_text(reference, encoding="utf-8")
        ours, theirs, floors = [], [], []
        for round_number in range(options.rounds):
            ours.append(grade(submissions, unit.name, home / f"out{round_number}", options.jobs))
            sample = sorted(submissions.iterdir())[: options.sample]
            theirs.append(pytests(sample, unit, course.policy.seed, options.jobs))
            floors.append(floor(unit, course.policy))
            print(
                f"round {round_number + 1}: autograder {options.copies} in {ours[-1]:.1f} s; "
                f"pytest {theirs[-1]:.2f} s, floor {floors[-1] * 1000:.0f} ms a submission",
                flush=True,
            )
        kib = memory(unit, reference)
    per_ours = statistics.median(ours) / options.copies
    per_theirs, per_floor = statistics.median(theirs), statistics.median(floors)
    ratios = sorted(t / (o / options.copies) for o, t in zip(ours, theirs, strict=True))
    print(f"\n{unit.name}, {options.copies} submissions, {options.jobs} at once, medians:")
    print(f"  autograder grade           {per_ours * 1000:8.1f} ms a submission, start included")
    print(f"  pytest per submission      {per_theirs * 1000:8.1f} ms a submission")
    print(f"  floor                      {per_floor * 1000:8.1f} ms of one core a submission")
    print(
        f"  throughput against pytest  {per_theirs / per_ours:8.1f} times "
        f"({ratios[0]:.1f} to {ratios[-1]:.1f} over the rounds)"
    )
    print(f"  time against the floor     {per_ours * options.jobs / per_floor:8.1f} times")
    print(f"  memory of a worker         {kib / 1024:8.1f} MiB of its own at its peak")


def grade(submissions: Path, unit: str, out: Path, jobs: int) -> float:
    """Seconds for `autograder grade` on all submissions, the command's start included."""
    command = [sys.executable, "-m", "autograder", "grade", str(submissions), "--out", str(out)]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--unit", unit, "--jobs", str(jobs)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def pytests(folders: list[Path], unit, seed: int, jobs: int, *, right: bool = True) -> float:
    """Seconds a submission with one pytest process for each, `jobs` at once.

    Args:
        folders: of the submissions.
        unit: whose tests.
        seed: of the hidden inputs.
        jobs: how many at once.
        right: whether all of them pass.
    """

    def one(folder: Path) -> None:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *(str(unit.folder / "test_public.py"), str(unit.folder / "test_hidden.py")),
                *("--student", str(folder / f"{unit.module}.py")),
                *("--exercise-seed", str(seed)),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if run.returncode and right:
            raise SystemExit(f"pytest failed on the reference:\n{run.stdout[-3000:]}")

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:  # waits for processes; nothing forks here
        list(pool.map(one, folders))
    return (time.perf_counter() - began) / len(folders)


FLOOR = """
import sys, time
from pathlib import Path
from autograder.course import find_unit
from autograder.exam import draw, reference_of
from autograder.grading import Settings, exam_request
from autograder.testing.subjects import _unwrap

unit = find_unit(Path(sys.argv[1]), sys.argv[2])
settings = Settings(int(sys.argv[3]), ("cpu",), 60, 600, 2048)
drawn = draw(exam_request(unit, settings), losing=False)
module = reference_of(unit)
calls = [
    (getattr(module, c.function), _unwrap(c.args), _unwrap(c.kwargs))
    for test in drawn.tests for example in test.examples for c in example.calls
    if c.error is None
]
times = []
for _ in range(5):
    began = time.perf_counter()
    for function, args, kwargs in calls:
        function(*args, **kwargs)
    times.append(time.perf_counter() - began)
print(min(times))
"""


def floor(unit, policy) -> float:
    """Seconds of the student's own computing for the calls that grading makes."""
    run = subprocess.run(
        [sys.executable, "-c", FLOOR, str(unit.folder.parent), unit.name, str(policy.seed)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout)


def memory(unit, source: str) -> int:
    """KiB that a worker holds for itself after it was graded on the whole unit."""
    from autograder.supervisor import start_workers

    with start_workers() as workers:
        from autograder.grading import Settings, UnitGrader
        from autograder.supervisor import Code

        grader = UnitGrader(unit, Settings(0, ("cpu",), 60, 600, 2048), workers)
        seen = [0]
        original = workers.spawn

        def spawn(*how):
            worker = original(*how)
            end = worker.close

            def close():
                seen[0] = max(seen[0], own_memory())
                end()

            worker.close = close
            return worker

        workers.spawn = spawn
        grader.grade(Code(unit.module, ((f"{unit.module}.py", source),)), {})
    return seen[0]


def own_memory() -> int:
    """KiB of private memory of the largest worker, by the kernel's account (0 if unknown)."""
    largest = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"autograder.worker.zygote" not in (process / "cmdline").read_bytes():
                continue
            parent = int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if b"autograder.worker.zygote" not in Path(f"/proc/{parent}/cmdline").read_bytes():
                continue  # the zygote itself
            private = [
                int(line.split()[1])
                for line in (process / "smaps_rollup").read_text().splitlines()
                if line.startswith("Private_")
            ]
        except OSError:
            continue
        largest = max(largest, sum(private))
    return largest


if __name__ == "__main__":
    main()
