"""What can be wrong with a class run."""

from __future__ import annotations

from autograder.errors import HandgradError


class GradingError(HandgradError):
    """Grading cannot start, or a decision cannot be entered; the sentence says why."""
