"""Where exams lie; known without torch."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path

SUFFIX = ".exam"
CARRIED = ".exams"
"""In a course's folder of units: exams that travel with it."""


def user_folder() -> Path:
    """Where this user's exams are kept."""
    return user_cache_path("handgrad") / "exams"
