"""One submission's code on every device that it is graded on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograder.devices import DEVICES, Device, Note
from autograder.exam import PreparedTest
from autograder.grading.advice import noted
from autograder.grading.local import LocalBackend
from autograder.grading.remote import RemoteBackend

Backend = RemoteBackend | LocalBackend


class Backends:
    """Backends by device.

    They are loaded before any test is run where that costs next to nothing; a GPU's when it is
    first needed.

    Args:
        on: the student's code on a device.
        devices: their names.
        given: the text that students were given; empty where it is not known.
    """

    def __init__(
        self, on: Callable[[Device], Backend], devices: Sequence[str], given: str = ""
    ) -> None:
        self._on = on
        self._backends = {name: on(DEVICES[name]) for name in devices}
        self._loaded: set[str] = set()
        self._first = self._backends[devices[0]]
        self._given = {line.strip() for line in given.split("\n")}

    def load(self) -> None:
        """Load the code, so that what is wrong with it is known.

        What is said about loading reaches students: on a device that shares a process with
        another one, nothing hidden may have been there before.
        """
        if self._load(self._first):
            for backend in self._backends.values():
                if backend.device.simulated:
                    self._load(backend)

    def of(self, test: PreparedTest) -> Backend:
        """The backend that a test asks, loaded.

        A test that asks for no device runs on the CPU, also where only a GPU was asked for.
        """
        if test.device not in self._backends:
            self._backends[test.device] = self._on(test.place)
        backend = self._backends[test.device]
        self._load(backend)
        return backend

    @property
    def sources(self) -> dict[str, str]:
        """The student's text, by label."""
        return dict(self._first.code.cells)

    @property
    def problems(self) -> list[str]:
        """Sentences about what did not load; with the device, where only one has the problem."""
        told = list(self._first.problems)
        for name, backend in self._backends.items():
            told += [f"On {name}: {p}" for p in backend.problems if p not in self._first.problems]
        return told

    @property
    def output(self) -> str:
        """What the code printed on the first device, or else on another."""
        return next((b.output for b in self._backends.values() if b.output), "")

    @property
    def layers(self) -> dict[str, str]:
        """What keeps the code apart, on the first device."""
        return self._first.layers

    def notes(self) -> list[str]:
        """Sentences about where the code left a device so far, in lines that were not given."""
        return [
            sentence
            for name, backend in self._backends.items()
            if name in self._loaded
            for sentence in noted(filter(self._is_own, backend.notes()), name)
        ]

    def _is_own(self, note: Note) -> bool:
        line = self._first.code.line(note.file, note.line)
        return line is None or line.strip() not in self._given

    def close(self) -> None:
        """End them all."""
        for backend in self._backends.values():
            backend.close()

    def _load(self, backend: Backend) -> bool:
        if backend.device.name in self._loaded:
            return True
        self._loaded.add(backend.device.name)
        return backend.load()
