"""The student's code as the tests meet it: in a worker, asked ahead where the questions are known.

What a test will ask on an example is known from its run on the reference, so all the questions of
a test travel in one message and the answers come back in one stream. A test that then asks
something else (because it looked at an answer first) is answered by a call of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.course import Returns
from autograder.devices import CPU, CUDA, OUT_OF_MEMORY, Device, Note, gpu_trouble
from autograder.exam import ExampleSet
from autograder.grading.deadlines import Hangs
from autograder.grading.questions import matches, pairs
from autograder.supervisor import Batch, Call, Code, Expected, Loader, Reply, Session, Worker
from autograder.testing import (
    CallRecord,
    StudentError,
    StudentStopped,
    missing_again,
)

# What a test's answers may come to in all, beyond what the right ones do.
_ROOM = 64 << 20


class RemoteBackend:
    """A submission's code on one device, in a worker.

    Args:
        session: where the worker is.
        code: the submission.
        returns: how each function's result travels.
        seconds: for each function the longest that a call of it took the reference.
        device: what the code computes on.

    Attributes:
        session, code, device: the same.
    """

    def __init__(
        self,
        session: Session,
        code: Code,
        returns: Mapping[str, Returns],
        seconds: Mapping[str, float],
        device: Device = CPU,
    ) -> None:
        self.session, self.code, self.device = session, code, device
        self._returns, self._seconds = returns, seconds
        self._loader = Loader(session, code, device)
        self._hangs = Hangs()
        self._missing: dict[str, StudentError] = {}  # functions that the module does not define
        self._asked = ExampleSet()
        self._replies: list[Reply] = []
        self._stopped: StudentStopped | None = None
        self._known_of: Worker | None = None
        self._expected: list[tuple[CallRecord, Reply | None]] = []
        self._next = self._held = 0
        self._spoilt = False

    # --- the tests' side ----------------------------------------------------------------

    def begin(self, examples: ExampleSet) -> None:
        """Ask everything that is known to be asked, and keep the answers."""
        self._asked, self._replies, self._stopped, self._held = examples, [], None, 0
        script = examples.script
        if script.batch is None or self._gave_up(script.batch):
            return
        room = _ROOM + sum(len(e.payload) for e in script.expected if isinstance(e, Expected))
        try:
            worker = self._ready()
            if not self._missing.keys().isdisjoint(script.batch.functions):
                return  # asking for the rest is soon done: what needs the function ends the test
            for reply in worker.run(
                script.batch,
                self.session.seconds(),
                own=[self._hangs.own_seconds(seconds) for seconds in script.seconds],
                expected=script.expected,
            ):
                self._replies.append(reply)
                self._hold(reply, script.batch.functions[len(self._replies) - 1], room)
                if len(self._replies) < len(script.batch):
                    self.session.seconds()
        except StudentStopped as stop:
            self._stopped = self.session.explained(stop)
            self._count(stop, script.batch)

    def answers_as_reference(self, position: int) -> bool:
        """Whether all answers on an example are the reference's, bit for bit."""
        span = self._asked.script.span(position)
        return (
            span is not None
            and span.stop <= len(self._replies)
            and all(self._replies[i].same for i in span)
        )

    def begin_example(self, position: int) -> None:
        """The answers to expect next."""
        self._expected, self._next = [], 0
        span = self._asked.script.span(position)
        if span is None:
            return
        for record, i in zip(self._asked.examples[position].calls, span, strict=True):
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
        if reason := self._hangs.why_not_called(record.function):
            raise StudentStopped("timeout", reason)
        call = Call(record.function, record.args, record.kwargs, self._returns.get(record.function))
        own = None if self._asked.timed else self._seconds.get(record.function)
        try:
            worker = self._ready()
            if missing := self._missing.get(record.function):
                raise missing_again(missing)
            reply = worker.call(
                call,
                self.session.seconds(),
                self.device,
                own=None if own is None else self._hangs.own_seconds(own),
            )
            self._hold(reply, record.function, 4 * _ROOM)
        except StudentStopped as stop:
            if stop.category == "timeout":
                self._hangs.add(record.function)
            raise self.session.explained(stop) from None
        self._take(record, reply)

    def _hold(self, reply: Reply, function: str, room: int) -> None:
        """Count what the answers of a test hold.

        Raises:
            StudentStopped: it is so much that they cannot be right.
        """
        self._held += reply.size
        if self._held > room:
            self._spoilt = True
            raise StudentStopped(
                "wrong shape",
                f"what {function} and others returned in this test came to more than "
                f"{room >> 20} MB, far more than the right answers do",
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
        found = gpu_trouble(error.kind, error.message) if self.device is CUDA else ""
        if not found:
            return
        self._spoilt = True
        where = f" at {error.line}" if error.line else ""
        if found == OUT_OF_MEMORY:
            sentence = f"{function} used more memory than the GPU has{where}."
        else:
            sentence = (
                f"{function} made the GPU fail{where}; most often an index was out of range. On "
                "the CPU the same code may say where."
            )
        raise StudentStopped(found, sentence)

    def _ready(self) -> Worker:
        """A worker with the code loaded; what is missing in it is not known yet if it is new."""
        worker = self._loader.ready()
        if worker is not self._known_of:
            self._known_of, self._missing = worker, {}
        return worker

    def _explained(self, function: str, error: StudentError) -> StudentError:
        """A function that is missing because its file stopped half way: say that instead.

        Raises:
            StudentStopped: it is missing because its file stopped the process.
        """
        error.line = self._line(error.line)
        if not isinstance(error, NotImplementedError) or error.line:
            return error
        why = self._loader.error
        if isinstance(why, StudentStopped):
            raise StudentStopped(why.category, why.reason)
        self._missing[function] = why or error
        return missing_again(self._missing[function])

    def _line(self, claimed: str) -> str:
        """A line of the submission, as the worker says; nothing if there is no such line.

        Students are told this of hidden tests too: any other text could carry an input out.
        """
        label, _, number = claimed.rpartition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 8):
            return ""
        return claimed if self.code.line(label, int(number)) is not None else ""

    def _same_question(self, record: CallRecord, known: CallRecord, position: int) -> bool:
        if record.function != known.function:
            return False
        theirs: dict[int, Any] = {}
        for before, reply in self._expected[:position]:
            if reply is None or before.error or reply.error or reply.skipped:
                continue
            theirs.update(pairs(before.value, reply.value, self._returns.get(before.function)))
        return matches(known.args, record.args, theirs) and matches(
            known.kwargs, record.kwargs, theirs
        )

    @property
    def answering(self) -> float:
        """Seconds for which the code waited for our solution."""
        return 0.0 if self.session.ours is None else self.session.ours.seconds

    # --- the worker's side --------------------------------------------------------------

    @property
    def problems(self) -> list[str]:
        """Sentences about cells that did not load."""
        return self._loader.problems

    @property
    def layers(self) -> dict[str, str]:
        """Which layers of the confinement hold."""
        return self.session.layers

    @property
    def output(self) -> str:
        """What the student's code printed so far on this device."""
        return self.session.printed(self.device)

    def end_test(self) -> None:
        """Let the worker forget what it kept for this test."""
        self._replies, self._expected, self._asked = [], [], ExampleSet()
        if self._spoilt:
            self.close()
            self._spoilt = False
        elif (worker := self.session.worker) is not None:
            worker.forget()

    def notes(self) -> list[Note]:
        """Where the code left the device so far."""
        worker = self.session.worker
        if not self.device.simulated or worker is None:
            return []
        try:
            told = worker.notes(self.session.call_seconds)
        except StudentStopped:
            return []  # the next test gets a new worker
        return [note for note in told if self.code.line(note.file, note.line) is not None]

    def close(self) -> None:
        """End the worker."""
        self.session.close()

    def load(self) -> bool:
        """Load the submission now, so that what is wrong with it is known.

        Returns:
            Whether there is something to call.
        """
        try:
            self._loader.ready()
        except StudentStopped:
            return False
        return True

    def _gave_up(self, batch: Batch) -> bool:
        return any(self._hangs.why_not_called(name) for name in set(batch.functions))

    def _count(self, stop: StudentStopped, batch: Batch) -> None:
        if stop.category == "timeout":
            self._hangs.add(batch.functions[len(self._replies)])
