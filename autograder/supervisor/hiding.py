"""Keeping other processes of our user from looking into this one."""

from __future__ import annotations

import contextlib

from autograder.worker import set_dumpable


class Hidden:
    """While there is a zygote, processes of our user may not look into this one."""

    _count = 0

    @classmethod
    def enter(cls) -> None:
        cls._count += 1
        with contextlib.suppress(OSError):
            set_dumpable(False)

    @classmethod
    def leave(cls) -> None:
        cls._count -= 1
        if not cls._count:
            with contextlib.suppress(OSError):
                set_dumpable(True)
