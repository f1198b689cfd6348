"""What becomes of a mutant: the tests kill it, or it differs from the reference, or it does not.

A mutant goes the way of a submission: into a worker, asked by the unit's tests with the inputs that
a class is graded on. It is killed by the first point that it loses. One that loses none is compared
with the reference, call by call, on inputs that the same tests draw from other seeds.
"""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from mutator import Mutant
from torch import Tensor

from autograder.course import Unit, call_graph, parse, reachable
from autograder.devices import CPU, DEVICES
from autograder.exam import (
    Drawn,
    DrawnTest,
    Inlining,
    PreparedExample,
    Rehearsed,
    draw,
    seconds_of,
)
from autograder.exam.rehearsal import SECONDS, TooLong, at_most
from autograder.grading import Settings, exam_request
from autograder.grading.diagnosis import alike
from autograder.grading.remote import RemoteBackend
from autograder.supervisor import Code, Session, Workers
from autograder.testing import CallRecord, StudentStopped, describe, is_property
from autograder.testing.subjects import Opaque
from autograder.worker import Limits

FRESH_INPUTS = 1000
# For mutants that one exercise alone has; those that differ mostly do so soon.
SEEDS_ALONE = 6
MOST_SEEDS = 60


class Measure:
    """The tests of one unit, ready to be tried on its mutants.

    Args:
        unit: which.
        settings: as for grading; of its `call_seconds` a mutant gets only `hurry`, and all of it
            only if it did not come back in that time, because the machine may have been busy.
        workers: where mutants run.
        hurry: seconds.
    """

    def __init__(
        self, unit: Unit, settings: Settings, workers: Workers, hurry: float = 2.0
    ) -> None:
        self.unit, self.settings, self.workers, self.hurry = unit, settings, workers, hurry
        graph = call_graph(parse(unit.source_file))
        self._needs = {name: reachable(graph, [name]) for name in graph}
        self._drawn: dict[int, Drawn] = {}
        self._inlining: Inlining | None = None
        self._alone: dict[int, Inlining] = {}

    def killed_by(self, mutant: Mutant) -> str:
        """What it loses its first point with; empty if it gets them all."""
        told = self._first_loss(mutant, min(self.hurry, self.settings.call_seconds))
        if told.startswith("timeout"):
            told = self._first_loss(mutant, self.settings.call_seconds)
        return told

    def difference(self, mutant: Mutant) -> str:
        """How it differs from the reference on fresh inputs, or that too few could be drawn.

        Returns:
            A sentence; empty if it is as good as the reference on `FRESH_INPUTS` inputs, no two of
            them the same, of functions that use what is mutated.
        """
        compared: set[Any] = set()
        for turn in range(1, MOST_SEEDS + 1):
            seed = self.settings.seed + turn
            drawn = self._draw(seed)
            backend = self._backend(mutant, drawn, self.settings.call_seconds)
            try:
                for test in self._concerned(drawn, mutant):
                    if not is_property(test.function):
                        continue
                    for example, error in _replay(drawn, backend, test):
                        calls = drawn.student.calls
                        for known, came in zip(example.calls, calls, strict=False):
                            if not alike(Rehearsed.of(known), came):
                                return _told(known, came)
                        if error is not None or len(calls) != len(example.calls):
                            return f"{test.name} with seed {seed}: {error}"
                        compared |= {_key(c) for c in calls if self._uses(c.function, mutant)}
            finally:
                backend.close()
            if len(compared) >= FRESH_INPUTS:
                return ""
        return f"the tests draw only {len(compared)} different inputs of it"

    def inlined(self, mutant: Mutant) -> Iterator[tuple[str, str]]:
        """What becomes of a mutant that only one exercise which uses its function has.

        Yields:
            The exercise, and ``killed``, ``equal`` (to the reference, on inputs of other seeds) or
            a sentence on how it differs although no point is lost.
        """
        if self._inlining is None:
            drawn = self._draw(self.settings.seed)
            self._inlining = Inlining(self.unit, drawn.tests, drawn.student)
        users = self._inlining.users_of(mutant.function)
        if not users:
            return
        module = ModuleType(self.unit.module)
        try:
            exec(compile(mutant.source, mutant.name, "exec"), module.__dict__)
        except Exception:
            return  # it cannot be defined
        for name in users:
            if self._inlining.loses(name, module):
                yield name, "killed"
            else:
                yield name, self._difference_alone(name, module) or "equal"

    def _difference_alone(self, name: str, module: ModuleType) -> str:
        """How another module's version of one exercise differs from the reference's, if it does."""
        for turn in range(1, SEEDS_ALONE + 1):
            drawn = self._draw(self.settings.seed + turn)
            inlining = self._alone.setdefault(turn, Inlining(self.unit, drawn.tests, drawn.student))
            with inlining.alone(name, module):
                for test in drawn.tests:
                    if test.exercise != name or test.device != CPU.name:
                        continue
                    for example in test.examples:
                        told = _difference_on(test, example, drawn)
                        if told:
                            return told
        return ""

    def _first_loss(self, mutant: Mutant, seconds: float) -> str:
        drawn = self._draw(self.settings.seed)
        losses = (self._loss_on(name, drawn, mutant, seconds) for name in self.settings.devices)
        return next(filter(None, losses), "")

    def _loss_on(self, device: str, drawn: Drawn, mutant: Mutant, seconds: float) -> str:
        backend = self._backend(mutant, drawn, seconds, device)
        try:
            backend.load()
            if backend.problems:
                return backend.problems[0]
            for test in self._concerned(drawn, mutant, device):
                for _, error in _replay(drawn, backend, test):
                    if isinstance(error, StudentStopped):
                        return f"{error.category} in {test.name}"
                    if error is not None:
                        return f"{test.name}: {error}"
        finally:
            backend.close()
        return ""

    def _draw(self, seed: int) -> Drawn:
        if seed not in self._drawn:
            own = seed == self.settings.seed
            devices = self.settings.devices if own else (CPU.name,)
            settings = dataclasses.replace(self.settings, seed=seed, devices=devices)
            self._drawn[seed] = draw(exam_request(self.unit, settings), losing=False)
            gc.freeze()  # pytest collects garbage twice a run, among all that is prepared so far
        return self._drawn[seed]

    def _backend(
        self, mutant: Mutant, drawn: Drawn, seconds: float, device: str = CPU.name
    ) -> RemoteBackend:
        limits = Limits(memory_mb=self.settings.memory_mb)
        return RemoteBackend(
            Session(self.workers, limits, seconds, seed=self.settings.seed),
            Code(self.unit.module, ((f"{self.unit.module}.py", mutant.source),)),
            self.unit.returns,
            seconds_of(drawn.tests),
            DEVICES[device],
        )

    def _concerned(self, drawn: Drawn, mutant: Mutant, device: str = CPU.name) -> list[DrawnTest]:
        """The tests that run what is mutated, those of its own exercise first."""
        concerned = [
            test
            for test in drawn.tests
            if test.device == device
            and any(self._uses(c.function, mutant) for e in test.examples for c in e.calls)
        ]
        return sorted(concerned, key=lambda test: test.exercise != mutant.function)

    def _uses(self, function: str, mutant: Mutant) -> bool:
        return mutant.function in self._needs.get(function, ())


def _difference_on(test: DrawnTest, example: PreparedExample, drawn: Drawn) -> str:
    """How what a test calls on an input differs from the reference, if it does."""
    try:
        with at_most(SECONDS):
            test.run(example)
    except (Exception, pytest.fail.Exception, TooLong) as error:
        return f"{test.name}: {error}"
    for known, came in zip(example.calls, drawn.student.calls, strict=False):
        if not alike(Rehearsed.of(known), came):
            return _told(known, came)
    return ""


def _replay(
    drawn: Drawn, backend: RemoteBackend, test: DrawnTest
) -> Iterator[tuple[PreparedExample, BaseException | None]]:
    """Run a test on its examples, as `autograder.grading.replay` does, but without a search."""
    drawn.student.backend = backend
    backend.begin(test.graded)
    for position, example in enumerate(test.examples):
        backend.begin_example(position)
        error: BaseException | None = None
        try:
            with test.place.active():
                test.run(example)
        except (Exception, pytest.fail.Exception, StudentStopped) as raised:
            error = raised
        yield example, error
    backend.end_test()


def _key(call: CallRecord) -> tuple[Any, ...]:
    """Equal for two calls with equal arguments."""
    return (call.function, _frozen(call.args), _frozen(call.kwargs))


def _frozen(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (
            value.dtype,
            value.shape,
            value.stride(),
            value.cpu().contiguous().numpy().tobytes(),
        )
    if isinstance(value, dict):
        return tuple((name, _frozen(v)) for name, v in value.items())
    if isinstance(value, tuple | list):
        return tuple(map(_frozen, value))
    plain = value is None or isinstance(value, bool | int | float | str | torch.dtype)
    return value if plain else ""


def _told(known: CallRecord, came: CallRecord) -> str:
    """How two calls differ."""
    args = [*known.args, *known.kwargs.values()]
    shown = ", ".join(describe(a, elements=12) for a in args if not isinstance(a, Opaque))
    return f"{known.function}({shown}): {_came(known)}, but the mutant: {_came(came)}"


def _came(call: CallRecord) -> str:
    if call.error is not None:
        return f"{type(call.error).__name__}: {str(call.error)[:120]}"
    changed = f", changing {', '.join(call.changed)}" if call.changed else ""
    return describe(call.value, elements=12) + changed
