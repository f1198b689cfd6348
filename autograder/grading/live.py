"""The functions that a running notebook holds, as an implementation to test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import CodeType
from typing import Any

from autograder.calls import Returns
from autograder.devices import CPU, Device, noted_files
from autograder.devices.notes import Note
from autograder.grading.local import LocalBackend
from autograder.grading.remote import Code
from autograder.testing.errors import student_error
from autograder.testing.subjects import CallRecord
from autograder.worker.failures import describe_failure


class LiveBackend(LocalBackend):
    """Calls the functions of a namespace, which stay where they are.

    Args:
        module: the name of the unit's module.
        namespace: where the functions are; read at each call, never written.
        returns: how each function's result travels.
        named: what the person at the notebook calls a file of code; None if it is not theirs.
        device: what they compute on.
    """

    def __init__(
        self,
        module: str,
        namespace: Mapping[str, Any],
        returns: Mapping[str, Returns],
        named: Callable[[str], str | None],
        device: Device = CPU,
    ) -> None:
        super().__init__(Code(module, ()), returns, device)
        self._module.__dict__.update(
            {name: namespace[name] for name in returns if callable(namespace.get(name))}
        )
        self._named = named

    def load(self) -> bool:
        """Everything is loaded: the cells were run by the person who wrote them."""
        functions = self._module.__dict__.values()
        noted_files().update(code.co_filename for f in functions if (code := _code(f)))
        return True

    def notes(self) -> list[Note]:
        """Where the code left the device so far, by the notebook's names of its cells."""
        return [replace(n, file=name) for n in super().notes() if (name := self._named(n.file))]

    def call(self, record: CallRecord) -> None:
        """Call the function here; say of an exception in which cells it came about."""
        try:
            super().call(record)
        except Exception as error:
            files = _files(error)
            labels = {file: name for file in files if (name := self._named(file))}
            told = describe_failure(error, labels.keys())
            line, trace = told.line, told.trace
            for file, name in labels.items():
                line, trace = line.replace(file, name), trace.replace(file, name)
            raise student_error(told.kind, told.message, line, trace, told.base) from None


def _code(function: object) -> CodeType | None:
    return getattr(function, "__code__", None)


def _files(error: BaseException) -> list[str]:
    """The files whose code an exception came through."""
    files, trace = [], error.__traceback__
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return files
