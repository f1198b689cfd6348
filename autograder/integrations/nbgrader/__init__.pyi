from .configuration import configure

__all__ = [
    "configure",
]
