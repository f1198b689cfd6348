"""Run a function in a process confined as a worker is, but without torch.

``python -I confined.py`` reads JSON from its standard input: ``{source, without, profile, limits,
directory}``; it prints ``{layers, value}``: what ``attempt()`` in the source returned, or the name
of the exception that it raised, or of the signal that ended it.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from autograder.worker import Limits
from autograder.worker.children import ChildProcesses
from autograder.worker.confinement import Plan, confine


def main() -> None:
    asked = json.load(sys.stdin)
    without = frozenset(asked["without"])
    children = ChildProcesses(without)
    plan = Plan.of(asked["profile"], without, children.layers)
    out = os.dup(1)

    def live(parent: int) -> None:
        said = {"layers": confine(Limits(**asked["limits"]), asked["directory"], parent, plan)}
        space: dict[str, object] = {}
        try:
            exec(asked["source"], space)
            said["value"] = space["attempt"]()
        except BaseException as error:
            said["value"] = type(error).__name__
        os.write(out, json.dumps(said).encode())
        os._exit(0)

    pid, _ = children.fork(live)
    status = children.reap(pid, 60.0)
    if status is None or status < 0:
        name = "hung" if status is None else signal.Signals(-status).name
        os.write(out, json.dumps({"layers": {}, "value": name}).encode())


if __name__ == "__main__":
    main()
