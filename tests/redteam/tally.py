"""Who won: each test of the red team notes it in its report, and the end of the run adds them up.

Reports are what comes back from the processes in which pytest-xdist runs the tests, so that there
is one summary however many processes there were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

TRIED, SUCCEEDED, HARMED, NOT_TRIED = "tried", "succeeded", "harmed", "not tried"
_KIND = "red team: "

Tally = Callable[[str, str], None]


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Notes what became of an attack or an upload: ``tally(TRIED, name)``."""

    def note(what: str, name: str) -> None:
        request.node.user_properties.append((_KIND + what, name))

    return note


def noted(reports: Iterable[object], what: str) -> list[str]:
    """The names that tests noted; a test has several reports, and each repeats its notes."""
    names = {
        name
        for report in reports
        for kind, name in getattr(report, "user_properties", ())
        if kind == _KIND + what
    }
    return sorted(names)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    tried, skipped = noted(reports, TRIED), noted(reports, NOT_TRIED)
    if not tried and not skipped:
        return
    terminalreporter.section("red team")
    terminalreporter.write_line(f"attacks and broken uploads tried: {len(tried)}")
    for words, what in (
        ("attacks that succeeded", SUCCEEDED),
        ("honest submissions harmed", HARMED),
    ):
        names = noted(reports, what)
        listed = f": {', '.join(names)}" if names else ""
        terminalreporter.write_line(f"{words}: {len(names)}{listed}")
    for name in skipped:
        terminalreporter.write_line(f"not tried: {name}")
