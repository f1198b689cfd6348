"""A test as it is kept: its fixtures, the inputs it runs on, and what the reference answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.devices import DEVICES, Device
from autograder.errors import HandgradError
from autograder.testing import Answered, Body, CallRecord, Reference, Student


class PreparationError(HandgradError):
    """A unit's tests cannot be used; the sentence says which and why."""


@dataclass
class PreparedExample:
    """One input of a test.

    Attributes:
        inputs: the drawn arguments, on the test's device.
        answers: what the reference was asked on this example, and its answers.
        calls: what the test called on the reference in the student's place; empty when there was
            no reference to run.
        operators: how many the test took on the reference, if they were counted.
        messages: how many a worker would have sent, if they were counted.
        lines: of the reference that it reached, if that was noted.
    """

    inputs: dict[str, Any]
    answers: list[Answered] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    operators: int = 0
    messages: int = 0
    lines: set[int] = field(default_factory=set)


@dataclass
class PreparedTest:
    """A test, its fixtures, and the examples it runs on.

    Attributes:
        name: the test's function and parameters, e.g. ``test_relu_forward_at_zero[cpu]``.
        exercise: the exercise it belongs to.
        points: what passing it earns.
        public: whether students have it.
        device: the name of the device it runs on.
        variant: which test it is whatever the device: name and parameters.
        function: the test function, as pytest would call it.
        body: the test as it was written: takes fixtures and drawn arguments.
        fixtures: its fixtures, by argument name.
        examples: its inputs; a test that draws nothing has one without inputs.
        seed: the seed that its inputs were drawn with.
        location: ``file::name`` for the command that reruns it.
        speed: how many times as long as the reference its exercise's function may take.
        probe: whether it always runs; otherwise only if a probe of its exercise failed on the same
            device.
    """

    name: str
    exercise: str
    points: float
    public: bool
    device: str
    variant: str
    function: Callable[..., None]
    body: Body
    fixtures: dict[str, Any]
    examples: list[PreparedExample]
    seed: int
    location: str
    speed: float | None = None
    probe: bool = True

    @property
    def key(self) -> str:
        """The test whatever its device and parameters: it is worth its points once."""
        return f"{'public' if self.public else 'hidden'} {self.name.partition('[')[0]}"

    @property
    def place(self) -> Device:
        """The device it runs on: to be active while it runs."""
        return DEVICES[self.device]

    def begin(self, example: PreparedExample) -> None:
        """Tell the fixtures that `example` begins."""
        for fixture in self.fixtures.values():
            if isinstance(fixture, Student):
                fixture.begin_example()
            elif isinstance(fixture, Reference):
                fixture.begin_example(example.answers)

    def run(self, example: PreparedExample) -> None:
        """Run the test's body on one example; raises what the body raises.

        Its device is to be active, also while the outcome is looked at.
        """
        self.begin(example)
        self.body(**self.fixtures, **example.inputs)
