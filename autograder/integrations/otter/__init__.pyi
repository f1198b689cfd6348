from .cases import passes

__all__ = [
    "passes",
]
