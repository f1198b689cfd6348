"""What students get: every file of a release.

A release is a function of ``solutions/``, the policy and the package's version. Nothing here reads
what was released before, or writes; `autograder.release.publish` does, and hands in the figures.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import msgspec

from autograder.course import (
    DEFAULT_RULES,
    MARKER,
    TEST_FILES,
    CourseError,
    Exercise,
    Late,
    Policy,
    Release,
    Unit,
    names_used,
    parse,
    place,
    read_unit,
    rules_in_words,
)
from autograder.release.notebook import write_notebook
from autograder.release.package import Package
from autograder.release.stub import write_stub

ASSIGNMENTS = "assignments"
"""The folder of a course that holds what was released, committed beside ``solutions/``."""

GITIGNORE = """\
.venv/
__pycache__/
.hypothesis/
.ipynb_checkpoints/
.pytest_cache/
"""

PYTEST_INI = """\
[pytest]
addopts = --import-mode=importlib --ignore-glob=*.new*.py
"""


@dataclass(frozen=True)
class Contents:
    """A release before it is written.

    Attributes:
        version: the package's version and a hash of the files, e.g. ``"0.1.0+3f2a9c1b"``.
        files: the files by their paths, ``handgrad.json`` included, the wheel not.
    """

    version: str
    files: dict[str, bytes]


def write_contents(
    units: list[Unit],
    policy: Policy,
    package: Package,
    requirement: str,
    figures: Callable[[Unit, str], dict[str, bytes]],
) -> Contents:
    """The files of a release.

    Args:
        units: the units of ``solutions/``.
        policy: the course's policy; its name, due dates and late rule are public.
        package: the tool.
        requirement: how pip finds the tool, e.g. ``"./handgrad-0.1.0-py3-none-any.whl"``.
        figures: of a unit and its stub makes the figures, by their paths from the unit's folder.

    Raises:
        CourseError: a unit cannot be released.
    """
    texts = {
        "README.md": _readme(units, policy, package),
        "requirements.txt": _requirements(package, requirement),
        ".gitignore": GITIGNORE,
        "pytest.ini": PYTEST_INI,
    }
    public: list[Unit] = []
    drawn: dict[str, bytes] = {}
    for unit in units:
        tests = public_tests(unit)
        stub = write_stub(unit)
        texts[f"{unit.name}/{unit.module}.py"] = stub
        texts[f"{unit.name}/{unit.module}.ipynb"] = write_notebook(unit, stub)
        texts[f"{unit.name}/test_public.py"] = tests
        drawn |= {f"{unit.name}/{path}": svg for path, svg in figures(unit, stub).items()}
        public.append(public_unit(unit, stub, tests))
    files = {path: text.encode() for path, text in texts.items()} | drawn
    digests = {path: digest(content) for path, content in sorted(files.items())}
    whole = hashlib.sha256(repr(digests).encode()).hexdigest()
    version = f"{package.version}+{whole[:8]}"
    files[MARKER] = marker(Release(version, policy.name, tuple(public), digests))
    return Contents(version, files)


def marker(release: Release) -> bytes:
    """The text of ``handgrad.json``."""
    encoded = msgspec.json.encode(release, enc_hook=_encode_path, order="deterministic")
    return msgspec.json.format(encoded, indent=2) + b"\n"


def digest(content: bytes) -> str:
    """The SHA-256 of a file, the same whatever ends its lines: git may have changed that."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _encode_path(value: object) -> object:
    return cast(Path, value).as_posix()


def public_tests(unit: Unit) -> str:
    """The public tests, having seen that they can be run without what is secret."""
    for file in TEST_FILES:
        if not (unit.folder / file).is_file():
            raise CourseError(
                f"{unit.name} has no {file}, so it is not ready for students; add the tests, or "
                "keep the folder elsewhere until then."
            )
    path = unit.folder / "test_public.py"
    tree = parse(path)
    if "reference" in names_used(tree):
        raise CourseError(
            f"{place(path)}: a public test asks for the reference, which students do not have; "
            "compare with mathematics instead, or move the test to test_hidden.py."
        )
    return path.read_text(encoding="utf-8")


def public_unit(unit: Unit, stub: str, tests: str) -> Unit:
    """The unit as its released files declare it, with the points that it has in all."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, unit.name)
        folder.mkdir()
        (folder / f"{unit.module}.py").write_text(stub, encoding="utf-8")
        (folder / "test_public.py").write_text(tests, encoding="utf-8")
        released = read_unit(folder)
    known = {exercise.name: exercise for exercise in released.exercises}
    exercises = tuple(
        replace(
            known.get(exercise.name, Exercise(exercise.name, exercise.function, exercise.points)),
            points=exercise.points,
        )
        for exercise in unit.exercises
    )
    return replace(released, folder=Path(unit.name), exercises=exercises)


def _requirements(package: Package, requirement: str) -> str:
    return f"""\
# Run this in the folder of this file: python -m pip install -r requirements.txt
#
# On Linux this brings the CUDA build of torch, which is large. To have the build for the CPU, which
# is all this course needs, run this first:
#   python -m pip install {package.torch} --index-url https://download.pytorch.org/whl/cpu
{package.torch}
{requirement}
"""


def _readme(units: list[Unit], policy: Policy, package: Package) -> str:
    first = units[0] if units else None
    name = first.name if first else "03_layers"
    module = first.module if first else "layers"
    functions = [
        exercise.name for unit in units for exercise in unit.exercises if exercise.function
    ]
    function = functions[0] if functions else "linear_forward"
    return f"""\
# {policy.name}

```
python -m pip install -r requirements.txt
autograder check {name}
```

The first command installs what you need (Python 3.11 or newer; use a virtual environment). The
second runs the public tests of a unit on your work and says what to do next.

## Units

{_table(units, policy)}

The points of an exercise are earned by the public tests, which you have, and by hidden tests, which
run after you hand in. Public tests cover a part of what the text asks for, so read the text.

## What you write yourself

Your code may not call what it is asked to write. When it is graded, these raise an error and the
exercise that called them earns nothing: {rules_in_words(DEFAULT_RULES)}.{_exceptions(units)}
`autograder check` points at such calls in your text. Working with tensors (indexing, products,
sums, sorting, ...) is yours to use.

## How to work

1. Open a unit's folder. It holds the same exercises twice, as a module (`{module}.py`)
   and as a notebook (`{module}.ipynb`): work in whichever you prefer, and hand in that
   one. Derivations, shapes and worked examples stand above each exercise.
2. Replace each `raise NotImplementedError(...)` by your code. Keep names and arguments as they are.
   Written questions have a cell for your answer.
3. `autograder check {function}` checks one exercise. So does
   `pytest -k {function}`: the public tests are plain pytest; read them, and add your own.
4. Hand in your module or your notebook. Nothing else is needed.

When the course publishes a correction, files that you changed stay yours: the new text is written
beside them, for instance as `{module}.new.py`.

## PyTorch

The course uses `{package.torch}`, so that everybody computes the same numbers. The CPU is enough;
`requirements.txt` says how to get the small build for it. If you have a GPU with CUDA, the builds
for it are listed at <https://pytorch.org/get-started/locally/>: choose the same version.
"""


def _exceptions(units: list[Unit]) -> str:
    """The units whose rules differ from the usual, one line each."""
    lines = []
    for unit in units:
        more = rules_in_words(name for name in unit.forbids if name not in DEFAULT_RULES)
        less = rules_in_words(name for name in DEFAULT_RULES if name not in unit.forbids)
        said = [f"also {more}"] if more else []
        if not unit.forbids:
            said = ["everything is allowed"]
        elif less:
            said.append(f"{less} may be used")
        if said:
            lines.append(f"\n- {unit.number}. {unit.title}: {'; '.join(said)}.")
    return f" The exceptions:\n{''.join(lines)}\n" if lines else ""


def _table(units: list[Unit], policy: Policy) -> str:
    dated = bool(policy.due)
    rows = [
        "| unit | exercises | points |" + (" due |" if dated else ""),
        "| --- | --- | ---: |" + (" --- |" if dated else ""),
    ]
    for unit in units:
        exercises = ", ".join(
            f"`{exercise.name}` ({'written, ' * exercise.written}{points_text(exercise.points)})"
            for exercise in unit.exercises
        )
        row = (
            f"| [{unit.number}. {unit.title}]({unit.name}) | {exercises} "
            f"| {points_text(unit.points)} |"
        )
        if dated:
            due = policy.due.get(unit.name)
            row += f" {due:%Y-%m-%d %H:%M %Z} |" if due else " |"
        rows.append(row)
    if dated and policy.late.costs:
        rows += ["", _late(policy.late)]
    return "\n".join(rows)


def _late(rule: Late) -> str:
    """The sentence about work that comes late."""
    costs = []
    if rule.per_day:
        most = f", at most {100 * rule.at_most:g}%" if rule.at_most < 1 else ""
        costs.append(
            f"each day begun after the due date takes {100 * rule.per_day:g}% of the points "
            f"earned{most}"
        )
    if rule.cutoff_days is not None:
        costs.append(f"later than {rule.cutoff_days:g} days it is worth no points")
    grace = f" Up to {rule.grace_minutes:g} minutes late is on time." if rule.grace_minutes else ""
    return f"Late work: {'; '.join(costs)}.{grace}"


def points_text(points: float) -> str:
    """A number of points without needless decimals.

    Example:
        >>> points_text(2.0), points_text(0.5)
        ('2', '0.5')
    """
    return f"{points:g}"
