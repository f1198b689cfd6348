"""The programs that are installed beside this Python."""

from __future__ import annotations

import os
import sysconfig


def find_programs() -> None:
    """Let programs be found that are installed beside this Python, also where its environment was
    not activated: nbgrader starts one by name (alembic) when it makes a gradebook."""
    folder, path = sysconfig.get_path("scripts"), os.environ.get("PATH", "")
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, [folder, path]))
