"""What must be known of a learning platform to take its downloads as they are.

Each platform's own knowledge is beside the rest of it, in `autograder.integrations`; this room only
asks: what does the name of an entry say, and is there a file that lists the entries?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Arrived:
    """What a platform's name says.

    Attributes:
        student: the platform's identifier of the student.
        name: the name to display.
        file: what the student called it; ``""`` for a folder or a text typed into the platform.
        late: what the name says; None if such names say nothing.
        when: time of submission, ISO 8601, where names say it: files of one moment are one attempt.
        version: 0, or N of the ``-N`` that Canvas adds to a file handed in again.
        base: ``file`` without that ``-N``.
    """

    student: str
    name: str
    file: str
    late: bool | None = None
    version: int = 0
    base: str = ""
    when: str | None = None


@dataclass
class Person:
    """One submitter."""

    name: str = ""
    sid: str = ""
    email: str = ""

    @property
    def identifier(self) -> str:
        """The student id, else the email address, else the name."""
        return self.sid or self.email or self.name


@dataclass(frozen=True)
class Listed:
    """What a platform's own list says of one entry.

    Attributes:
        people: who handed it in together.
        when: time of submission, ISO 8601, if the list says so.
        number: 1 for the first attempt, and so on.
    """

    people: tuple[Person, ...] = ()
    when: str | None = None
    number: int = 1


def _says_nothing(name: str, folder: bool) -> None:
    """For a platform whose names tell no student."""


def _lists_nothing(text: str) -> dict[str, Listed]:
    return {}


@dataclass(frozen=True)
class Platform:
    """How one platform hands over a class.

    Attributes:
        name: the platform's.
        recognise: what a name says, given whether it is a folder's; None if it is none of the
            platform's.
        list_file: a file beside the entries that says whose they are; empty where there is none.
        read_list: the entries by name, from the text of that file.
    """

    name: str
    recognise: Callable[[str, bool], Arrived | None] = _says_nothing
    list_file: str = ""
    read_list: Callable[[str], Mapping[str, Listed]] = _lists_nothing
