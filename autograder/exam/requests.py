"""What an exam is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.course import Unit

PUBLIC, HIDDEN = "test_public.py", "test_hidden.py"


@dataclass(frozen=True)
class ExamRequest:
    """What an exam is made of.

    Attributes:
        unit: whose tests.
        seed: where the inputs come from.
        devices: the names of the devices to test on.
        hidden: whether hidden tests are in it, and what needs the reference; only staff have them.
        smaller: whether small inputs are in it, to show one that fails.
    """

    unit: Unit
    seed: int
    devices: tuple[str, ...]
    hidden: bool = True
    smaller: bool = True

    @property
    def test_files(self) -> list[Path]:
        """The files of its tests, public ones first.

        Students see the messages of public tests, and a message that their code writes must not be
        able to carry a hidden input.
        """
        names = (PUBLIC, HIDDEN) if self.hidden else (PUBLIC,)
        return [file for name in names if (file := self.unit.folder / name).is_file()]
