"""What stops the attacks: each layer by name, with what grading is like without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
from redteam.declare import Layer

from autograder.grading import deadlines, remotes
from autograder.grading.local import LocalBackend
from autograder.grading.remote import RemoteBackend
from autograder.report import feedback, words
from autograder.supervisor import Worker, batches, connection, replies, transport
from autograder.supervisor.patience import Deadline
from autograder.supervisor.transport import Transport
from autograder.testing import comparison
from autograder.worker import FREE, FROM_WORKER, Decoder, decoding, frames

PROCESS = Layer("a process of its own for the student's code", apart=False)
DESCRIBED = Layer(
    "the description of what the student's code raises",
    apart=False,
    patches=((LocalBackend, "_described", lambda self, error: error),),
)

# Time and what is printed

PATIENT = (deadlines, "LEAST_SECONDS", 60.0)
DEADLINE = Layer("the deadline of a call", settings={"call_seconds": 60.0}, patches=(PATIENT,))
SUBMISSION = Layer("the deadline of a submission", settings={"submission_seconds": 120.0})
OUTPUT = Layer("the bound on what is printed", limits={"output_bytes": 1 << 30})

# Messages


def _bounds(**changes: Any) -> Layer:
    wide = replace(FROM_WORKER, **changes)
    return Layer(
        f"the bound on the {' and '.join(changes)} of a message",
        patches=(
            *((module, "FROM_WORKER", wide) for module in (connection, replies, transport)),
            # What is expected bounds the bytes of an answer too.
            (connection, "room_for", lambda expected: wide.payload),
        ),
    )


SIZE = _bounds(meta=64 << 20, payload=1 << 60)
ELEMENTS = _bounds(payload=1 << 200)
DEPTH = _bounds(depth=10_000)
ITEMS = _bounds(items=1 << 24)
PAIRS = _bounds(pairs=1 << 20)
RANK = _bounds(rank=1000)


def _next_frame(self: Transport, seq: int, deadline: Deadline, room: int = 0) -> frames.Frame:
    while (frame := self._frames.next()) is None:
        self._wait(deadline)
    return frame


def _unchecked_unpack(meta: bytes, bounds: object) -> Any:
    return msgpack.unpackb(meta)


def _any_handle(self: Worker, number: int) -> batches.Handle:
    self._live.add(number)
    return batches.Handle(self, number)


def _trusting(payload: Any, bounds: Any, *, trusted: bool, device: Any) -> Decoder:
    return Decoder(payload, bounds, trusted=True, device=device)


NUMBERS = Layer("the number of each answer", patches=((Transport, "receive", _next_frame),))
FORM = Layer("the form of a message", patches=((frames, "unpack", _unchecked_unpack),))
HANDLES = Layer("the numbers of handles", patches=((Worker, "_keep", _any_handle),))
STRIDES = Layer("the refusal of strides", patches=((replies, "Decoder", _trusting),))
SHAPES = Layer(
    "the look at every dimension", patches=((Decoder, "_dimensions", lambda self, sizes: sizes),)
)
BOOLS = Layer("the look at every byte of a boolean", patches=((decoding, "BOOL", -1),))
CHANGES = Layer(
    "the look at the report of changes",
    patches=((replies, "_paths", lambda changed: [p.strip() for p in changed]),),
)
CALLBACK_COUNT = Layer(
    "the count of callbacks", patches=((connection, "_MOST_CALLBACKS", 1 << 30), PATIENT)
)

UNASKED = Layer(
    "the bound on what comes while a question goes out", patches=((transport, "_UNASKED", 1 << 40),)
)

# What is banned may take long to import.
OPERATORS = Layer(
    "the ban of operators", patches=((remotes, "ban_of", lambda groups: FREE), PATIENT)
)

# Comparison


def _forgets_nan(got: Any, expected: Any, name: str, tol: Any, floor: float) -> None:
    if (got - expected).abs().max() > 1e-4:
        raise comparison.Mismatch("wrong value", name)


def _forgets_nan_in_a_float(got: Any, expected: Any, name: str, tol: Any, floor: float) -> None:
    if abs(got - expected) > 1e-4:
        raise comparison.Mismatch("wrong value", name)


NAN = Layer(
    "the comparison's look at NaN",
    patches=(
        (comparison, "_close_tensors", _forgets_nan),
        (comparison, "_close_floats", _forgets_nan_in_a_float),
    ),
)

# Reports


class _Everything:
    def __contains__(self, name: str) -> bool:
        return True


CLEANING = Layer(
    "the replacing of control characters",
    patches=(
        (replies, "clean", lambda text, longest: text),
        (feedback, "printable", lambda text: text),
    ),
)
ESCAPING = Layer("escaping for Markdown and HTML", patches=((feedback, "escape_markdown", str),))
VISIBILITY = Layer(
    "the silence about hidden tests",
    patches=((words, "failure_told", lambda test, full=None: test.failure.message),),
)
TYPES = Layer(
    "the silence about types of the student's own",
    patches=((words, "_EXCEPTIONS", _Everything()),),
)
LINES = Layer(
    "the look for the line in the submission",
    patches=((RemoteBackend, "_line", lambda self, claimed: claimed),),
)


# The worker's limits


def limit(**changes: int) -> Layer:
    """A limit of the worker raised to this."""
    return Layer(f"the limit on {' and '.join(changes)}", limits=changes)


# Confinement: see `autograder.worker.confinement`


def confinement(*names: str) -> Layer:
    """These layers of the worker's confinement."""
    return Layer(f"confinement ({', '.join(names)})", without=frozenset(names))


CONFINEMENT = confinement(
    *("user", "pids", "network", "ipc", "files", "uid", "capabilities", "landlock"),
    *("hidden", "seccomp", "session", "parent"),
)
PROCESSES = replace(
    CONFINEMENT, name="confinement and the limit on processes", limits={"processes": 8192}
)
