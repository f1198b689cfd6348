"""Two repositories for CI on submission: what students work in, and what staff grade from.

The students' one checks with the public tests at every push. The hidden tests are in the staff's
one, which is private, and whose workflow fetches the students' files: a repository that a student
can write to can be made to print whatever its jobs can read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograder.release import (
    fill_template,
    find_package,
    release,
    require_apart,
    staff_side,
    staff_wheel,
    wanted_units,
)

ROOM = "autograder.integrations.ci"

WORKFLOWS = {
    "github": {"check": ".github/workflows/check.yml", "grade": ".github/workflows/grade.yml"},
    "gitlab": {"check": ".gitlab-ci.yml", "grade": ".gitlab-ci.yml"},
}
"""For each host where it looks for the workflow that checks, and the one that grades."""

REPOSITORIES = """\
# A line for each student: an id, a space, and the path of the repository on the server.
# ada course-2026/work-ada
"""


def write_repositories(host: str, root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Write ``OUT/student`` and ``OUT/staff``.

    Args:
        host: one of `WORKFLOWS`.
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write. Work in ``student`` and a changed ``repositories.txt`` stay.
        units: the names of the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: a unit cannot be released.
    """
    require_apart(root, out)
    package = find_package()
    known = {
        "@TORCH@": package.torch,
        "@WHEEL@": package.wheel,
        "@UNITS@": "".join(f" --unit {name}" for name in units),
    }
    student, staff = out / "student", out / "staff"
    said = release(root, student, only=units).sentences()
    files = {
        student / WORKFLOWS[host]["check"]: fill_template(
            ROOM, f"{host}/check.yml", known
        ).encode(),
        staff / WORKFLOWS[host]["grade"]: fill_template(ROOM, f"{host}/grade.yml", known).encode(),
        staff / "collect.sh": fill_template(ROOM, "collect.sh", known).encode(),
    }
    for unit in wanted_units(root, units):
        for path, content in staff_side(root, unit).items():
            files[staff / "course" / path] = content
    with tempfile.TemporaryDirectory() as scratch:
        wheel = staff_wheel(package, Path(scratch))
        files[staff / wheel.name] = wheel.read_bytes()
    if not (staff / "repositories.txt").exists():
        files[staff / "repositories.txt"] = REPOSITORIES.encode()
    for place, content in files.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return [
        *said,
        f"{student} is the template of the students' repositories.",
        f"{staff} is a repository that must stay private: it holds the solutions. Name the "
        "students' repositories in its repositories.txt.",
    ]
