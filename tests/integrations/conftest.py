"""The small course 01_cubes, and results as a test wants them."""

from cubes import course, cubes, folder, shared_course
from made_results import make_exercise, make_result, make_test, write_class

__all__ = [
    "course",
    "cubes",
    "folder",
    "make_exercise",
    "make_result",
    "make_test",
    "shared_course",
    "write_class",
]
