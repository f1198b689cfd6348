"""Errors of grading that have a sentence for the person at the keyboard."""

from __future__ import annotations


class GradingError(Exception):
    """Grading cannot start; the sentence says why and what to do."""


class ConfinementError(GradingError):
    """Students' code would be less confined than is required."""


class PreparationError(Exception):
    """A unit's tests cannot be used; the sentence says which and why."""


class DeviceLost(GradingError):
    """The GPU failed in the grader's own process, which cannot use it any more."""


class ResultError(Exception):
    """A result file cannot be used; the sentence says why."""
