"""Having pytest collect and set up a unit's tests, in this process and with nothing else of it."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest


def run_pytest(files: Sequence[Path], plugin: object) -> tuple[int, str]:
    """Run pytest on the tests of one unit.

    Args:
        files: the test files.
        plugin: what is told of the tests, and does something else than calling them.

    Returns:
        pytest's exit code, and what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="handgrad-pytest-") as folder:
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n", encoding="utf-8")
        arguments = [
            *map(str, files),
            *("-c", str(settings)),
            f"--rootdir={files[0].parent.parent}",
            "--import-mode=importlib",
            "--noconftest",
            *("-p", "no:cacheprovider"),
            *("-p", "autograder.testing.plugin"),
        ]
        # Other plugins of the environment have no business here: one that reorders or repeats
        # tests would change what is graded.
        autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        said = io.StringIO()
        try:
            with redirect_stdout(said), redirect_stderr(said):
                code = pytest.main(arguments, plugins=[plugin])
        finally:
            _forget(files)
            if autoload is None:
                del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
            else:
                os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = autoload
    return int(code), said.getvalue()


def _forget(files: Sequence[Path]) -> None:
    """Take test modules out of the cache of imports, where pytest looks before it reads a file.

    It knows a file by its unit's folder and name, which another course may use too.
    """
    paths = {str(file) for file in files}
    for name, module in list(sys.modules.items()):
        if getattr(module, "__dict__", {}).get("__file__") in paths:
            del sys.modules[name]
