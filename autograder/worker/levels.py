"""How well a worker is confined, in one word.

A level is what the layers that held add up to. The names, their order and what each needs are
here; README's table says in words what each promises.
"""

from __future__ import annotations

from collections.abc import Mapping

ISOLATED, FILTERED, SEPARATED = "isolated", "filtered", "separated"
LIMITED, UNCONFINED = "limited", "none"

LEVELS = (ISOLATED, FILTERED, SEPARATED, LIMITED, UNCONFINED)  # the strongest first

DEFAULT_LEVEL = FILTERED  # the least at which hidden files cannot be read

PROMISES = {
    ISOLATED: "a file system of its own, alone, without a network",
    FILTERED: "no file of yours can be opened, nothing written, no network",
    SEPARATED: "it can read the files that every user of this machine can, write none, no network",
    LIMITED: "memory, time and output are bounded; files that you can read, it can read",
    UNCONFINED: "time and output are bounded, nothing else",
}

_LIMITED = ("memory", "cpu", "file size", "open files", "no new privileges")
_FILTERED = (*_LIMITED, "seccomp", "capabilities")
_ISOLATED = (*_FILTERED, "files", "pids", "network", "ipc", "processes")


def level_of(layers: Mapping[str, str]) -> str:
    """The level that a worker with these layers has.

    Args:
        layers: ``"ok"``, or why not, for each layer.
    """
    held = {name for name, state in layers.items() if state == "ok"}
    if held.issuperset(_ISOLATED) and held & {"user", "uid"}:
        return ISOLATED
    if held.issuperset(_FILTERED) and held & {"files", "landlock"}:
        return FILTERED
    if held.issuperset({*_FILTERED, "uid"}):
        return SEPARATED
    return LIMITED if held.issuperset(_LIMITED) else UNCONFINED


def reaches(level: str, required: str) -> bool:
    """Whether a level is as strong as the one that is required."""
    return LEVELS.index(level) <= LEVELS.index(required)
