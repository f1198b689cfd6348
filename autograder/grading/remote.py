"""The student's code as the tests meet it: in a worker, asked ahead where the questions are known.

What a test will ask on an example is known from its run on the reference, so all the questions of
a test travel in one message and the answers come back in one stream. A test that then asks
something else (because it looked at an answer first) is answered by a call of its own.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.calls import Returns
from autograder.devices import CPU, CUDA, Device
from autograder.devices.cuda import MEMORY, trouble
from autograder.devices.notes import Note
from autograder.grading.endings import why_it_did_not_load
from autograder.grading.prepare import PreparedTest
from autograder.grading.scripts import Script
from autograder.grading.seat import Seat
from autograder.grading.workers import Call, Reply, Worker
from autograder.testing.errors import StudentError, StudentStopped
from autograder.testing.subjects import CallRecord, same

# A function that hung this often in one submission is not called again.
PATIENCE = 2
# So many of a notebook's cells may stop its process, and it is loaded again without them.
MOST_SKIPPED = 4


@dataclass(frozen=True)
class Code:
    """What a student handed in for one unit, as far as a worker is concerned.

    Attributes:
        module: the name to import it under.
        cells: label and source of each piece, in order; a plain module is one piece.
    """

    module: str
    cells: tuple[tuple[str, str], ...]


@dataclass
class RemoteBackend:
    """A submission's code on one device, in a worker.

    Attributes:
        seat: where the worker is.
        code: the submission.
        returns: how each function's result travels.
        call_seconds: the deadline of each call.
        scripts: prepared once per class, by test.
        submission_seconds: the time for all calls together: code that stays just within the
            deadline of every call must not hold the class up either.
        device: what the code computes on.
        problems: sentences about cells that did not load.
    """

    seat: Seat
    code: Code
    returns: Mapping[str, Returns]
    call_seconds: float
    scripts: Mapping[int, Script]
    submission_seconds: float = math.inf
    device: Device = CPU
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + self.submission_seconds
        self._loaded_before = False
        self._loaded_in: Worker | None = None
        self._load_error: StudentError | StudentStopped | None = None
        self._given_up: StudentStopped | None = None
        self._skipped: set[int] = set()
        self._told: set[int] = set()
        self._timeouts: Counter[str] = Counter()
        self._test: PreparedTest | None = None
        self._replies: list[Reply] = []
        self._stopped: StudentStopped | None = None
        self._expected: list[tuple[CallRecord, Reply | None]] = []
        self._next = 0
        self._spoilt = False

    # --- the tests' side ----------------------------------------------------------------

    def begin_test(self, test: PreparedTest) -> None:
        """Ask everything that is known to be asked, and keep the answers."""
        self._test, self._replies, self._stopped = test, [], None
        script = self.scripts.get(id(test))
        if script is None or script.batch is None or self._gave_up(script):
            return
        try:
            worker = self._ready()
            for reply in worker.run(script.batch, self._seconds()):
                self._replies.append(reply)
                if len(self._replies) < len(script.batch):
                    self._seconds()
        except StudentStopped as stop:
            self._stopped = self._explained_stop(stop)
            self._count(stop, script)
        except StudentError:
            pass  # it cannot be loaded: each call will say so

    def begin_example(self, position: int | None) -> None:
        """The answers to expect next."""
        self._expected, self._next = [], 0
        script = self.scripts.get(id(self._test))
        if position is None or script is None or self._test is None:
            return
        span = script.spans[position]
        if span is None:
            return
        for record, i in zip(self._test.examples[position].calls, span, strict=True):
            if i < len(self._replies):
                self._expected.append((record, self._replies[i]))
            elif i == len(self._replies) and self._stopped is not None:
                self._expected.append((record, None))

    def call(self, record: CallRecord) -> None:
        """Answer from what was asked ahead if it is the same question, otherwise ask now."""
        position, self._next = self._next, self._next + 1
        if position < len(self._expected):
            known, reply = self._expected[position]
            if self._same_question(record, known, position):
                if reply is None:
                    assert self._stopped is not None
                    raise self._stopped
                if not reply.skipped:
                    self._take(record, reply)
                    return
            del self._expected[position:]  # another path from here on
        if self._timeouts[record.function] >= PATIENCE:
            raise StudentStopped(
                "timeout",
                f"{record.function} was not called again: it did not return within "
                f"{self.call_seconds:g} s {PATIENCE} times before.",
            )
        call = Call(record.function, record.args, record.kwargs, self.returns.get(record.function))
        try:
            reply = self._ready().call(call, self._seconds(), self.device)
        except StudentStopped as stop:
            if stop.category == "timeout":
                self._timeouts[record.function] += 1
            raise self._explained_stop(stop) from None
        self._take(record, reply)

    def _seconds(self) -> float:
        """How long a call may take now.

        Raises:
            StudentStopped: there is no time left at all.
        """
        left = self._ends - time.monotonic()
        if left > 0:
            return min(self.call_seconds, left)
        self.close()  # it may still have questions to answer
        raise StudentStopped("timeout", "")

    def _explained_stop(self, stop: StudentStopped) -> StudentStopped:
        """The same, unless the time of the submission was up: then that."""
        if stop.category != "timeout" or time.monotonic() < self._ends:
            return stop
        return StudentStopped(
            "timeout", f"grading this submission had already taken {self.submission_seconds:g} s"
        )

    def _take(self, record: CallRecord, reply: Reply) -> None:
        if reply.error is not None:
            self._look_at_gpu(record.function, reply.error)
            raise self._explained(record.function, reply.error)
        record.value, record.changed = reply.value, reply.changed

    def _look_at_gpu(self, function: str, error: StudentError) -> None:
        """Give a worker up whose GPU is full or has failed: the next test gets a new one.

        Raises:
            StudentStopped: it is given up.
        """
        found = trouble(error.kind, error.message) if self.device is CUDA else ""
        if not found:
            return
        self._spoilt = True
        where = f" at {error.line}" if error.line else ""
        if found == MEMORY:
            sentence = f"{function} used more memory than the GPU has{where}."
        else:
            sentence = (
                f"{function} made the GPU fail{where}; most often an index was out of range. On "
                "the CPU the same code may say where."
            )
        raise StudentStopped(found, sentence)

    def _explained(self, function: str, error: StudentError) -> StudentError:
        """A function that is missing because its file stopped half way: say that instead."""
        error.line = self._line(error.line)
        if isinstance(error, NotImplementedError) and self._load_error and not error.line:
            raise self._load_error
        return error

    def _line(self, claimed: str) -> str:
        """A line of the submission, as the worker says; nothing if there is no such line.

        Students are told this of hidden tests too: any other text could carry an input out.
        """
        label, _, number = claimed.rpartition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 8):
            return ""
        lengths = [source.count("\n") + 1 for known, source in self.code.cells if known == label]
        return claimed if 0 < int(number) <= max(lengths, default=0) else ""

    def _same_question(self, record: CallRecord, known: CallRecord, position: int) -> bool:
        if record.function != known.function:
            return False
        theirs: dict[int, Any] = {}
        for before, reply in self._expected[:position]:
            if reply is None or before.error or reply.error or reply.skipped:
                continue
            theirs.update(_pairs(before.value, reply.value, self.returns.get(before.function)))
        return _matches(known.args, record.args, theirs) and _matches(
            known.kwargs, record.kwargs, theirs
        )

    # --- the worker's side --------------------------------------------------------------

    @property
    def layers(self) -> dict[str, str]:
        """Which layers of the confinement hold."""
        return self.seat.layers

    @property
    def output(self) -> str:
        """What the student's code printed so far on this device."""
        return self.seat.printed(self.device)

    def end_test(self) -> None:
        """Let the worker forget what it kept for this test."""
        self._replies, self._expected, self._test = [], [], None
        if self._spoilt:
            self.close()
            self._spoilt = False
        elif (worker := self.seat.worker) is not None:
            worker.forget()

    def notes(self) -> list[Note]:
        """Where the code left the device so far."""
        worker = self.seat.worker
        if not self.device.simulated or worker is None:
            return []
        try:
            told = worker.notes(self.call_seconds)
        except StudentStopped:
            return []  # the next test gets a new worker
        lines = {label: source.count("\n") + 1 for label, source in self.code.cells}
        return [note for note in told if 0 < note.line <= lines.get(note.file, 0)]

    def close(self) -> None:
        """End the worker."""
        self.seat.close()

    def load(self) -> bool:
        """Load the submission now, so that what is wrong with it is known.

        Returns:
            Whether there is something to call.
        """
        try:
            self._ready()
        except StudentStopped:
            return False
        return True

    def _ready(self) -> Worker:
        """A worker with the submission loaded."""
        self.seat.listen(self.device)
        worker = self.seat.worker
        if worker is not None and worker is self._loaded_in:
            return worker
        if self._given_up is not None:
            raise self._given_up
        # What is said about loading reaches students. Only the first time nothing hidden is known.
        again, self._loaded_before = self._loaded_before, True
        while True:
            worker = self.seat.worker or self.seat.renew()
            try:
                self._load(worker, again)
            except StudentStopped as stop:
                if len(self._skipped) == min(MOST_SKIPPED, len(self.code.cells)):
                    self._given_up = stop
                    raise
            else:
                self._loaded_in = worker
                return worker

    def _load(self, worker: Worker, again: bool) -> None:
        """Run the submission's cells, but those that stopped a process.

        Raises:
            StudentStopped: this one, too.
        """
        for position, (label, source) in enumerate(self.code.cells):
            if position in self._skipped:
                continue
            try:
                error = worker.load(
                    self.code.module, label, source, self._seconds(), device=self.device
                )
            except StudentStopped as stop:
                self._skipped.add(position)
                explained = self._explained_stop(stop)
                if again and explained is stop:
                    sentence = f"loading {label} once more ended its process."
                else:
                    sentence = f"{explained.reason}."
                self.problems.append(sentence)
                self._load_error = StudentStopped(explained.category, sentence)
                raise self._load_error from None
            if error is not None and not again and position not in self._told:
                self._told.add(position)
                self.problems.append(
                    why_it_did_not_load(label, error.kind, error.line, error.message)
                )
                self._load_error = StudentError(
                    error.kind,
                    f"{label} stopped before the function was defined ({error.message})",
                    error.line,
                    error.trace,
                )

    def _gave_up(self, script: Script) -> bool:
        assert script.batch is not None
        return any(self._timeouts[name] >= PATIENCE for name in script.batch.functions)

    def _count(self, stop: StudentStopped, script: Script) -> None:
        if stop.category == "timeout" and script.batch is not None:
            self._timeouts[script.batch.functions[len(self._replies)]] += 1


def _pairs(known: Any, came: Any, parts: Returns) -> dict[int, Any]:
    """For each opaque part of the reference's result, what stands for it in the student's."""
    if parts == "opaque":
        return {id(known): came}
    if isinstance(parts, tuple):
        return {id(k): c for k, c, kind in zip(known, came, parts, strict=True) if kind == "opaque"}
    return {}


def _matches(known: Any, asked: Any, theirs: Mapping[int, Any]) -> bool:
    """Whether an argument is what was asked ahead, opaque results standing for each other."""
    if id(known) in theirs:
        return asked is theirs[id(known)]
    if isinstance(known, (tuple, list)) and type(asked) is type(known):
        return len(asked) == len(known) and all(
            _matches(k, a, theirs) for k, a in zip(known, asked, strict=True)
        )
    if isinstance(known, dict) and isinstance(asked, dict):
        return list(known) == list(asked) and all(
            _matches(known[k], asked[k], theirs) for k in known
        )
    return same(known, asked)
