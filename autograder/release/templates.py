"""Text files with marks, which stand beside the code that knows what to write for them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files


def fill_template(package: str, name: str, known: Mapping[str, str]) -> str:
    """A file of a package's folder ``templates`` with its marks replaced.

    Args:
        package: the dotted name of the package.
        name: the file, with folders, e.g. ``"github/check.yml"``.
        known: by mark, e.g. ``"@TORCH@"``, what to write.
    """
    text = files(package).joinpath("templates", name).read_text(encoding="utf-8")
    for mark, value in known.items():
        text = text.replace(mark, value)
    return text
