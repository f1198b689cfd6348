"""A unit's own implementations as modules of this process: our code, which runs here."""

from __future__ import annotations

from types import ModuleType

from autograder.course import Mistake, Unit


def reference_of(unit: Unit) -> ModuleType:
    """The reference of a unit, as a module of this process."""
    module = ModuleType(unit.module)
    source = unit.source_file.read_text(encoding="utf-8")
    exec(compile(source, str(unit.source_file), "exec"), module.__dict__)
    return module


def module_of(mistake: Mistake) -> ModuleType:
    """A module with a mistake. It is our own code, and runs here as the reference does."""
    module = ModuleType(mistake.name)
    exec(compile(mistake.source, f"<{mistake.name}>", "exec"), module.__dict__)
    return module
