"""A grading process: takes jobs from the command's process, gives results back.

Both are ours and trust each other; still they exchange JSON only. The worker server is started
before anything secret is read, so that nothing secret can be inherited from here.
"""

from __future__ import annotations

import json
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from autograder.exam.prepared import PreparationError
from autograder.grading.replay import DeviceLost
from autograder.supervisor.confining import ConfinementError
from autograder.results.records import Result, Struct
from autograder.submissions.records import Attempt


class Job(Struct, frozen=True):
    """One unit of one attempt, to be graded.

    Attributes:
        number: of the job, to match the reply.
        unit: the unit's name.
        attempt: what was handed in.
        attempts: how many attempts the student made.
        previous: a result to keep if it would come out the same; empty for none.
    """

    number: int
    unit: str
    attempt: Attempt
    attempts: int = 1
    previous: str = ""


class Reply(Struct, frozen=True):
    """What came of a job.

    Attributes:
        number: of the job.
        result: the result; None if the grader failed.
        kept: whether it is the previous result.
        fault: what went wrong in the grader, for its makers.
        last: whether the process ends now, because it cannot go on.
    """

    number: int
    result: Result | None = None
    kept: bool = False
    fault: str = ""
    last: bool = False


class Orders(Struct, frozen=True):
    """What a grading process is started with.

    Attributes:
        root: the course's folder.
        settings: how to grade.
        worker: the kind of worker; empty for the best there is.
    """

    root: str
    settings: dict[str, Any]
    worker: str = ""


def encode(message: Struct) -> bytes:
    """JSON; ASCII, because a file's name may hold what is no Unicode (half a surrogate pair)."""
    return json.dumps(msgspec.to_builtins(message, enc_hook=str)).encode("ascii")


def decode(raw: bytes, kind: type[Any]) -> Any:
    """The message of that type."""
    return msgspec.convert(json.loads(raw), type=kind, dec_hook=lambda cls, value: cls(value))


def main(connection: Connection, raw_orders: bytes) -> None:
    """Serve jobs until the connection closes."""
    from autograder.supervisor.workers import start_workers

    orders = decode(raw_orders, Orders)
    # A GPU's driver needs more than the tighter profile allows.
    profile = "cuda" if "cuda" in orders.settings["devices"] else "cpu"
    with start_workers(orders.worker or None, profile=profile) as workers:
        from autograder.classroom.jobs import Desk

        desk = Desk(Path(orders.root), orders.settings, workers)
        while True:
            try:
                job = decode(connection.recv_bytes(), Job)
            except EOFError:
                return
            try:
                reply = desk.grade(job)
            except (PreparationError, ConfinementError) as error:
                reply = Reply(number=job.number, fault=str(error))
            except DeviceLost as error:
                reply = Reply(number=job.number, fault=str(error), last=True)
            except Exception:
                reply = Reply(number=job.number, fault=traceback.format_exc())
            try:
                connection.send_bytes(encode(reply))
            except OSError:
                return  # nobody waits for it any more
            if reply.last:
                return
