"""`autograder doctor`: what this machine offers."""

from __future__ import annotations

from rich.markup import escape

from autograder.commands.console import out


def doctor() -> None:
    """Say what this machine offers, and what it means if something is missing."""
    from rich.table import Table

    from autograder.devices import machine_findings
    from autograder.supervisor import confinement_findings

    table = Table(show_header=False, box=None)
    for finding in [*machine_findings(), *confinement_findings()]:
        mark = "[green]yes[/]" if finding.there else "[yellow]no[/]"
        text = finding.detail if finding.there else finding.missing
        table.add_row(mark, finding.what, escape(text))
    out.print(table)
