"""The summary of who won, which has to be the same however the tests are shared out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from redteam.tally import pytest_terminal_summary, tally
"""

TESTS = """
import pytest
from redteam.tally import HARMED, NOT_TRIED, SUCCEEDED, TRIED

@pytest.mark.parametrize("n", range(3))
def test_one(n, tally):
    tally(TRIED, f"{__name__[-1]}{n}")
    if n == 1:
        tally(SUCCEEDED, f"{__name__[-1]}{n}")
    assert n != 1

def test_next(tally):
    tally(TRIED, "the same in both files")
    tally(HARMED, "honest")

def test_other(tally):
    tally(NOT_TRIED, "theme:name: no reason")
    pytest.skip("no reason")
"""

SUMMARY = """\
attacks and broken uploads tried: 7
attacks that succeeded: 2: a1, b1
honest submissions harmed: 1: honest
not tried: theme:name: no reason
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest in a folder, without what is installed beside it."""
    (folder / "conftest.py").write_text(CONFTEST)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "processes", [(), ("-p", "xdist", "-n", "2", "--dist", "loadfile")], ids=["one", "two"]
)
def test_it_counts_everything_once_whichever_process_it_ran_in(
    processes: tuple[str, ...], tmp_path: Path
) -> None:
    if processes:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed: pip install '.[dev]'")
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(TESTS)
    done = run(tmp_path, *processes)
    assert done.stdout.count("= red team =") == 1, done.stdout + done.stderr
    assert SUMMARY in done.stdout
    assert "2 failed, 6 passed, 2 skipped" in done.stdout


def test_a_run_without_the_red_team_says_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_one(): pass\n")
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "red team" not in done.stdout
