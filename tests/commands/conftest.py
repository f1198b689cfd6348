"""The small course 01_scaling."""

from scaling import course_root, grade, grader, scaling_source, unit, workers

__all__ = ["course_root", "grade", "grader", "scaling_source", "unit", "workers"]
