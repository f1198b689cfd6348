"""The small course 01_cubes, in which everything secret has a canary."""

from cubes import course, cubes, folder, shared_course

__all__ = ["course", "cubes", "folder", "shared_course"]
