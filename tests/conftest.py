"""For all of the tool's own tests, and how `pytest -n 2` shares them out."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

# The red team's own modules are `redteam.attacks.files` and so on.
sys.path.insert(0, str(Path(__file__).parent))

from redteam.tally import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# A run in the background of a shell may have been told to ignore Ctrl+C, and would hand that on to
# what it starts: there are tests of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# One thread a process: tensors are small, and threads would only wait for one another. The variable
# is for what the tests start; in this process the plugin has imported torch already.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

# Where readline was imported it has written down the width of a terminal, as in the processes of
# pytest-xdist; consoles that are made here would keep to that.
os.environ.pop("COLUMNS", None)


def pytest_configure(config: pytest.Config) -> None:
    """Exams are kept for the length of a run, for all of its processes together.

    Not where the user's are: what is tested is the code that draws them.
    """
    if hasattr(config, "workerinput"):
        return  # a process of pytest-xdist's has it in its environment
    own = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    os.environ.setdefault("PIP_CACHE_DIR", str(Path(own, "pip")))
    folder = tempfile.TemporaryDirectory(prefix="handgrad-cache-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CACHE_HOME"] = folder.name


# The tests of a file stay together, because they share what takes long to make; but those of these
# files have nothing in common.
APART = ("tests/units/test_verify.py",)

# The files that take longest, so that they begin first and none of them is left for the end.
LONGEST = (
    *APART,
    "tests/integrations/test_otter.py",
    "tests/commands/test_commands.py",
    "tests/redteam/test_attacks.py",
    "tests/integrations/test_gradescope.py",
    "tests/integrations/test_nbgrader.py",
    "tests/integrations/test_ci.py",
    "tests/redteam/test_uploads.py",
    "tests/mutation/test_sample.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # a process of pytest-xdist's
        rank = {file: position for position, file in enumerate(LONGEST)}
        items.sort(key=lambda item: rank.get(_file(item.nodeid), len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if _file(nodeid) in APART else _file(nodeid)

    config.option.loadscopereorder = False  # keeps the order above
    return ByFile(config, log)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
