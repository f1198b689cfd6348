"""The trusted end of one worker's socket: whatever goes wrong ends the worker, in a sentence."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from autograder.supervisor.endings import Process, why_it_ended
from autograder.supervisor.patience import Deadline, OwnClock, Patience
from autograder.supervisor.transport import (
    Ended,
    Late,
    Output,
    TooLarge,
    TooMuchOutput,
    Transport,
)
from autograder.testing import StudentStopped
from autograder.worker import FROM_WORKER, WIRE_VERSION, Limits, WireError, frames, level_of

_HELLO_SECONDS = 60.0
_PATIENCE = 0.25  # for the end of a process that hung up, so that it can be asked why


class Conversation:
    """Questions to a process and their answers, one at a time.

    After a hang, a crash or a broken protocol the process is dead and stays so.

    Args:
        process: the process.
        connection: the socket to it.
        output: what it prints.
        limits: what it may use.

    Attributes:
        layers: which layers of its confinement hold: ``"ok"`` or why not.
        level: what they add up to, one of `autograder.worker.LEVELS`.
        alive: whether it can still be asked.
    """

    def __init__(
        self, process: Process, connection: socket.socket, output: Output, limits: Limits
    ) -> None:
        self._process, self._output, self._limits = process, output, limits
        self._transport = Transport(connection, output, process.ended_fd(), limits.output_bytes)
        self._clock = OwnClock(process.pid())
        self._seq = 0
        self._busy = False
        self._stopped: StudentStopped | None = None
        self._closed = self._ended = False
        self.layers = self._hello()
        self.level = level_of(self.layers)

    @property
    def alive(self) -> bool:
        return self._stopped is None and not self._closed

    @property
    def output(self) -> str:
        """What the student's code printed: the first 64 KiB, made harmless."""
        if not self._ended:
            self._output.drain()
        return self._output.text

    def close(self) -> None:
        """End the process and leave nothing of it behind. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._end(0.0)

    def _hello(self) -> dict[str, str]:
        """Which limits the worker says it has, before it saw any of the student's code."""
        try:
            with self._guard("it", _HELLO_SECONDS):
                deadline = Deadline(Patience.of(_HELLO_SECONDS))
                frame = self._transport.receive(0, deadline)
                match frames.unpack(frame.meta, FROM_WORKER):
                    case ["hello", version, list(layers)] if version == WIRE_VERSION:
                        return {str(name): str(state) for name, state in layers}
                raise WireError("another version of the protocol")
        except StudentStopped as stop:  # there is no student's code yet: the fault is not theirs
            raise RuntimeError(
                f"A worker could not be started: {stop.reason}.\n{self.output[-2000:]}"
            ) from None

    @contextlib.contextmanager
    def _guard(self, where: str, timeout: float) -> Iterator[None]:
        """Whatever goes wrong inside ends the worker and is put into a sentence."""
        self._busy = True
        try:
            yield
        except Late:
            self._stop("timeout", f"{where} did not return within {timeout:g} s")
        except TooLarge:
            reason = f"{where} returned tensors many times as large as the right answer's"
            self._stop("wrong shape", reason)
        except WireError as error:
            reason = f"{where} broke the connection to the grader: it sent {error}"
            self._stop("protocol", reason)
        except TooMuchOutput:
            reason = f"{where} printed more than {self._limits.output_bytes >> 20} MB"
            self._stop("crash", reason)
        except Ended:
            status = self._end(_PATIENCE)
            self._stop("crash", why_it_ended(status, where, self._limits))
        except BaseException:
            self._stopped = StudentStopped("crash", f"{where} was interrupted")
            self._end(0.0)
            raise
        finally:
            self._busy = False

    def _stop(self, category: str, reason: str) -> None:
        self._stopped = StudentStopped(category, reason)
        self._end(0.0)
        raise self._stopped from None

    def _end(self, patience: float) -> int | None:
        """End the process; close what belongs to it. Does nothing the second time."""
        if self._ended:
            return None
        self._ended = True
        self._clock.close()
        status = self._process.end(patience)
        self._transport.close()
        return status
