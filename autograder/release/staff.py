"""The staff side of one unit, for tools that grade away from the course's repository.

What is packed here holds the reference and the hidden tests: it goes to the machine that grades,
never to students. Graded there or in the repository, a submission gets the same points, because
the unit's fingerprint is taken over the same files.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from autograder.course import MARKER, CourseError, Unit, find_units, read_policy
from autograder.release.folder import ASSIGNMENTS
from autograder.release.stub import write_stub

POINTS_DEPEND_ON = ("seed", "call_seconds", "submission_seconds", "memory_mb")
"""The settings of ``course.toml`` that the points of a submission depend on: all are numbers."""

_EPOCH = (2020, 2, 2, 0, 0, 0)


def wanted_units(root: Path, names: Collection[str]) -> list[Unit]:
    """The units of a course with these names; all if none is named.

    Raises:
        CourseError: the course has no unit.
    """
    units = find_units(root / "solutions")
    if not units:
        raise CourseError(f"{root / 'solutions'} holds no unit; add a folder like 05_convolution.")
    return [unit for unit in units if not names or unit.name in names]


def staff_side(root: Path, unit: Unit) -> dict[str, bytes]:
    """What grading one unit needs, by path from the root of a course of that unit alone.

    Args:
        root: the course's folder, which holds ``solutions/``.
        unit: one of its units.

    Returns:
        The unit's Python files, the stub that tells an untouched submission, and of the policy what
        points depend on.

    Raises:
        CourseError: ``course.toml`` is wrong.
    """
    files = {
        f"solutions/{unit.name}/{path.name}": path.read_bytes()
        for path in sorted(unit.folder.glob("*.py"))
    }
    files[f"{ASSIGNMENTS}/{unit.name}/{unit.module}.py"] = write_stub(unit).encode()
    files["solutions/course.toml"] = _policy(root / "solutions" / "course.toml").encode()
    if (root / ASSIGNMENTS / MARKER).is_file():
        files[f"{ASSIGNMENTS}/{MARKER}"] = (root / ASSIGNMENTS / MARKER).read_bytes()
    return files


def _policy(path: Path) -> str:
    """The policy for one unit on a machine that grades.

    Without dates: the tool there has its own, and those of other units would be of units that there
    are not. So without extensions too, which are personal data.
    """
    policy = read_policy(path)
    return "".join(f"{name} = {getattr(policy, name)}\n" for name in POINTS_DEPEND_ON)


def zipped(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """A zip archive, the same bytes for the same files.

    Args:
        files: by path.
        executable: the paths of programs.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the permissions below mean something
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()
