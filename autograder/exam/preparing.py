"""Preparing a unit's tests once, so that each submission only replays them.

pytest collects the tests, sets up their fixtures and runs each one on the reference. What
hypothesis draws on the way and what the reference answers is kept: a submission is then measured
on exactly those inputs, without pytest, without drawing and without computing the reference again.
Running on the reference is also the proof that a test which fails later fails because of the
submission.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from hypothesis.errors import Unsatisfiable

from autograder.devices import CPU, DEVICES
from autograder.exam.collecting import run_pytest
from autograder.exam.prepared import PreparationError, PreparedExample, PreparedTest
from autograder.exam.probes import count_elements, probes
from autograder.exam.running import ReferenceRun
from autograder.exam.values import NotKeepable, write_value
from autograder.testing import (
    GRADING_PLUGIN,
    SUBJECTS,
    ModuleBackend,
    Reference,
    Spreads,
    Student,
    body_of,
    body_replaced,
    is_property,
    plugin,
)

FIXTURES = {"student", "reference", "device"}

T = TypeVar("T")


@dataclass
class DrawnTest(PreparedTest):
    """A test as pytest collected it.

    Attributes:
        function: as pytest would call it.
        file: where it is defined.
    """

    function: Callable[..., None] = lambda: None
    file: Path = Path()

    def add(self, example: PreparedExample) -> None:
        """One more input to be graded on."""
        self.graded.examples = [*self.graded.examples, example]


def prepare(
    files: Sequence[Path],
    student: Student,
    reference: Reference | None,
    on_reference: ModuleBackend | None,
    *,
    seed: int,
    devices: Sequence[str],
) -> list[DrawnTest]:
    """Collect the tests of one unit and draw their examples.

    Args:
        files: the test files, hidden and public.
        student: the `student` fixture of the prepared tests; its backend is exchanged later.
        reference: the `reference` fixture; None where there is none, as on a student's machine.
        on_reference: the reference in the student's place, on which every test must pass; None
            to draw the examples without running the tests.
        seed: where the inputs come from.
        devices: the names of the devices to test on.

    Raises:
        PreparationError: a test cannot be collected, or does not pass on the reference.
    """
    recorder = _Recorder(student, reference, on_reference, seed, devices)
    code, said = run_pytest(files, recorder)
    if recorder.faults or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        told = "\n\n".join(recorder.faults) or said[-4000:]
        names = ", ".join(f"{f.parent.name}/{f.name}" for f in files)
        raise PreparationError(f"The tests of {names} cannot be used for grading:\n{told}")
    return recorder.tests


class _Recorder:
    """The pytest plugin that takes each test's inputs instead of reporting its outcome."""

    __name__ = GRADING_PLUGIN

    def __init__(
        self,
        student: Student,
        reference: Reference | None,
        on_reference: ModuleBackend | None,
        seed: int,
        devices: Sequence[str],
    ) -> None:
        self.student_fixture, self.reference_fixture = student, reference
        self.seed = seed
        self._run = ReferenceRun(student, on_reference)
        self.devices = tuple(DEVICES[name] for name in devices)
        self.tests: list[DrawnTest] = []
        self._probes: dict[str, list[int]] | None = None
        self.faults: list[str] = []
        self._timed: set[bytes] = set()
        self._unfair = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[SUBJECTS] = self
        config.stash[plugin.DEVICES] = self.devices

    def student(self, folder: Path) -> Student:
        return self.student_fixture

    def reference(self, folder: Path) -> Reference:
        if self.reference_fixture is None:
            raise PreparationError("a public test asks for `reference`, which a release has not")
        return self.reference_fixture

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.get_closest_marker("exercise") is None:
                self.faults.append(f"{item.nodeid} names no exercise: add @exercise(name, points=)")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        names = pyfuncitem._fixtureinfo.argnames
        fixtures = {name: pyfuncitem.funcargs[name] for name in names}
        own = set(fixtures) - FIXTURES - _parameters(pyfuncitem)
        if own:
            raise PreparationError(
                f"{pyfuncitem.nodeid} uses the fixtures {sorted(own)}; a unit's tests are set up "
                f"once and replayed, so only {sorted(FIXTURES)} are available"
            )
        mark = pyfuncitem.get_closest_marker("exercise")
        assert mark is not None
        device = plugin.device_of(pyfuncitem)
        if mark.kwargs.get("speed") is not None and device is not CPU:
            return True  # speed is compared on the CPU, where everybody can
        test = DrawnTest(
            name=pyfuncitem.name,
            exercise=str(mark.args[0]),
            points=float(mark.kwargs["points"]),
            public=pyfuncitem.path.name == "test_public.py",
            device=device.name,
            variant=_variant(pyfuncitem),
            body=body_of(pyfuncitem.obj),
            fixtures=fixtures,
            location=f"{pyfuncitem.path.parent.name}/{pyfuncitem.path.name}::{pyfuncitem.name}",
            speed=mark.kwargs.get("speed"),
            function=pyfuncitem.obj,
            file=pyfuncitem.path,
        )
        if test.place.simulated and self._take_over(test):
            pass
        elif is_property(test.function):
            self._draw(test)
        else:
            self._keep(test, {})
        self.tests.append(test)
        return True

    def _draw(self, test: DrawnTest) -> None:
        """Let hypothesis draw; keep what it draws."""

        def keep(**arguments: Any) -> None:
            drawn = {k: v for k, v in arguments.items() if k not in test.fixtures}
            every.append(drawn)
            if not test.place.simulated and self._is_new(test, drawn):
                self._keep(test, drawn)

        every: list[dict[str, Any]] = []
        self._unfair = ""
        hypothesis.seed(self._seed_of(test))(test.function)
        try:
            with body_replaced(test.function, keep):
                test.function(**test.fixtures)
        except Unsatisfiable:
            if not self._unfair:
                raise
        if test.place.simulated:
            self._keep(test, _typical(every))
        elif not test.examples and self._unfair:
            raise PreparationError(
                f"{test.name} draws only inputs on which rounding decides. Draw others, smaller "
                f"ones say. {self._unfair}"
            )
        elif not test.examples:
            raise PreparationError(
                f"{test.name} is timed on inputs that other tests are timed on: a slow function "
                "that remembers its answers would pass. Draw others."
            )

    def _seed_of(self, test: DrawnTest) -> int:
        """Where its inputs come from: tests that draw alike draw the same, but for timed ones."""
        if test.speed is None:
            return self.seed
        own = hashlib.sha256(f"{self.seed} {test.variant}".encode()).digest()
        return int.from_bytes(own[:8], "big")

    def _is_new(self, test: DrawnTest, drawn: dict[str, Any]) -> bool:
        """Whether a test may run on an input: none is timed twice, whichever test drew it.

        A function that is slow and remembers what it answered would be fast the second time.
        """
        if test.speed is None:
            return True
        try:
            inputs = write_value(drawn)
        except NotKeepable:
            return True
        new = inputs not in self._timed
        self._timed.add(inputs)
        return new

    def _take_over(self, test: DrawnTest) -> bool:
        """For the simulated device: keep some of what was drawn for the CPU, if it was."""
        twins = {t.variant: t for t in self.tests if t.device == CPU.name}
        if self._run.reference is None or test.variant not in twins:
            return False
        if self._probes is None:
            self._probes = probes(twins.values())
        every = twins[test.variant].examples
        chosen = [every[i] for i in self._probes.get(test.variant, ())]
        test.probe = bool(chosen)
        for example in chosen or [_typical(every, of=lambda e: e.inputs)]:
            self._keep(test, example.inputs, example.spreads)
        return True

    def _chooses(self, test: DrawnTest) -> bool:
        """Whether there will be a choice among this test's examples."""
        return test.device == CPU.name and any(device.simulated for device in self.devices)

    def _keep(self, test: DrawnTest, drawn: dict[str, Any], spreads: Spreads | None = None) -> None:
        """Keep one example, having run it on the reference if there is one.

        Another one is drawn instead of one on which rounding decides.
        """
        example = self._run.example(test, drawn, watched=self._chooses(test))
        if spreads is not None:
            example.spreads = spreads
        if example.unfair and drawn:
            self._unfair = example.unfair
            hypothesis.reject()
        test.add(example)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.faults.append(f"{report.nodeid} ({report.when}):\n{report.longreprtext[-3000:]}")
        elif report.skipped:
            self.faults.append(f"{report.nodeid} is skipped: a test that is skipped grades nothing")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.faults.append(f"{report.nodeid}:\n{report.longreprtext[-3000:]}")


def _typical(every: Sequence[T], *, of: Callable[[T], Any] = lambda drawn: drawn) -> T:
    """An example of middling size: the smallest ones often skip a loop, large ones take longer."""
    return sorted(every, key=lambda one: count_elements(of(one)))[len(every) // 2]


def _variant(item: pytest.Function) -> str:
    """The test and its parameters other than the device."""
    indices = item.callspec.indices if hasattr(item, "callspec") else {}
    others = sorted((name, i) for name, i in indices.items() if name != "device")
    return f"{item.path.name}::{item.originalname} {others}"


def _parameters(item: pytest.Function) -> set[str]:
    """The arguments that come from ``pytest.mark.parametrize``."""
    return set(item.callspec.params) if hasattr(item, "callspec") else set()
