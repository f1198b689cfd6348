"""The tool's own package: its version, its pin of torch, and its wheel.

There is one place that names them, the metadata of the package. In a source tree that is
``pyproject.toml``; where the tool was installed, what pip wrote down.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from autograder.course import CourseError

DISTRIBUTION = "handgrad"


@dataclass(frozen=True)
class Package:
    """The installed tool.

    Attributes:
        version: e.g. ``"0.1.0"``.
        torch: the requirement on torch, e.g. ``"torch==2.13.0"``.
        source: the source tree, or None where the tool was installed from a wheel.
    """

    version: str
    torch: str
    source: Path | None

    @property
    def wheel(self) -> str:
        """The name of its wheel."""
        return f"{DISTRIBUTION}-{self.version}-py3-none-any.whl"


def find_package() -> Package:
    """What the running tool says of itself.

    Raises:
        CourseError: it is neither a source tree nor installed, or does not pin torch.
    """
    source = Path(__file__).resolve().parents[2]
    try:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        project = {}
    if project.get("name") == DISTRIBUTION:
        return Package(project["version"], _torch(project["dependencies"]), source)
    try:
        metadata = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise CourseError(
            f"{DISTRIBUTION} is not installed; install it with pip and try again."
        ) from error
    return Package(metadata.version, _torch(metadata.requires or []), None)


def _torch(requirements: list[str]) -> str:
    for requirement in requirements:
        if requirement.replace(" ", "").startswith("torch=="):
            return requirement.partition(";")[0].replace(" ", "")
    raise CourseError(
        "The package does not pin torch; name one version in the dependencies of pyproject.toml, "
        "e.g. torch==2.13.0."
    )


def build_wheel(package: Package, folder: Path) -> Path:
    """Build the tool's wheel from its source tree, without a network.

    Args:
        package: the tool; it must have a source tree.
        folder: where to put the wheel.

    Returns:
        The wheel. It holds the package ``autograder`` and its metadata and nothing else.

    Raises:
        CourseError: hatchling is missing, the build failed, or something else got in.
    """
    if importlib.util.find_spec("hatchling") is None:
        raise CourseError(
            "Building the wheel for students needs hatchling; run "
            f'python -m pip install "{DISTRIBUTION}[instructor]" and try again.'
        )
    program = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    built = subprocess.run(
        [sys.executable, "-c", program, str(folder.resolve())],
        cwd=package.source,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1580601600"},  # the same bytes every time
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    wheel = folder / package.wheel
    if built.returncode != 0 or not wheel.is_file():
        told = built.stderr.strip().splitlines()[-5:]
        raise CourseError(f"The wheel could not be built: {' '.join(told) or 'no reason given'}")
    allowed = ("autograder/", f"{DISTRIBUTION}-{package.version}.dist-info/")
    with zipfile.ZipFile(wheel) as archive:
        foreign = [name for name in archive.namelist() if not name.startswith(allowed)]
    if foreign:
        wheel.unlink()
        raise CourseError(
            f"The wheel would hold {', '.join(foreign[:5])}; only the package autograder belongs "
            "into it: correct [tool.hatch.build.targets.wheel] in pyproject.toml."
        )
    return wheel


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
