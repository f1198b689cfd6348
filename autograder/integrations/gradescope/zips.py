"""A zip for each unit that makes Gradescope grade with this tool.

Gradescope unpacks it to ``/autograder/source``, runs ``setup.sh`` once as root when it builds the
image, and ``run_autograder`` as root for each submission. The form is that of
https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path

from autograder.course.declarations import CourseError
from autograder.integrations.gradescope.results_json import fault_json
from autograder.release.package import Package, build_wheel, find_package
from autograder.release.staff import staff_side, wanted_units, zipped
from autograder.course.units import Unit

PROGRAMS = ("setup.sh", "run_autograder")


def gradescope(root: Path, out: Path, units: Sequence[str]) -> list[str]:
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


def staff_wheel(package: Package, scratch: Path) -> Path:
    """The tool's wheel, for a machine that grades.

    Raises:
        CourseError: the tool was installed from a wheel, so there is nothing to build it from.
    """
    if package.source is None:
        raise CourseError(
            "The wheel of the tool goes into the archive, and it is built from the source tree: "
            "install the tool from a clone (pip install -e .) and try again."
        )
    return build_wheel(package, scratch)


def contents(root: Path, unit: Unit, package: Package, wheel: Path) -> dict[str, bytes]:
    """The files of a unit's zip."""
    known = {"@UNIT@": unit.name, "@MODULE@": unit.module, "@TORCH@": package.torch}
    packed = {f"course/{path}": content for path, content in staff_side(root, unit).items()}
    packed |= {wheel.name: wheel.read_bytes(), "fault.json": fault_json(unit.name)}
    for program in PROGRAMS:
        packed[program] = filled(f"gradescope/{program}", known).encode()
    return packed


def filled(name: str, known: Mapping[str, str]) -> str:
    """A file of ``autograder/release/templates`` with its marks replaced."""
    text = resources("autograder.release").joinpath("templates", name).read_text(encoding="utf-8")
    for mark, value in known.items():
        text = text.replace(mark, value)
    return text
