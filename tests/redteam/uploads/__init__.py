"""The broken and odd uploads, by what is odd about them."""

from __future__ import annotations

import importlib
import pkgutil

from redteam.handing_in import UPLOADS, Upload


def every_upload() -> list[Upload]:
    """All uploads, theme by theme."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        importlib.import_module(f"{__name__}.{module.name}")
    return UPLOADS
