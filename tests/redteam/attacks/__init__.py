"""The attacks, by what they are after."""

from __future__ import annotations

import importlib
import pkgutil

from redteam.declare import ATTACKS, Attack


def every_attack() -> list[Attack]:
    """All attacks, theme by theme."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        importlib.import_module(f"{__name__}.{module.name}")
    return ATTACKS
