"""`autograder verify`: a unit's grading, tried on code whose outcome is known."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from autograder.commands.class_run import ClassRun, plan_class, run_class
from autograder.commands.console import out
from autograder.commands.options import Devices, Jobs

if TYPE_CHECKING:
    from autograder.classroom import Examined, Verdict
    from autograder.course import Unit

_SECONDS = 900.0  # for what is tried on a unit's tests without any submission


def verify(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units. Default: all.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Draw other inputs.")] = None,
    jobs: Jobs = None,
    device: Devices = None,
) -> None:
    """Grade what the outcome is known of: the reference, the alternatives, the mistakes.

    The reference and every alternative must get full marks, and the untouched stub nothing. Every
    mistake must lose points in its exercise and nowhere that does not depend on it, and must be
    diagnosed as itself or not at all.
    It must also lose points in every exercise that builds on its function and alone makes it.

    Right code that rounds otherwise must get full marks: the reference computed in float64, with
    its sums in another order, with elementary functions that are a little off.

    Exit code: 0 all as it must be, 1 not so, 2 nothing could be verified.
    """
    from dataclasses import replace

    from autograder.classroom import examined, judge, variants, write_class
    from autograder.course import find_staff_course, find_unit
    from autograder.grading import settings_here
    from autograder.results import Folder

    course = find_staff_course()
    units = [find_unit(course.units_folder, name) for name in what or []] or course.units
    settings = settings_here(course.policy, device or ())
    # All code here is our own, and nobody reads the inputs that it fails on.
    settings = replace(settings, require="none", smaller=False)
    if seed is not None:
        settings = replace(settings, seed=seed)
    good = True
    for unit in units:
        known = variants(unit)
        with tempfile.TemporaryDirectory(prefix="handgrad-verify-") as name:
            submitted, folder = Path(name, "submissions"), Folder(Path(name, "out"))
            write_class(unit, known, submitted)
            plan = plan_class(course, [submitted], [unit.name])
            run = ClassRun(course, settings, folder, jobs)
            with run.processes() as processes:
                run_class(run, plan, processes)
                tests = examined(unit, processes, _SECONDS)
            verdicts = judge(unit, known, folder.each_result())
        good = _told(unit, settings.devices, verdicts, tests) and good
        out.print()
    raise typer.Exit(0 if good else 1)


def _told(unit: Unit, devices: Sequence[str], verdicts: Sequence[Verdict], tests: Examined) -> bool:
    """Say what came of a unit; whether all is as it must be."""
    from autograder.classroom import DIAGNOSED_SHARE, diagnosed_share, inlined_problems
    from autograder.report import ratios_table, verify_table

    share = diagnosed_share(verdicts)
    wrong = sum(bool(v.problem) for v in verdicts)
    problems = [*inlined_problems(tests.inlined), *tests.unfair]
    lost = sum(v.max_points - v.points for v in verdicts if v.variant.kind == "mistake")
    elsewhere = sum(v.elsewhere for v in verdicts)
    out.print(verify_table(unit, verdicts))
    out.print(
        f"{unit.name} on {' and '.join(devices)}: {len(verdicts) - wrong} of {len(verdicts)} as "
        f"they must be; {share:.0%} of the mistakes diagnosed as themselves (at least "
        f"{DIAGNOSED_SHARE:.0%})."
    )
    out.print(
        f"Of the {lost:g} points that the mistakes lose, {elsewhere:g} are lost in exercises other "
        "than their own."
    )
    for problem in problems:
        out.print(f"[red]{escape(problem)}.[/]", soft_wrap=True)
    if found := tests.inlined:
        equal = sum(one.equal for one in found)
        out.print(
            f"{sum(one.lost for one in found)} of {len(found) - equal} mistakes lose points too "
            "where only an exercise that builds on their function makes them; "
            f"{equal} come to the same there."
        )
    out.print(ratios_table(tests.ratios))
    return not wrong and not problems and share >= DIAGNOSED_SHARE
