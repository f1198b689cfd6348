"""The command `autograder`; what each of its commands does is in `autograder.commands`.

Each command says in one sentence what is wrong when it cannot do its work, and exits with 2; the
other exit codes are in its help.
"""

from __future__ import annotations

import os

import typer

from autograder.commands.accept import accept
from autograder.commands.check import check
from autograder.commands.console import sentences
from autograder.commands.demo import demo
from autograder.commands.doctor import doctor
from autograder.commands.grade import grade
from autograder.commands.prepare import prepare
from autograder.commands.release import release
from autograder.commands.report import report
from autograder.commands.resolve import resolve
from autograder.commands.verify import verify

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Coursework with hand-derived gradients: check your work, grade a class, make a release.",
    epilog="Students: [bold]autograder check[/]. Instructors: [bold]autograder demo[/] shows what "
    "grading a class looks like.",
)
# In the order of the help.
for command in (
    *(check, grade, resolve, accept, report),
    *(prepare, release, verify, demo, doctor),
):
    app.command()(sentences(command))


def main() -> None:
    """The entry point."""
    # Before anything imports torch: grading is parallel over submissions, not inside them, and a
    # process that forks must not have threads.
    os.environ["OMP_NUM_THREADS"] = "1"
    app()


if __name__ == "__main__":
    main()
