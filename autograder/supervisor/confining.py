"""How well students' code is confined here, and whether that is enough.

The level is asked for three times: by `doctor`, before a class is graded, and of every worker
before it is given any of a student's code. The last one decides: a layer that held at first and
fails later costs a person's time, not a hidden test.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile

from autograder.devices import Finding, can_fork
from autograder.errors import HandgradError
from autograder.worker import DEFAULT_LEVEL, LEVELS, PROMISES, level_of, reaches

_SECONDS = 60.0


class ConfinementError(HandgradError):
    """Students' code would be less confined than is required."""


@functools.cache
def layers_here(kind: str = "", profile: str = "cpu") -> dict[str, str]:
    """Which layers a worker has on this machine, found out by confining a process.

    Args:
        kind: ``"fork"`` or ``"spawn"``; empty for the best there is.
        profile: ``"cpu"`` or ``"cuda"``.

    Raises:
        ConfinementError: there are no such workers here, or the process could not be started.
    """
    best = "fork" if can_fork() else "spawn"
    kind = kind or best
    if kind not in ("spawn", best):
        raise ConfinementError(f"There are no workers of kind {kind!r} here; take {best!r}.")
    with tempfile.TemporaryDirectory(prefix="handgrad-") as directory:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "autograder.worker.trial", kind, profile, directory],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            cwd="/" if os.name == "posix" else None,
        )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise ConfinementError(
            "It could not be found out how students' code is confined here: "
            f"{done.stderr.strip()[-500:] or f'exit status {done.returncode}'}"
        ) from None
    return {str(name): str(state) for name, state in said.items()}


def require_level(required: str, layers: dict[str, str]) -> None:
    """Insist on a level.

    Args:
        required: one of `LEVELS`.
        layers: of a worker, or of this machine.

    Raises:
        ConfinementError: there is less, or no such level.
    """
    if required not in LEVELS:
        raise ConfinementError(f"There is no level {required!r}; take one of {', '.join(LEVELS)}.")
    level = level_of(layers)
    if reaches(level, required):
        return
    raise ConfinementError(
        f"Students' code would only be confined at level {level!r} here ({PROMISES[level]}), and "
        f"{required!r} is required. {_lacking(layers)} Grade where user namespaces or Landlock are "
        "allowed (docs/worker.md says how, also in a container); or, if you trust these "
        f"submissions, accept what there is with --require {level}."
    )


def confinement_findings() -> list[Finding]:
    """What `doctor` says about the confinement of workers."""
    try:
        layers = layers_here()
    except ConfinementError as error:
        return [Finding("confinement", False, "", str(error))]
    level = level_of(layers)
    text = f"level {level}: {PROMISES[level]}"
    enough = reaches(level, DEFAULT_LEVEL)
    found = [Finding("confinement", enough, text, f"{text}. {_lacking(layers)}")]
    for name, state in layers.items():
        if state != "ok" and not state.startswith("not needed"):
            found.append(Finding(f"  {name}", False, "", state))
    held = [name for name, state in layers.items() if state == "ok"]
    return [*found, Finding("  layers", bool(held), ", ".join(held), "none holds")]


def _lacking(layers: dict[str, str]) -> str:
    """The reasons, of the layers that decide about a level, why one does not hold."""
    deciding = ("files", "landlock", "seccomp", "pids", "network")
    reasons = [f"{n}: {layers[n]}" for n in deciding if layers.get(n, "ok") != "ok"]
    return f"What is missing: {'; '.join(reasons)}." if reasons else ""
