"""Which layers hold on this machine: ``python -I -m autograder.worker.trial KIND PROFILE FOLDER``.

A process is started and confined exactly as a worker of that kind is, but without torch, and prints
what held as JSON.
"""

from __future__ import annotations

import json
import os
import sys

from autograder.worker.confinement import Limits, Plan, confine
from autograder.worker.children import Nursery, before_spawned


def main(kind: str, profile: str, directory: str) -> None:
    """Confine a process and print its layers."""
    nursery = Nursery() if kind == "fork" else None
    before = nursery.layers if nursery is not None else before_spawned()
    plan = Plan.of(profile, frozenset(), before)

    def live(parent: int) -> None:
        layers = confine(Limits(), directory, parent, plan)
        os.write(1, json.dumps(layers).encode())
        os._exit(0)

    if nursery is None:
        live(os.getppid())
    else:
        pid, _ = nursery.fork(live)
        sys.exit(nursery.reap(pid, 20.0))


if __name__ == "__main__":
    main(*sys.argv[1:4])
