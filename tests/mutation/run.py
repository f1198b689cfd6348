"""How strong are the tests of the units? Mutants that nobody chose tell.

    python tests/mutation/run.py                      every unit (`make mutants`)
    python tests/mutation/run.py 02 convolution       some units
    python tests/mutation/run.py 02 --sample 40       forty mutants of it; --seed says which

Every function of a unit's reference is changed in every way of `mutator.py`, one change at a time,
and graded. At least 99 % of the mutants that are not equivalent to the reference must lose a point.
Each is also tried where only one exercise that uses the changed function has the change, as if it
had been written with a copy of that function: of those that answer otherwise than the reference on
inputs of other seeds, 99 % must lose a point of that exercise.

A mutant that loses none is listed, with the reason, in `solutions/NN_unit/survivors.toml` (it
quotes the solution, so it is where the solution is):

    [[survivors]]
    reason = "The scores of a row are shifted by any number; the result is the same."
    equivalent = true
    mutants = ["softmax: shift = z.amax(1)  ->  shift = z.amin(1)"]

`equivalent = true` is checked: such a mutant must give what the reference gives on 1,000 inputs
that the unit's tests draw from other seeds. The command fails if a survivor is not listed, if a
listed mutant does not exist, if one is called equivalent and is not, or if too few are killed.
A mutant that forgets a device survives on the CPU and is killed on the second device, real or
simulated; `--device` names one.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field

from measuring import Measure
from mutator import Mutant, mutants

from autograder.course import Unit, find_course, find_unit
from autograder.grading import settings_here
from autograder.supervisor import Workers, start_workers

BAR = 0.99


@dataclass(frozen=True)
class Listed:
    """What `survivors.toml` says of a mutant."""

    reason: str
    equivalent: bool


@dataclass
class Tally:
    """What became of the mutants of one unit.

    Attributes:
        tried: how many.
        killed: how many lost a point.
        equivalents: how many are listed as equivalent.
        problems: sentences, each of which makes the command fail.
        seconds: how long it took.
        inlined: how many times one exercise alone had a mutant of a function that it uses, and
            answered otherwise than the reference.
        inlined_killed: how many of these times it lost a point.
        survived_inlined: the other times.
    """

    tried: int = 0
    killed: int = 0
    equivalents: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    inlined: int = 0
    inlined_killed: int = 0
    survived_inlined: list[str] = field(default_factory=list)

    @property
    def inlined_rate(self) -> float:
        """Of the mutants that one exercise alone has, and that differ there, the share killed."""
        return self.inlined_killed / self.inlined if self.inlined else 1.0

    @property
    def rate(self) -> float:
        """The share killed of those that are not equivalent."""
        real = self.tried - self.equivalents
        return self.killed / real if real else 1.0

    def __str__(self) -> str:
        return (
            f"{self.tried} mutants, {self.killed} killed, {self.tried - self.killed} survived, "
            f"{self.equivalents} of them equivalent: {self.rate:.2%} killed; of "
            f"{self.inlined} that one exercise alone has {self.inlined_rate:.2%} killed"
            f"  ({self.seconds:.0f} s)"
        )


def listed(unit: Unit) -> dict[str, Listed]:
    """The survivors of a unit that are known, by the names of the mutants."""
    path = unit.folder / "survivors.toml"
    if not path.is_file():
        return {}
    found: dict[str, Listed] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["survivors"]:
        reason, equivalent = str(entry["reason"]).strip(), bool(entry["equivalent"])
        for name in entry["mutants"]:
            if not reason or name in found:
                raise ValueError(f"{path} gives no reason, or two, for {name}")
            found[name] = Listed(reason, equivalent)
    return found


def tally(
    unit: Unit,
    workers: Workers,
    *,
    sample: int | None = None,
    seed: int = 0,
    thorough: bool = True,
    devices: Sequence[str] = (),
) -> Tally:
    """Try the mutants of a unit.

    Args:
        unit: a unit of `solutions/`.
        workers: where mutants run.
        sample: how many to try, or None for all.
        seed: of the choice.
        thorough: whether to compare survivors with the reference on fresh inputs.
        devices: where the tests put their tensors; none for all that there are.
    """
    began = time.perf_counter()
    every, known, came = mutants(unit.source_file.read_text("utf-8")), listed(unit), Tally()
    gone = known.keys() - {mutant.name for mutant in every}
    came.problems += [f"listed, but there is no such mutant: {name}" for name in sorted(gone)]
    course = find_course(unit.folder)
    measure = Measure(unit, settings_here(course.policy, devices), workers)
    if sample is not None and sample < len(every):
        every = random.Random(f"{unit.name} {seed}").sample(every, sample)
    for mutant in every:
        if thorough:
            _alone(came, measure, mutant)
        came.tried += 1
        said = known.get(mutant.name)
        if measure.killed_by(mutant):
            came.killed += 1
            if said and said.equivalent:
                came.problems.append(f"listed as equivalent, but killed: {mutant.name}")
            continue
        differs = measure.difference(mutant) if thorough else ""
        if said is None:
            came.problems.append(_unlisted(mutant, differs, thorough))
        elif said.equivalent and differs:
            came.problems.append(f"listed as equivalent: {mutant.name}\n    but {differs}")
        came.equivalents += said.equivalent if said else False
    if sample is None and came.rate < BAR:
        came.problems.append(f"{came.rate:.2%} are killed, fewer than {BAR:.0%}")
    if sample is None and came.inlined_rate < BAR:
        came.problems += came.survived_inlined
        came.problems.append(f"{came.inlined_rate:.2%} of the inlined ones, fewer than {BAR:.0%}")
    came.seconds = time.perf_counter() - began
    return came


def _alone(came: Tally, measure: Measure, mutant: Mutant) -> None:
    """Count what becomes of a mutant where one exercise that uses its function alone has it."""
    for name, told in measure.inlined(mutant):
        if told == "equal":
            continue
        came.inlined += 1
        came.inlined_killed += told == "killed"
        if told != "killed":
            came.survived_inlined.append(f"in {name} alone: {mutant.name}\n    {told}")


def _unlisted(mutant: Mutant, differs: str, thorough: bool) -> str:
    """A survivor, as it may be entered in the list once somebody knows the reason."""
    why = f"differs: {differs}" if differs else "no difference on fresh inputs"
    return f"survived, not listed ({why if thorough else 'run `make mutants` to see how'}):\n" + (
        f"    {json.dumps(mutant.name, ensure_ascii=False)},"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command; returns 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("units", nargs="*", help="names or numbers; all if none is given")
    parser.add_argument("--sample", type=int, help="try only so many mutants of each unit")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument(
        "--device", action="append", help="cpu, cuda or simulated; all that there are by default"
    )
    options = parser.parse_args(arguments)
    course = find_course()
    units = [find_unit(course.units_folder, name) for name in options.units] or course.units
    failed = False
    with start_workers() as workers:
        for unit in units:
            came = tally(
                unit,
                workers,
                sample=options.sample,
                seed=options.seed,
                devices=options.device or (),
            )
            for problem in came.problems:
                print(f"  {problem}")
            print(f"{unit.name}: {came}", flush=True)
            failed = failed or bool(came.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
