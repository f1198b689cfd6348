"""Workers for the tests of this room."""

from spawned import descendants, forks, spawn

__all__ = ["descendants", "forks", "spawn"]
