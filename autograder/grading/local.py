"""The student's code in this process, where it cannot be in a worker.

For `check` on Windows and macOS. A student's own code on their own machine needs no protection
from it; what is lost is the deadline: a loop without end has to be interrupted by hand.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

from autograder.course import Returns
from autograder.devices import (
    CPU,
    CUDA,
    OUT_OF_MEMORY,
    Device,
    Note,
    gpu_trouble,
    noted_files,
    the_simulation,
)
from autograder.exam import ExampleSet
from autograder.supervisor import Code, why_it_did_not_load
from autograder.testing import (
    CallRecord,
    ModuleBackend,
    StudentError,
    StudentStopped,
    student_error,
)
from autograder.worker import describe_failure


class LocalBackend:
    """A submission's code as a module of this process.

    Args:
        code: the submission.
        returns: how each function's result travels.
        device: what it computes on.

    Attributes:
        problems: sentences about cells that did not load.
        output: what the code printed.
        layers: nothing keeps it apart.
    """

    def __init__(self, code: Code, returns: Mapping[str, Returns], device: Device = CPU) -> None:
        self.code, self.device = code, device
        self.problems: list[str] = []
        self.layers: dict[str, str] = {}
        self._module = ModuleType(code.module)
        self._calls = ModuleBackend(self._module, returns)
        self._printed = io.StringIO()

    @property
    def output(self) -> str:
        """What the code printed so far."""
        return self._printed.getvalue()

    def load(self) -> bool:
        """Run the cells, each whatever became of the one before; there is always a module."""
        sys.modules[self.code.module] = self._module
        if self.device.simulated:
            the_simulation().clear_notes()
        noted_files().update(label for label, _ in self.code.cells)
        for label, source in self.code.cells:
            linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
            try:
                with contextlib.redirect_stdout(self._printed), self.device.active():
                    exec(compile(source, label, "exec"), self._module.__dict__)
            except (Exception, SystemExit) as error:
                line = f"{label}:{error.lineno}" if isinstance(error, SyntaxError) else ""
                self.problems.append(
                    why_it_did_not_load(label, type(error).__name__, line, str(error))
                )
        return True

    @property
    def answering(self) -> float:
        """Nothing is answered in its place."""
        return 0.0

    def begin(self, examples: ExampleSet) -> None:
        """Nothing is asked ahead."""

    def answers_as_reference(self, position: int) -> bool:
        """Nobody knows before it is asked."""
        return False

    def begin_example(self, position: int) -> None:
        """Nothing was asked ahead."""

    def call(self, record: CallRecord) -> None:
        """Call the function here; say of an exception in which lines of the code it came about."""
        with contextlib.redirect_stdout(self._printed):
            try:
                self._calls.call(record)
            except Exception as error:
                if (
                    self.device is CUDA
                    and gpu_trouble(type(error).__name__, str(error)) == OUT_OF_MEMORY
                ):
                    reason = f"{record.function} used more memory than the GPU has."
                    raise StudentStopped(OUT_OF_MEMORY, reason) from None
                raise self._described(error) from None

    def named(self, file: str) -> str | None:
        """What people call a file of code; None if it is not the student's."""
        return file if any(file == label for label, _ in self.code.cells) else None

    def _described(self, error: Exception) -> StudentError:
        labels = {file: name for file in _files(error) if (name := self.named(file))}
        told = describe_failure(error, labels.keys())
        line, trace = told.line, told.trace
        for file, name in labels.items():
            line, trace = line.replace(file, name), trace.replace(file, name)
        return student_error(told.kind, told.message, line, trace, told.base)

    def end_test(self) -> None:
        """Nothing is kept."""

    def notes(self) -> list[Note]:
        """Where the code left the device so far."""
        if not self.device.simulated:
            return []
        told = the_simulation().notes
        return [replace(note, file=name) for note in told if (name := self.named(note.file))]

    def close(self) -> None:
        """Nothing runs."""


def _files(error: BaseException) -> list[str]:
    """The files whose code an exception came through."""
    files, trace = [], error.__traceback__
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return files
