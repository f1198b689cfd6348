"""Starting the processes in which students' code will run, with next to nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from typing import IO

from autograder.devices import VISIBLE

START_SECONDS = 120.0
"""How long such a process may take to say that it is there: it imports torch first."""

POSIX = os.name == "posix"

# The dynamic loader may need it to find CUDA, CUDA to see the right GPUs, and Windows to start
# anything; nothing else of our environment goes along.
_INHERITED = ("LD_LIBRARY_PATH", VISIBLE, "CUDA_DEVICE_ORDER", "SYSTEMROOT")


def launch(
    module: str,
    *arguments: str,
    stdin: int,
    printed: IO[bytes],
    folder: str,
    descriptors: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a module of ours in a Python of its own.

    It leads a session, where there are sessions: Ctrl+C in the terminal is ours to handle, and what
    it starts can be ended with it.

    Args:
        module: e.g. ``"autograder.worker.zygote"``.
        arguments: for it.
        stdin: as `subprocess.Popen` takes it.
        printed: where its output and errors go.
        folder: in which it starts.
        descriptors: which of ours it inherits.
    """
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-I", "-m", module, *arguments],
        pass_fds=tuple(descriptors),
        stdin=stdin,
        stdout=printed,
        stderr=printed,
        cwd=folder,
        env={**environment, "PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=POSIX,
    )
