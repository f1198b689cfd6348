"""A worker where there is no fork: a process of its own that connects back to the grader.

``python -I -m autograder.worker.spawned PORT`` reads one line from its standard input: the token
that shows the grader who connects, and what else a worker must know, as JSON.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import json
import socket
import sys

from autograder.worker import process
from autograder.worker.children import before_spawned
from autograder.worker.confinement import Limits, Plan
from autograder.worker.forbidden import Ban, forbid


def main(port: int) -> None:
    """Connect to the grader at 127.0.0.1:port and be its worker."""
    settings = json.loads(sys.stdin.readline())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(bytes.fromhex(settings["token"]))
    process.warm_up()
    without = frozenset(settings["without"])
    forbidden = forbid(Ban.of(settings["ban"]))
    process.live(
        sock,
        seed=settings["seed"],
        limits=Limits(**settings["limits"]),
        directory=settings["directory"],
        parent=os.getppid(),
        plan=Plan.of(settings["profile"], without, before_spawned(without) | forbidden),
        device=settings["device"],
    )


if __name__ == "__main__":
    status = 1
    try:
        main(int(sys.argv[1]))
        status = 0
    finally:
        process.end(status)
