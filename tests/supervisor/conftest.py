"""Workers, and the small course 01_scaling that they grade."""

from scaling import course_root, grade, grader, scaling_source, unit, workers
from spawned import descendants, forks, spawn

__all__ = [
    "course_root",
    "descendants",
    "forks",
    "grade",
    "grader",
    "scaling_source",
    "spawn",
    "unit",
    "workers",
]
