"""Which of a submission's files is the work on a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.submissions.folders import Item
from autograder.submissions.naming import claimed_by, fit, is_source
from autograder.submissions.percent import code_of
from autograder.submissions.records import RecognisedUnit, Unreadable
from autograder.submissions.text import listing

_DEFINES = re.compile(rb'(?:^|"|\\n)[ \t]*def[ \t]+(\w+)', re.MULTILINE)  # also inside JSON
_STUB_DEFINES = re.compile(r"^def (\w+)", re.MULTILINE)
_UNWRITTEN = re.compile(r"^[ \t]+raise NotImplementedError", re.MULTILINE)


def candidates(
    items: Sequence[Item], unit: RecognisedUnit, modules: Sequence[str], limit: int
) -> list[Item]:
    """The files that may be the unit's module or notebook, the likeliest first.

    By name: the unit's own name, then a copy of it (``layers (1).py``), then a name that holds it
    (``alice_layers.py``); in the unit's folder before elsewhere, near the top before deep inside.
    With no such name: the only file, or the only one that defines a function the unit asks for.

    Args:
        items: the modules and notebooks of the submission.
        unit: the unit.
        modules: the modules of all units, whose files are theirs.
        limit: how many bytes of a file to look at.

    Returns:
        Modules and notebooks, best first; empty if there is nothing for this unit.

    Raises:
        Unreadable: if there are files, but none can be told to be the unit's.
    """
    known = {unit.module, *modules}
    owners = {item.name: claimed_by(item.basename, known) for item in items}
    named = [item for item in items if owners[item.name] == unit.module]
    if any(fit(item.basename, unit.module)[0] < 2 for item in named):
        # Beside the module itself, `layers_notes.py` counts only if it does the same work.
        named = [
            item
            for item in named
            if fit(item.basename, unit.module)[0] < 2 or _functions(unit) & _defined(item, limit)
        ]
    if named:
        return sorted(named, key=lambda item: _rank(item, unit, known))
    return _unnamed(
        [item for item in items if owners[item.name] is None], items, unit, known, limit
    )


def _rank(item: Item, unit: RecognisedUnit, known: set[str]) -> tuple[object, ...]:
    folders = [part.casefold() for part in item.name.split("/")[:-1]]
    home = any(part in (unit.name.casefold(), unit.module.casefold()) for part in folders)
    foreign = any(claimed_by(part, known) not in (None, unit.module) for part in folders)
    quality, copy = fit(item.basename, unit.module)
    return quality, 0 if home else 2 if foreign else 1, copy, len(folders), item.name


def _unnamed(
    free: list[Item], items: Sequence[Item], unit: RecognisedUnit, known: set[str], limit: int
) -> list[Item]:
    """Of files that carry no unit's name, those that are this unit's."""
    only_unit = len(known) == 1 and len(free) == len(items)
    chosen: list[Item] = []
    for ending in (".py", ".ipynb"):
        kind = [item for item in free if item.basename.casefold().endswith(ending)]
        if only_unit and len(kind) == 1:
            chosen += kind
        elif unit.stub is not None:
            fitting = [item for item in kind if _functions(unit) & _defined(item, limit)]
            chosen += fitting if len(fitting) == 1 else []
    if not chosen and free and only_unit:
        raise Unreadable(
            f"None of {listing([item.name for item in free])} is called {unit.module}.py. Rename "
            "the file with your work and hand it in again."
        )
    return chosen


def _functions(unit: RecognisedUnit) -> set[bytes]:
    """The functions that students write: what they are given says nothing about whose it is."""
    parts = _STUB_DEFINES.split(unit.stub or "")[1:]
    bodies = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name.encode() for name, body in bodies.items() if _UNWRITTEN.search(body)}


def _defined(item: Item, limit: int) -> set[bytes]:
    try:
        return set(_DEFINES.findall(item.load(limit)))
    except Unreadable:
        return set()


def is_notebook(item: Item) -> bool:
    """Whether a source is a notebook rather than a module."""
    assert is_source(item.basename)
    return item.basename.casefold().endswith(".ipynb")


def stub_code(unit: RecognisedUnit) -> str | None:
    """The code of the unit as released, without the handout; None if unknown."""
    return None if unit.stub is None else code_of(unit.stub)
