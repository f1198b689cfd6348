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

from autograder.course import MARKER, find_units
from autograder.declarations import CourseError
from autograder.release.publish import ASSIGNMENTS
from autograder.release.stub import write_stub
from autograder.units import Unit

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
        The unit's Python files and the policy, and the stub that tells an untouched submission.
    """
    files = {
        f"solutions/{unit.name}/{path.name}": path.read_bytes()
        for path in sorted(unit.folder.glob("*.py"))
    }
    files[f"{ASSIGNMENTS}/{unit.name}/{unit.module}.py"] = write_stub(unit).encode()
    for name in ("solutions/course.toml", f"{ASSIGNMENTS}/{MARKER}"):
        if (root / name).is_file():
            files[name] = (root / name).read_bytes()
    return files


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
