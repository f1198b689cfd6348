"""What this room takes in and gives back: units, attempts, checked copies, limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.errors import HandgradError

KIB = 1024
MIB = 1024 * KIB


class Unreadable(HandgradError):
    """A submission (or a path given by the staff) cannot be read.

    Its text is a sentence for the person who handed it in: what is wrong and what to do.
    """


@dataclass(frozen=True)
class Limits:
    """How much of a submission is ever read into memory.

    Generous for honest work: the largest unit is some tens of kilobytes of source, and a notebook
    is large only by its pictures.

    Attributes:
        source_bytes: one module, or all the code of one notebook.
        notebook_bytes: one notebook file, with its outputs.
        archive_bytes: one student's archive, as handed in.
        unpacked_bytes: everything unpacked for one student.
        members: files in one student's folder or archive.
        ratio: how many times its packed size a member of an archive may reach.
        nested_archives: archives inside a submission that are opened, at most.
        answer_chars: one written answer.
        class_unpacked_bytes: a whole class handed in as one ``.tar`` archive.
        class_members: files in the archive of a whole class.
    """

    source_bytes: int = MIB
    notebook_bytes: int = 64 * MIB
    archive_bytes: int = 64 * MIB
    unpacked_bytes: int = 256 * MIB
    members: int = 20_000
    ratio: int = 250
    nested_archives: int = 4
    answer_chars: int = 20_000
    class_unpacked_bytes: int = 1024 * MIB
    class_members: int = 500_000


@dataclass(frozen=True)
class RecognisedUnit:
    """What must be known of a unit to recognise work on it.

    Attributes:
        name: the folder's name, e.g. ``"05_convolution"``.
        module: the file's stem, e.g. ``"convolution"``.
        stub: the module as students received it, to tell an untouched file; None if unknown.
        questions: names of the written questions.
    """

    name: str
    module: str
    stub: str | None = None
    questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Where one part of a submission lies: a file, a folder or an archive.

    Attributes:
        path: a path on this machine.
        member: a name inside the archive at ``path`` (with a final ``/`` for a folder), or ``""``
            when ``path`` itself is the part.
        called: what the student called it, without what a download put in front.
    """

    path: Path
    member: str = ""
    called: str = ""


@dataclass(frozen=True)
class Attempt:
    """One submission of one student; nothing in it has been read yet.

    Attributes:
        student: the identifier that the download gives: folder name, Canvas user id, Moodle
            participant number, Gradescope student id.
        name: the name to display, ``""`` if unknown.
        email: from a Gradescope export, ``""`` if unknown.
        label: what the file or folder was called when it arrived.
        when: time of submission, ISO 8601, if the download says so.
        number: 1 for the first attempt, and so on.
        late: what the download says; None if it says nothing.
        path: the file or folder; for files inside a class archive, that archive.
        pieces: the parts it consists of.
        modules: modules of all units of the course, so that a file of one unit is never taken for
            another's.
    """

    student: str
    name: str
    label: str
    when: str | None
    number: int
    late: bool | None
    path: Path
    pieces: tuple[Piece, ...]
    modules: tuple[str, ...] = ()
    email: str = ""


@dataclass(frozen=True)
class Discovery:
    """All attempts under the given paths, and what the staff should know about them."""

    attempts: tuple[Attempt, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """Code to execute as one piece: a module, or one cell of a notebook.

    Attributes:
        label: ``"layers.py"`` or ``"layers.ipynb[cell 3]"``, for error messages.
        source: Python source whose line numbers are the student's own.
    """

    label: str
    source: str


@dataclass(frozen=True)
class Answer:
    """What a student wrote under a written question."""

    question: str
    text: str


@dataclass(frozen=True)
class Checked:
    """A checked copy of one unit's work in one attempt.

    Attributes:
        attempt: where it came from.
        unit: for which unit.
        cells: the code, in order.
        answers: the written answers that were given; a question left as released has none.
        digest: SHA-256 of the cells and answers: equal if and only if the same thing is graded.
        notes: sentences for the student about how the submission was read.
        untouched: the code is what was released, or nothing at all.
    """

    attempt: Attempt
    unit: RecognisedUnit
    cells: tuple[Cell, ...]
    answers: tuple[Answer, ...]
    digest: str
    notes: tuple[str, ...] = ()
    untouched: bool = False
