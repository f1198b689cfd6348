"""`nbgrader autograde`, graded by this project.

nbgrader would run the submitted notebook in a kernel, tests and all, and read the grades off the
cells' outputs. `FillGrades` takes the place of that: what was handed in is graded as
`autograder grade` does it, with the student's code in a worker that holds no test, and the grades
go to the gradebook. The grade cells get what the student may know as their output.

A fault of the grader is no zero: all grades of the submission then wait for a person.
"""

from __future__ import annotations

import atexit
import datetime as dt
import os
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.integrations.nbgrader.gradebook import enter
from autograder.report import exercise_html, note_html
from autograder.report import points_text as points_text
from autograder.worker import DEFAULT_LEVEL

if TYPE_CHECKING:
    from autograder.classroom import JobGrader
    from autograder.results import ExerciseResult, Result

_v4: Any = nbformat.v4  # its functions are not typed


class FillGrades(NbGraderPreprocessor):
    """Grades a submission from outside; runs none of it, and enters the grades."""

    course = Unicode("", help="The folder that holds solutions/.").tag(config=True)
    require = Unicode(
        DEFAULT_LEVEL, help="How well students' code must be confined; see docs/worker.md."
    ).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade the submission that a notebook belongs to.

        Args:
            nb: the notebook, as it will be shown to graders and students.
            resources: nbgrader's; they say whose it is and of which assignment.
        """
        where = resources["nbgrader"]
        result = self._result(where["assignment"], where["notebook"], where["student"])
        exercises = {exercise.name: exercise for exercise in result.exercises}
        said = " ".join([result.message, *result.notes]).strip()
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            cell.outputs, cell.execution_count = [], None
            if utils.is_grade(cell):
                cell.outputs = _outputs(exercises.get(cell.metadata.nbgrader.grade_id), said)
                said = ""  # once is enough
        with Gradebook(where["db_url"]) as gradebook:
            enter(gradebook, result)
        return nb, resources

    def _result(self, unit: str, notebook: str, student: str) -> Result:
        """What came of the submission; what needs a person, if the grader failed."""
        from autograder.classroom import (
            Job,
            Reply,
            find_submissions,
            needs_a_person,
            recognised_unit,
            with_lateness,
        )
        from autograder.submissions import Attempt

        attempt = Attempt(student, "", notebook, None, 1, None, Path(), ())
        try:
            grader = _grader(Path(self.course), self.require)
            folder, when = self._submitted(unit, student)
            known = [recognised_unit(grader.course, known) for known in grader.course.units]
            found = find_submissions([folder], known).attempts[-1]
            attempt = replace(found, student=student, when=when)
            graded = grader.grade(Job(number=0, unit=unit, attempt=attempt)).result
            if graded is None:
                raise RuntimeError("there is no result")
            return with_lateness(graded, attempt, grader.course.policy)
        except Exception:
            fault = traceback.format_exc()
            self.log.error("The grader failed on %s of %s:\n%s", unit, student, fault)
        job = Job(number=0, unit=unit, attempt=attempt)
        result = needs_a_person(job, Reply(number=0, fault=fault), 0.0)
        import msgspec

        return msgspec.structs.replace(
            result,
            message="The grader failed on this submission; that is not the student's fault. A "
            "person has to grade it, or nbgrader again once the fault is mended.",
        )

    def _submitted(self, unit: str, student: str) -> tuple[Path, str | None]:
        """The folder that was handed in, and when."""
        courses = self.parent.parent.coursedir  # of the exporter that runs this, its converter
        path = Path(courses.format_path(courses.submitted_directory, student, unit))
        came: dt.datetime | None = courses.get_existing_timestamp(str(path))
        when = came.replace(tzinfo=came.tzinfo or dt.UTC).isoformat() if came else None
        return path.resolve(), when


def _outputs(exercise: ExerciseResult | None, said: str) -> list[Any]:
    """What a grade cell shows: what the student may know, and the points.

    The points stand there as nbgrader's own reading of outputs expects them, so that it comes to
    the same if it is ever applied.
    """
    parts = [note_html(said)] if said else []
    parts += [exercise_html(exercise)] if exercise is not None else []
    outputs = [_v4.new_output("display_data", data={"text/html": html}) for html in parts]
    if exercise is not None and exercise.points is not None:
        text = points_text(exercise.points)
        outputs.append(_v4.new_output("execute_result", data={"text/plain": text}))
    return outputs


_open: tuple[object, JobGrader] | None = None


def _grader(course: Path, require: str) -> JobGrader:
    """The grader: kept for the next submission, until something of the course changes."""
    global _open
    files = [*(course / "solutions").glob("*.toml"), *(course / "solutions").glob("*/*.py")]
    state = (course, require, [(file, file.stat().st_mtime_ns) for file in sorted(files)])
    if _open is not None and _open[0] == state:
        return _open[1]
    _close()
    # Before torch: the inputs of tests are small, and threads would only be in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import msgspec

    from autograder.devices import likely_profile
    from autograder.supervisor import start_workers

    workers = start_workers(profile=likely_profile())  # before anything secret is read
    try:
        from autograder.classroom import JobGrader
        from autograder.course import Course
        from autograder.grading import settings_here

        opened = Course(course, "staff")
        settings = settings_here(opened.policy)
        settings = replace(settings, require=require)
        grader = JobGrader(opened, msgspec.to_builtins(settings), workers)
    except BaseException:
        workers.close()
        raise
    _open = (state, grader)
    return grader


def _close() -> None:
    global _open
    if _open is not None:
        _open[1].workers.close()
        _open = None


atexit.register(_close)
