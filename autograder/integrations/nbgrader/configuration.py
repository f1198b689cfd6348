"""What nbgrader loads: the parts of this project that its own configuration puts in place.

- `configure` sets them all, in ``nbgrader_config.py``.
- `stubs`: what students get of a solution.
- `filling`: `nbgrader autograde` grades with the hidden tests, and runs no notebook.
- `exporting`: `nbgrader export` leaves blank what needs a person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["configure"]


def configure(c: Any, course: Path) -> None:
    """Let nbgrader grade with this project.

    Args:
        c: nbgrader's configuration, from ``get_config()``.
        course: the folder that holds ``solutions/``.
    """
    from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
    from nbgrader import preprocessors as theirs

    from autograder.integrations.nbgrader.exporting import ExportWithBlanks
    from autograder.integrations.nbgrader.filling import FillGrades
    from autograder.integrations.nbgrader.programs import find_programs
    from autograder.integrations.nbgrader.stubs import ClearToStubs
    from autograder.release import ANSWER

    find_programs()
    c.FillGrades.course = str(Path(course).resolve())

    c.GenerateAssignment.preprocessors = [
        theirs.IncludeHeaderFooter,
        theirs.LockCells,
        ClearToStubs,
        theirs.ClearOutput,
        theirs.CheckCellMetadata,
        theirs.ComputeChecksums,
        theirs.SaveCells,
        theirs.ClearHiddenTests,
        theirs.ClearMarkScheme,
        theirs.ComputeChecksums,
        theirs.CheckCellMetadata,
    ]
    c.ClearSolutions.text_stub = ANSWER
    # The rubric stands in the question, which nbgrader locks; the answer is the cell below it.
    c.ClearMarkScheme.enforce_metadata = False

    # No notebook is run: FillGrades has the submission graded by workers, and enters the grades.
    c.Autograde.autograde_preprocessors = [FillGrades, theirs.CheckCellMetadata]

    # Only `nbgrader validate` runs notebooks: the first cell imports torch, which may take a while.
    c.Execute.timeout = 300

    # nbgrader restores locked cells for grading, rubrics too: students must not get those back.
    c.GenerateFeedback.preprocessors = [
        theirs.GetGrades,
        theirs.ClearMarkScheme,
        CSSHTMLHeaderPreprocessor,
    ]
    # Of a student's feedback nbgrader releases the page alone, so its figures are in it.
    c.HTMLExporter.embed_images = True
    c.ExportApp.plugin_class = ExportWithBlanks
