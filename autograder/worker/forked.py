"""What is known of a zygote that was forked from the process that is to ask it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class ForkedZygote:
    """A zygote that is a child of this process.

    Attributes:
        pid: its process.
        control: the socket on which it answers.
        directory: where its workers' directories lie.
        errors: what it prints.
    """

    pid: int
    control: socket.socket
    directory: str
    errors: IO[bytes]
