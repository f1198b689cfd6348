"""Which layers hold on this machine: ``python -I -m autograder.worker.trial KIND PROFILE FOLDER``.

A process is started and confined exactly as a worker of that kind is, but without torch, and prints
what held as JSON.
"""

from __future__ import annotations

import json
import os
import sys

from autograder.worker.children import ChildProcesses, before_spawned
from autograder.worker.confinement import Limits, Plan, confine


def main(kind: str, profile: str, directory: str) -> None:
    """Confine a process and print its layers."""
    children = ChildProcesses() if kind == "fork" else None
    before = children.layers if children is not None else before_spawned()
    plan = Plan.of(profile, frozenset(), before)

    def live(parent: int) -> None:
        layers = confine(Limits(), directory, parent, plan)
        os.write(1, json.dumps(layers).encode())
        os._exit(0)

    if children is None:
        live(os.getppid())
    else:
        pid, _ = children.fork(live)
        sys.exit(children.reap(pid, 20.0))


if __name__ == "__main__":
    main(*sys.argv[1:4])
