"""What the submissions room must know of a unit to recognise work on it."""

from __future__ import annotations

from autograder.course import Course, Unit
from autograder.submissions import RecognisedUnit


def recognised_unit(course: Course, unit: Unit) -> RecognisedUnit:
    """What `autograder.submissions` must know of a unit."""
    released = course.root / "assignments" / unit.name / f"{unit.module}.py"
    stub = released.read_text(encoding="utf-8") if released.is_file() else None
    return RecognisedUnit(
        name=unit.name,
        module=unit.module,
        stub=stub,
        questions=tuple(question.name for question in unit.questions),
    )
