"""The plugin that keeps students' code out of otter's own processes.

otter runs a submission and its tests in one kernel, next to the files of the autograder, and takes
the scores from there. With this plugin the kernel runs test cases only: the submission is put on a
workspace of its own, where `graded` has it graded by a worker, and in otter's folder nothing of it
is left that Python could import. The scores are then set from the result itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat

from autograder.integrations.otter.cases import GRADING_FOLDER, graded

_v4: Any = nbformat.v4  # its functions are not typed

COURSE = "handgrad"
"""The folder of the autograder's files that holds the staff's side of the unit."""

LOG = ".OTTER_LOG"


class Outside:
    """Grades outside otter's kernel.

    Args:
        submission_path: the notebook or module, in otter's folder for the submission; nothing
            where otter only makes an assignment.
        submission_metadata: Gradescope's; not used.
        plugin_config: not used.
    """

    def __init__(
        self, submission_path: str | None, submission_metadata: Any, plugin_config: Any
    ) -> None:
        self.submission = Path(submission_path or "")
        self.workspace: Path | None = None

    def before_grading(self, config: Any) -> None:
        """Otter unpickles a student's log next, which runs whatever it says."""
        (self.submission.parent / LOG).unlink(missing_ok=True)

    def before_execution(self, submission: Any) -> Any:
        """Put the submission aside.

        Args:
            submission: the notebook that otter would run.

        Returns:
            An empty one.
        """
        folder = self.submission.parent
        self.workspace = Path(tempfile.mkdtemp(prefix="handgrad-otter-"))
        (self.workspace / "submission").mkdir()
        shutil.copy(self.submission, self.workspace / "submission")
        (self.workspace / "course").symlink_to(folder.parent / "source" / "files" / COURSE)
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                if entry.name != "tests":  # otter's own, written over the student's
                    shutil.rmtree(entry)
            else:
                entry.unlink()
        os.environ[GRADING_FOLDER] = str(self.workspace)
        return _v4.new_notebook()

    def after_grading(self, results: Any) -> None:
        """Set every score from the result.

        Args:
            results: what otter's kernel reported.

        Raises:
            RuntimeError: the grader failed. otter then writes no score, and a person has to look.
        """
        assert self.workspace is not None, "otter runs before_execution first"
        os.environ.pop(GRADING_FOLDER, None)
        try:
            result = graded(self.workspace)
        finally:
            shutil.rmtree(self.workspace, ignore_errors=True)
        if results.has_catastrophic_failure():
            raise RuntimeError(f"needs a person: otter failed: {results.catastrophic_error}")
        points = {e.name: e.points or 0.0 for e in result.exercises if not e.written}
        for name in results.test_files:
            results.update_score(name, points.pop(name, 0.0))
        if points:
            raise RuntimeError(f"needs a person: otter reported nothing of {', '.join(points)}")
        said = " ".join(filter(None, [result.message, *result.notes]))
        if said:
            results.set_output(said)
