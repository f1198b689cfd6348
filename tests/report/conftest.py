"""Results as a test wants them."""

from made_results import make_exercise, make_result, make_test, write_class

__all__ = ["make_exercise", "make_result", "make_test", "write_class"]
