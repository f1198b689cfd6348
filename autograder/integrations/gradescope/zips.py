"""A zip for each unit that makes Gradescope grade with this tool.

Gradescope unpacks it to ``/autograder/source``, runs ``setup.sh`` once as root when it builds the
image, and ``run_autograder`` as root for each submission. The form is that of
https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograder.course import Unit
from autograder.integrations.gradescope.results_json import fault_json
from autograder.release import (
    Package,
    fill_template,
    find_package,
    staff_side,
    staff_wheel,
    wanted_units,
    zipped,
)

PROGRAMS = ("setup.sh", "run_autograder")


def write_zips(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Write ``OUT/gradescope-UNIT.zip`` for each unit.

    Args:
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write.
        units: the names of the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: the tool was not installed from its source tree, or a unit cannot be released.
    """
    package = find_package()
    said = []
    with tempfile.TemporaryDirectory() as scratch:
        wheel = staff_wheel(package, Path(scratch))
        packed = [
            (unit, zipped(contents(root, unit, package, wheel), PROGRAMS))
            for unit in wanted_units(root, units)
        ]
    out.mkdir(parents=True, exist_ok=True)
    for unit, content in packed:
        file = out / f"gradescope-{unit.name}.zip"
        file.write_bytes(content)
        worth = sum(exercise.points for exercise in unit.exercises if not exercise.written)
        said.append(
            f"Upload {file} as the autograder of {unit.name}, worth {worth:g} points; it holds the "
            "solutions, so keep it to yourself."
        )
    return said


def contents(root: Path, unit: Unit, package: Package, wheel: Path) -> dict[str, bytes]:
    """The files of a unit's zip."""
    known = {"@UNIT@": unit.name, "@MODULE@": unit.module, "@TORCH@": package.torch}
    packed = {f"course/{path}": content for path, content in staff_side(root, unit).items()}
    packed |= {wheel.name: wheel.read_bytes(), "fault.json": fault_json(unit.name)}
    for program in PROGRAMS:
        packed[program] = fill_template(
            "autograder.integrations.gradescope", program, known
        ).encode()
    return packed
