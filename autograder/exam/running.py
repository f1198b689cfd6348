"""Running a test on the reference, in the student's place: what is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autograder.exam.conditioning import Conditioning
from autograder.exam.prepared import (
    PreparationError,
    PreparedExample,
    PreparedTest,
    tensor_versions,
)
from autograder.exam.probes import Watch
from autograder.testing import ModuleBackend, Student, to_device


@dataclass(frozen=True)
class ReferenceRun:
    """Makes examples of inputs.

    Attributes:
        student: the `student` fixture of the tests.
        reference: the reference in the student's place, on which every test must pass; None to
            keep the inputs without running anything.
    """

    student: Student
    reference: ModuleBackend | None

    @cached_property
    def _conditioning(self) -> Conditioning:
        assert self.reference is not None
        return Conditioning(self.reference.module, self.reference.returns, self.student)

    def example(
        self,
        test: PreparedTest,
        drawn: dict[str, Any],
        *,
        watched: bool = False,
        graded: bool = True,
    ) -> PreparedExample:
        """An input on the test's device, with what is asked on it, and how it is conditioned.

        The latter not where a test is timed, nor on the simulated device: its numbers are the
        CPU's. Nor where no points depend on it.

        Args:
            test: the test.
            drawn: its drawn arguments.
            watched: whether to note what it costs and which lines it reaches.
            graded: whether points depend on it.

        Raises:
            PreparationError: the test changes its inputs.
            Exception: the test does not pass on the reference.
        """
        with test.place.active():
            return self._there(test, to_device(drawn, test.place.torch), watched, graded)

    def _there(
        self, test: PreparedTest, inputs: dict[str, Any], watched: bool, graded: bool
    ) -> PreparedExample:
        example = PreparedExample(inputs)
        if self.reference is None:
            return example
        if watched:
            with Watch(self.reference) as watch:
                self.student.backend = watch
                test.run(example)
            example.operators, example.messages = watch.operators, watch.messages
            example.lines = watch.lines
        else:
            self.student.backend = self.reference
            test.run(example)
        example.calls = self.student.calls
        if tensor_versions(inputs) != example.versions:
            raise PreparationError(
                f"{test.name} changes its inputs, but other submissions are tested on them "
                "too: clone them first"
            )
        if not graded:
            example.spreads = None
        elif test.speed is None and not test.place.simulated:
            self._conditioning.measure(test, example)
        return example
