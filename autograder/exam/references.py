"""A unit's own implementations as modules of this process: our code, which runs here."""

from __future__ import annotations

from types import ModuleType

from autograder.course import Mistake, Unit


def reference_of(unit: Unit) -> ModuleType:
    """The reference of a unit, as a module of this process."""
    source = unit.source_file.read_text(encoding="utf-8")
    return _executed(unit.module, source, str(unit.source_file))


def module_of(mistake: Mistake) -> ModuleType:
    """A module with a mistake. It is our own code, and runs here as the reference does."""
    return _executed(mistake.name, mistake.source, f"<{mistake.name}>")


def _executed(name: str, source: str, file: str) -> ModuleType:
    module = ModuleType(name)
    exec(compile(source, file, "exec"), module.__dict__)
    return module
