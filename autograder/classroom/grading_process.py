"""A grading process: takes jobs from the command's process, gives results back.

Where its workers' zygote comes from is settled before it reads anything secret, so that nothing
secret can be inherited from here.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.classroom.messages import (
    Check,
    Examine,
    Job,
    Orders,
    Prepare,
    Ready,
    Reply,
    Task,
    decode,
    encode,
)
from autograder.course import Course
from autograder.errors import HandgradError
from autograder.worker import ForkedZygote

if TYPE_CHECKING:
    from autograder.classroom.jobs import JobGrader


def main(zygote: ForkedZygote, descriptor: str) -> None:
    """What `autograder.worker.prefork` goes on as.

    Args:
        zygote: of its workers.
        descriptor: the number of the inherited connection.
    """
    serve(Connection(int(descriptor)), zygote)


def serve(connection: Connection, zygote: ForkedZygote | None = None) -> None:
    """Take orders, then jobs until the connection closes.

    Args:
        connection: to the command's process.
        zygote: of its workers; None to start workers as the orders say.
    """
    from autograder.supervisor import start_workers

    orders = decode(connection.recv_bytes(), Orders)
    os.environ.update(orders.environment)
    os.chdir(orders.folder or "/")
    tempfile.tempdir = None  # it is looked for anew, in this environment
    kind = orders.worker or None
    from autograder.classroom.jobs import JobGrader  # while the zygote comes up

    with start_workers(kind, profile=orders.profile, zygote=zygote) as workers:
        course = Course(Path(orders.root), orders.kind)
        grader = JobGrader(course, orders.settings, workers, keep=orders.keep_exams)
        while True:
            try:
                task = decode(connection.recv_bytes(), Task)
            except EOFError:
                return
            try:
                reply = _reply(grader, task, lambda ready: connection.send_bytes(encode(ready)))
                connection.send_bytes(encode(reply))
            except BrokenPipeError:
                return  # nobody waits for it any more
            if reply.last:
                return


def _reply(grader: JobGrader, task: Task, on_ready: Callable[[Ready], None]) -> Reply:
    """What came of a task; whatever is wrong with the grader is a fault, not a result."""
    from autograder.grading import DeviceLost

    number = task.number if isinstance(task, Job) else -1
    try:
        match task:
            case Job():
                return grader.grade(task, on_ready)
            case Prepare():
                return grader.prepare(task)
            case Check():
                return grader.check(task)
            case Examine():
                return grader.examine(task)
    except BrokenPipeError:
        raise
    except DeviceLost as error:
        return Reply(number=number, fault=str(error), last=True)
    except HandgradError as error:
        return Reply(number=number, fault=str(error))
    except Exception:
        return Reply(number=number, fault=traceback.format_exc())
