"""Results -> a gradebook of nbgrader, through nbgrader's own interface.

An assignment is a unit, its one notebook the unit's module, and a grade cell an exercise. What the
tests earned is nbgrader's automatic score; points that a person gave with `autograder resolve` are
its manual score; where a person is needed the grade waits for one. Scores that somebody entered in
nbgrader's form grader stay.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autograder.classroom import parse_moment
from autograder.integrations.nbgrader.programs import find_programs
from autograder.report import building_on
from autograder.results import ExerciseResult, Result, ResultError


def module_of(unit: str) -> str:
    """The notebook of a unit.

    Example:
        >>> module_of("05_convolution")
        'convolution'
    """
    return unit.partition("_")[2]


def database_url(text: str) -> str:
    """The database that somebody means by a URL or by the path of a file.

    Example:
        >>> database_url("sqlite:///gradebook.db")
        'sqlite:///gradebook.db'
    """
    return text if "://" in text else f"sqlite:///{Path(text).resolve()}"


def write_gradebook(url: str, results: Sequence[Result]) -> list[str]:
    """Enter results into a gradebook; what is there already and is not of them stays.

    Args:
        url: of the database, e.g. ``"sqlite:///gradebook.db"``; made if there is none.
        results: those that count.

    Returns:
        What was done, in sentences.

    Raises:
        ResultError: the gradebook cannot be used, or is of other exercises.
        ModuleNotFoundError: nbgrader or what it needs is not installed.
    """
    from nbgrader.api import Gradebook, InvalidEntry
    from sqlalchemy.exc import SAWarning, SQLAlchemyError

    find_programs()
    said = []
    try:
        with Gradebook(url) as gradebook, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own ways with its database
            for unit in sorted({result.unit for result in results}):
                of_unit = [result for result in results if result.unit == unit]
                said.append(_enter_unit(gradebook, unit, of_unit))
    except (SQLAlchemyError, InvalidEntry) as error:
        reason = str(error).splitlines()[0]
        raise ResultError(
            f"The gradebook {url} cannot be used ({reason}). Name a database that can be written, "
            "like sqlite:///gradebook.db; one of an older nbgrader needs `nbgrader db upgrade`."
        ) from None
    return said


def _enter_unit(gradebook: Any, unit: str, results: Sequence[Result]) -> str:
    handed_in = [result for result in results if result.status != "missing"]
    known = next((result.exercises for result in results if result.exercises), [])
    for result in results:
        _student(gradebook, result)
    if handed_in:
        require_cells(gradebook, unit, known)
    for result in handed_in:
        enter(gradebook, result)
    count, waiting = len(handed_in), sum(result.pending > 0 for result in handed_in)
    text = f"{unit}: {count} submission{'s are' if count != 1 else ' is'} in the gradebook"
    if not waiting:
        return f"{text}."
    return f"{text}, {waiting} of them wait{'s' if waiting == 1 else ''} for a person."


def require_cells(gradebook: Any, unit: str, exercises: Sequence[ExerciseResult]) -> None:
    """See to it that the gradebook has the unit with these exercises.

    Raises:
        ResultError: it has the unit with others, or nothing is known of the unit.
    """
    from nbgrader.api import MissingEntry

    notebook = module_of(unit)
    try:
        there = gradebook.find_notebook(notebook, unit)
    except MissingEntry:
        there = None
    if there is not None and there.grade_cells:
        cells = {cell.name: cell.max_score for cell in there.grade_cells}
        wanted = {exercise.name: exercise.max_points for exercise in exercises} or cells
        if cells != wanted:
            odd = sorted(dict(cells.items() ^ wanted.items()))
            raise ResultError(
                f"The gradebook's {unit} has other exercises or points than these results "
                f"({', '.join(odd)}). Make the assignment again (`autograder release FOLDER "
                "--format nbgrader`), or enter the results into another gradebook."
            )
        return
    if not exercises:
        raise ResultError(
            f"None of the results of {unit} says what its exercises are, and the gradebook does "
            "not know the unit. Grade a submission that can be read, or release the unit first."
        )
    gradebook.update_or_create_assignment(unit)
    gradebook.update_or_create_notebook(notebook, unit)
    for exercise in exercises:
        kind = "markdown" if exercise.written else "code"
        gradebook.update_or_create_grade_cell(
            exercise.name, notebook, unit, max_score=exercise.max_points, cell_type=kind
        )
        name = exercise.name if exercise.written else solution_cell(exercise.name)
        gradebook.update_or_create_solution_cell(name, notebook, unit)


def solution_cell(exercise: str) -> str:
    """The name of the cell that an exercise is solved in, if no other is solved in it first."""
    return f"{exercise}_solution"


def enter(gradebook: Any, result: Result) -> None:
    """Enter one result, of a unit that the gradebook has.

    Args:
        gradebook: an open `nbgrader.api.Gradebook`.
        result: what was handed in and came of it.
    """
    unit, notebook, student = result.unit, module_of(result.unit), result.student
    _student(gradebook, result)
    came = parse_moment(result.submitted)
    when = {"timestamp": came.replace(tzinfo=None)} if came else {}
    submission = gradebook.update_or_create_submission(unit, student, **when)
    due = parse_moment(result.due)
    if due is not None and submission.assignment.duedate is not None:
        submission.extension = due.replace(tzinfo=None) - submission.assignment.duedate
    submitted = gradebook.find_submission_notebook(notebook, unit, student)
    exercises = {exercise.name: exercise for exercise in result.exercises}
    for grade in submitted.grades:
        _score(grade, exercises.get(grade.name), result)
    comments = dict(_comments(result.exercises))
    for comment in submitted.comments:
        comment.auto_comment = comments.get(comment.name)
    gradebook.db.commit()
    if result.resolution is not None and submitted.grades:
        # nbgrader knows no points for the whole: the first cell carries the difference.
        first = min(submitted.grades, key=lambda grade: grade.name)
        without = sum(grade.score for grade in submitted.grades) - (first.extra_credit or 0.0)
        first.extra_credit = result.resolution.points - without
        gradebook.db.commit()
    share = 0.0 if result.resolution is not None else result.penalty
    gradebook.db.refresh(submitted)
    submitted.late_submission_penalty = submitted.score - round(submitted.score * (1 - share), 2)
    gradebook.db.commit()


def _student(gradebook: Any, result: Result) -> None:
    student = gradebook.update_or_create_student(result.student)
    if result.name and not (student.first_name or student.last_name):
        first, _, last = result.name.rpartition(" ")
        gradebook.update_or_create_student(result.student, first_name=first, last_name=last)


def _score(grade: Any, exercise: ExerciseResult | None, result: Result) -> None:
    """The grade of one exercise; a person's own entry in nbgrader is kept, and looked at again."""
    if exercise is not None and exercise.status == "marked":
        grade.auto_score = exercise.graded_points
        grade.manual_score = exercise.points
        grade.needs_manual_grade = False
        return
    if exercise is not None:
        points = exercise.points
    else:  # nothing of it was graded: it could not be read, or the grader failed
        points = None if result.status == "needs a person" else 0.0
    final = result.resolution is not None
    waiting = points is None or (exercise is not None and exercise.pending > 0)
    grade.auto_score = 0.0 if points is None and final else points
    grade.needs_manual_grade = not final and (waiting or grade.manual_score is not None)


def _comments(exercises: Iterable[ExerciseResult]) -> Iterable[tuple[str, str]]:
    """What nbgrader shows below a student's cell: short, and nothing of the hidden tests."""
    for exercise in exercises:
        if exercise.reason:
            said = exercise.reason
        elif exercise.written:
            said = "No response." if exercise.status == "not attempted" else ""
        else:
            known = exercise.diagnosis.sentence if exercise.diagnosis else ""
            said = " ".join(filter(None, [known, building_on(exercise)]))
        if said:
            yield exercise.name if exercise.written else solution_cell(exercise.name), said
