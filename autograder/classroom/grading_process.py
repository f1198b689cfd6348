"""A grading process: takes jobs from the command's process, gives results back.

The worker server is started before anything secret is read, so that nothing secret can be inherited
from here.
"""

from __future__ import annotations

import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from autograder.classroom.messages import Job, Orders, Reply, decode, encode
from autograder.errors import HandgradError


def main(connection: Connection, raw_orders: bytes) -> None:
    """Serve jobs until the connection closes."""
    from autograder.supervisor import start_workers

    orders = decode(raw_orders, Orders)
    # A GPU's driver needs more than the tighter profile allows.
    profile = "cuda" if "cuda" in orders.settings["devices"] else "cpu"
    with start_workers(orders.worker or None, profile=profile) as workers:
        from autograder.classroom.jobs import JobGrader
        from autograder.grading import DeviceLost

        grader = JobGrader(Path(orders.root), orders.settings, workers)
        while True:
            try:
                job = decode(connection.recv_bytes(), Job)
            except EOFError:
                return
            try:
                reply = grader.grade(job)
            except DeviceLost as error:
                reply = Reply(number=job.number, fault=str(error), last=True)
            except HandgradError as error:
                reply = Reply(number=job.number, fault=str(error))
            except Exception:
                reply = Reply(number=job.number, fault=traceback.format_exc())
            try:
                connection.send_bytes(encode(reply))
            except OSError:
                return  # nobody waits for it any more
            if reply.last:
                return
