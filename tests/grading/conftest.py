"""The small course 01_scaling, graded by workers."""

from scaling import course_root, grade, grader, scaling_source, unit, workers
from spawned import descendants

__all__ = ["course_root", "descendants", "grade", "grader", "scaling_source", "unit", "workers"]
