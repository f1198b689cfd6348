"""From an attempt to a checked copy of its work on one unit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from autograder.submissions.choosing import candidates, is_notebook, stub_code
from autograder.submissions.contents import files_of
from autograder.submissions.folders import Item
from autograder.submissions.notebooks import read_notebook
from autograder.submissions.percent import PLACEHOLDER, answers_of, code_of, fingerprint
from autograder.submissions.records import (
    Answer,
    Attempt,
    Cell,
    Checked,
    Limits,
    RecognisedUnit,
    Unreadable,
)
from autograder.submissions.text import clean, clean_prose, decode, listing, newlines

_NOTES = 20
_TRIED = 8  # files of fitting names that are looked into


@dataclass(frozen=True)
class _File:
    """One module or notebook that was read.

    Attributes:
        label: its name, as shown.
        cells: its code.
        answers: question -> text, placeholders included.
        code: fingerprint of the code.
        notes: sentences about reading it.
        notebook: which of the two it is.
    """

    label: str
    cells: tuple[Cell, ...]
    answers: dict[str, str]
    code: str
    notes: tuple[str, ...]
    notebook: bool


def read(attempt: Attempt, unit: RecognisedUnit, limits: Limits | None = None) -> Checked | None:
    """The checked copy of one unit's work: text only, bounded, nothing executed.

    Args:
        attempt: as `discover` found it.
        unit: the unit wanted.
        limits: how much may be read (default `Limits`).

    Returns:
        The copy, or None if the attempt holds nothing for this unit.

    Raises:
        Unreadable: with a sentence for the student, if there is something that cannot be read.
    """
    limits = limits or Limits()
    notes: list[str] = []
    budget = _Budget(limits.unpacked_bytes)
    items = [budget.counted(item) for item in files_of(attempt.pieces, limits, notes)]
    found = candidates(items, unit, attempt.modules, limits.source_bytes)
    if not found:
        return None
    files, failures = _readable(found[:_TRIED], unit, limits)
    if not files:
        raise failures[0]
    notes += [f"{failure} Another file was graded instead." for failure in failures]
    graded = _chosen(files, unit, notes)
    answers, remarks = _answers(graded, files, unit, limits)
    notes += [*graded.notes, *remarks]
    untouched = not _changed(graded, unit)
    if not graded.code:
        notes.append(f"{graded.label} is empty: there is no code in it.")
    elif untouched:
        notes.append(f"The code in {graded.label} is as it was released.")
    return Checked(
        attempt=attempt,
        unit=unit,
        cells=graded.cells,
        answers=answers,
        digest=_digest(graded.cells, answers),
        notes=_bounded(list(dict.fromkeys(notes))),
        untouched=untouched,
    )


class _Budget:
    """Bounds what is read of one submission altogether."""

    def __init__(self, total: int) -> None:
        self.total = self.left = total

    def counted(self, item: Item) -> Item:
        """An item whose loading is counted."""

        def load(limit: int) -> bytes:
            data = item.load(min(limit, self.left))
            self.left -= len(data)
            return data

        return Item(item.name, load)


def _readable(
    found: list[Item], unit: RecognisedUnit, limits: Limits
) -> tuple[list[_File], list[Unreadable]]:
    files: list[_File] = []
    failures: list[Unreadable] = []
    for item in found:
        try:
            files.append(_notebook(item, limits) if is_notebook(item) else _module(item, limits))
        except Unreadable as failure:
            failures.append(failure)
    return files, failures


def _module(item: Item, limits: Limits) -> _File:
    label = clean(item.basename)
    source, remark = decode(item.load(limits.source_bytes), label)
    return _File(
        label=label,
        cells=(Cell(label, source),),
        answers=answers_of(source),
        code=fingerprint(code_of(source)),
        notes=(remark,) if remark else (),
        notebook=False,
    )


def _notebook(item: Item, limits: Limits) -> _File:
    label = clean(item.basename)
    content = read_notebook(item.load(limits.notebook_bytes), label, limits)
    return _File(
        label=label,
        cells=content.cells,
        answers={name: cell.text for cell in content.written for name in cell.names},
        code=fingerprint("\n".join(cell.source for cell in content.cells)),
        notes=content.notes,
        notebook=True,
    )


def _changed(file: _File, unit: RecognisedUnit) -> bool:
    """Whether a file's code is neither empty nor what was released."""
    stub = stub_code(unit)
    return bool(file.code) and (stub is None or file.code != fingerprint(stub))


def _chosen(files: list[_File], unit: RecognisedUnit, notes: list[str]) -> _File:
    """The file to grade: the likeliest one that was worked on, a module before a notebook."""
    modules = [file for file in files if not file.notebook]
    notebooks = [file for file in files if file.notebook]
    best = [_worked_on(kind, unit, notes) for kind in (modules, notebooks) if kind]
    if len(best) == 1:
        return best[0]
    module, notebook = best
    both = f"Both {module.label} and {notebook.label} are there"
    if _changed(module, unit) == _changed(notebook, unit):
        if module.code != notebook.code:
            notes.append(f"{both}; {module.label} was graded, because a module goes first.")
        return module
    graded, other = (module, notebook) if _changed(module, unit) else (notebook, module)
    reason = "is as it was released" if other.code else "is empty"
    notes.append(f"{both}; {graded.label} was graded, because the code in {other.label} {reason}.")
    return graded


def _worked_on(files: list[_File], unit: RecognisedUnit, notes: list[str]) -> _File:
    graded = next((file for file in files if _changed(file, unit)), files[0])
    others = [file.label for file in files if file.code != graded.code and _changed(file, unit)]
    if others:
        notes.append(
            f"{graded.label} was graded; {listing(others)}, also handed in, "
            f"{'was' if len(others) == 1 else 'were'} not."
        )
    return graded


def _answers(
    graded: _File, files: list[_File], unit: RecognisedUnit, limits: Limits
) -> tuple[tuple[Answer, ...], list[str]]:
    """The answers of the graded file, and those written only in the other one."""
    released = answers_of(newlines(unit.stub)) if unit.stub else {}
    remarks: list[str] = []
    answers: list[Answer] = []
    for question in unit.questions:
        unwritten = {_bare(text) for text in ("", PLACEHOLDER, released.get(question, ""))}
        for file in (graded, *(other for other in files if other is not graded)):
            text = file.answers.get(question, "").strip()
            if _bare(text) in unwritten:
                continue
            if len(text) > limits.answer_chars:
                text = text[: limits.answer_chars]
                remarks.append(
                    f"The answer to {question} was cut after {limits.answer_chars:,} characters."
                )
            if file is not graded:
                remarks.append(f"The answer to {question} was taken from {file.label}.")
            answers.append(Answer(question, clean_prose(text)))
            break
    return tuple(answers), remarks


def _bounded(notes: list[str]) -> tuple[str, ...]:
    """Archives can be made to say a thousand things; the last notes are those about the choice."""
    if len(notes) <= _NOTES:
        return tuple(notes)
    left = len(notes) - _NOTES
    return (*notes[: _NOTES // 2], f"And {left} more remarks.", *notes[-_NOTES // 2 :])


def _bare(text: str) -> str:
    return "".join(text.split())


def _digest(cells: tuple[Cell, ...], answers: tuple[Answer, ...]) -> str:
    """SHA-256 over all parts, each preceded by its length so that no two lists coincide."""
    digest = hashlib.sha256(f"{len(cells)} {len(answers)}".encode())
    pairs = [(c.label, c.source) for c in cells] + [(a.question, a.text) for a in answers]
    for part in (part for pair in pairs for part in pair):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(f"\n{len(data)}\n".encode() + data)
    return digest.hexdigest()
