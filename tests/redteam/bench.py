"""One grading process in which attacks and honest submissions are graded in turn."""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch
from redteam.declare import Attack, Layer, Seen
from redteam.unit import FUNCTIONS, HONEST, MODULE
from samples import RUN

from autograder.grading import UnitGrader
from autograder.grading import remotes as placing
from autograder.grading.grader import Graded
from autograder.report.feedback import feedback_markdown
from autograder.results import Result
from autograder.supervisor import Code, Workers, start_workers
from autograder.worker import Limits

_PATIENCE = 60.0  # for a grading process that an attack may end


class Bench:
    """Grades, under the usual conditions or without one of the layers.

    Args:
        grader: the unit, prepared for the CPU and the simulated device.
        cpu: the same for the CPU alone, where one call of an attack is enough to succeed.
        world: what attacks aim at.
    """

    def __init__(self, grader: UnitGrader, cpu: UnitGrader, world: Any) -> None:
        self.grader, self.cpu, self.world = grader, cpu, world
        self._loose: dict[frozenset[str], Workers] = {}

    def close(self) -> None:
        """End the workers that were started without some of their confinement."""
        for workers in self._loose.values():
            workers.close()

    def honest(self) -> float:
        """Points of an honest submission, graded now in this process."""
        return _points(self.grader.grade(code_of(HONEST), {}))

    def run(self, attack: Attack) -> Seen:
        """Grade an attack as students are graded, then an honest submission."""
        conditions = Layer("", limits=attack.limits, settings=attack.settings)
        return self._seen(self.grader, attack, conditions)

    def run_unprotected(self, attack: Attack) -> Seen:
        """The same without the layer that stops it."""
        off = attack.stopped_by
        conditions = replace(
            off,
            limits={**attack.limits, **off.limits},
            settings={**attack.settings, **off.settings},
        )
        return self._seen(self.cpu, attack, conditions)

    def _seen(self, grader: UnitGrader, attack: Attack, conditions: Layer) -> Seen:
        self.world.refresh()
        source = submission(attack, self.world)
        if conditions.apart:
            graded, fault, after = self._graded(grader, source, conditions)
        else:
            graded, fault, after = self._in_one_process(grader, source, conditions)
        result, told = None, ""
        if graded is not None:
            result = result_of(graded)
            with self._under(grader, conditions):
                told = feedback_markdown(result)
        return Seen(graded, fault, told, self.world, after, result)

    def _graded(
        self, grader: UnitGrader, source: str, conditions: Layer
    ) -> tuple[Graded | None, str, float]:
        graded, fault = None, ""
        with self._under(grader, conditions):
            try:
                graded = grader.grade(code_of(source), {})
            except Exception:
                fault = traceback.format_exc()
        return graded, fault, self.honest()

    @contextmanager
    def _under(self, grader: UnitGrader, conditions: Layer) -> Iterator[None]:
        before, workers, remotes = grader.settings, grader.workers, grader._remotes
        assert remotes is not None
        with pytest.MonkeyPatch.context() as switch:
            for owner, name, value in conditions.patches:
                switch.setattr(owner, name, value)
            if conditions.limits:
                limits = functools.partial(_limits, conditions.limits)
                switch.setattr(placing, "Limits", limits)
            grader.settings = replace(before, **conditions.settings)
            if not conditions.apart:
                grader.workers = grader._remotes = None
            elif conditions.without:
                if conditions.without not in self._loose:
                    self._loose[conditions.without] = start_workers(without=conditions.without)
                grader.workers = self._loose[conditions.without]
            remotes.settings, remotes.workers = grader.settings, grader.workers or workers
            try:
                yield
            finally:
                grader.settings, grader.workers, grader._remotes = before, workers, remotes
                remotes.settings, remotes.workers = before, workers

    def _in_one_process(
        self, grader: UnitGrader, source: str, conditions: Layer
    ) -> tuple[Graded | None, str, float]:
        """Grade in a copy of this process, without a worker; the copy may well not survive it."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=self._serve_one, args=(grader, source, conditions, theirs))
        process.start()
        theirs.close()
        try:
            if not ours.poll(_PATIENCE):
                return None, "the grading process hung", 0.0
            received: tuple[Graded | None, str, float] = ours.recv()
            return received
        except EOFError:
            return None, "the grading process ended", 0.0
        finally:
            ours.close()
            process.kill()
            process.join()

    def _serve_one(
        self, grader: UnitGrader, source: str, conditions: Layer, answer: Connection
    ) -> None:
        torch.set_num_threads(1)  # those of the process that was copied are not in the copy
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - what an attack does to it is expected
        graded, fault = None, ""
        with self._under(grader, conditions):
            try:
                graded = grader.grade(code_of(source), {})
            except Exception:
                fault = traceback.format_exc()
            try:
                after = _points(grader.grade(code_of(HONEST), {}))
            except Exception:
                after = 0.0
            answer.send((graded, fault, after))


def _limits(changes: dict[str, int], **usual: Any) -> Limits:
    return Limits(**{**usual, **changes})


def _points(graded: Graded) -> float:
    return sum(e.points or 0.0 for e in graded.exercises)


def code_of(source: str) -> Code:
    """A submission that is one module."""
    return Code(MODULE, ((f"{MODULE}.py", source),))


def submission(attack: Attack, world: Any) -> str:
    """The honest module with the attack in it."""
    facts = "".join(f"    {name} = {value!r}\n" for name, value in world.facts().items())
    kept = "".join(f"    {name} = staticmethod({name})\n" for name in FUNCTIONS)
    return f"{HONEST}\n\nclass world:\n{facts}\n\nclass honest:\n{kept}\n\n{attack.code}\n"


def result_of(graded: Graded, **changes: Any) -> Result:
    """The result that would be written down."""
    fields = {
        "unit": "01_scaling",
        "student": "mallory",
        "status": "graded",
        "points": _points(graded),
        "max_points": sum(e.max_points for e in graded.exercises),
        "message": " ".join(graded.problems),
        "exercises": graded.exercises,
        "output": graded.output,
        "run": RUN,
    }
    return Result(**{**fields, **changes})
