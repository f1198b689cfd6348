"""A test as it is kept: its fixtures, the inputs it runs on, and what the reference answered."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from autograder.devices import DEVICES, Device
from autograder.errors import HandgradError
from autograder.exam.scripts import Script
from autograder.testing import (
    Answered,
    Body,
    CallRecord,
    Reference,
    Spreads,
    Student,
    kind_of,
    map_tensors,
    spreads_known,
)

# How many failing inputs of a test are looked at; of a submission, and so of a known mistake.
FAILURES_KEPT = 5


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
        spreads: how far right answers lie apart on it.
        unfair: that they lie too far apart to tell wrong ones from them, in a sentence; empty if
            they do not.
        versions: of its tensors; see `tensor_versions`.
    """

    inputs: dict[str, Any]
    answers: list[Answered] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    operators: int = 0
    messages: int = 0
    lines: set[int] = field(default_factory=set)
    spreads: Spreads = field(default_factory=dict)
    unfair: str = ""
    versions: tuple[int, bool] = field(init=False)

    def __post_init__(self) -> None:
        self.versions = tensor_versions(self.inputs)


@dataclass(frozen=True)
class Rehearsed:
    """What came of a call of a known mistake.

    Attributes:
        function: that was called.
        changed: whether it changed an argument.
        value: what it returned; None if it raised.
        kind: the name of the type of what it raised; empty if it returned.
        message: of what it raised.
    """

    function: str
    changed: bool
    value: Any
    kind: str = ""
    message: str = ""

    @classmethod
    def of(cls, record: CallRecord) -> Rehearsed:
        """A call that was made."""
        message = "" if record.error is None else str(record.error)
        kind = kind_of(record.error)
        return cls(record.function, bool(record.changed), record.value, kind, message)


@dataclass
class ExampleSet:
    """Inputs of a test, and all that it will ask on them.

    Attributes:
        examples: the inputs.
        script: what the test will ask, as far as that is known ahead.
        timed: whether calls on them are timed: then what is slow is to be said to be slow, not
            given up.
    """

    examples: Sequence[PreparedExample] = ()
    script: Script = field(default_factory=Script)
    timed: bool = False


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
        body: the test as it was written: takes fixtures and drawn arguments.
        fixtures: its fixtures, by argument name.
        graded: its inputs; a test that draws nothing has one without inputs.
        smaller: small inputs, smallest first, to show a student one of them where the test fails;
            none where it draws nothing. In portions: most mistakes are seen in the first.
        location: ``file::name`` for the command that reruns it.
        rehearsed: for each example what the known mistakes that fail on it answer, by their number.
        speed: how many times as long as the reference its exercise's function may take.
        refuses: whether it only asks for what must be refused, as the stub does already.
        probe: whether it always runs; otherwise only if a probe of its exercise failed on the same
            device.
    """

    name: str
    exercise: str
    points: float
    public: bool
    device: str
    variant: str
    body: Body
    fixtures: dict[str, Any]
    location: str
    graded: ExampleSet = field(default_factory=ExampleSet)
    smaller: Sequence[ExampleSet] = ()
    rehearsed: Sequence[Mapping[int, Sequence[Rehearsed]]] = ()
    speed: float | None = None
    refuses: bool = False
    probe: bool = True

    @property
    def examples(self) -> Sequence[PreparedExample]:
        """The inputs that it is graded on."""
        return self.graded.examples

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
        with spreads_known(example.spreads):
            self.body(**self.fixtures, **example.inputs)


def tensor_versions(inputs: Any) -> tuple[int, bool]:
    """Changes when a tensor in `inputs` is written to, or enters an autograd graph."""
    total, graph = 0, False

    def look(tensor: Tensor) -> Tensor:
        nonlocal total, graph
        total += tensor._version
        graph = graph or tensor.requires_grad
        return tensor

    map_tensors(inputs, look)
    return total, graph


def seconds_of(tests: Sequence[PreparedTest]) -> dict[str, float]:
    """For each function the longest that a call of it took the reference."""
    longest: dict[str, float] = {}
    for test in tests:
        sets = (test.graded, *test.smaller)
        for example in itertools.chain.from_iterable(those.examples for those in sets):
            for record in example.calls:
                before = longest.get(record.function, 0.0)
                longest[record.function] = max(before, record.seconds)
    return longest
