"""What a result depends on besides the submission; known without preparing the unit."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING

from autograder.course import Course, Unit
from autograder.grading.settings import Settings, fingerprint, release_version
from autograder.results import Run
from autograder.worker import UNCONFINED, level_of

if TYPE_CHECKING:
    from autograder.supervisor import Workers


def describe_run(
    course: Course,
    unit: Unit,
    settings: Settings,
    workers: Workers | None,
    *,
    layers: Mapping[str, str],
    seconds: float,
) -> Run:
    """What a result depends on besides the submission.

    Args:
        course: the course.
        unit: that was graded.
        settings: how.
        workers: where the student's code ran; None for in this process.
        layers: what kept it apart; empty if none of it ran.
        seconds: how long grading took.
    """
    return Run(
        version=importlib.metadata.version("handgrad"),
        release=release_version(course),
        fingerprint=fingerprint(unit, settings),
        seed=settings.seed,
        devices=list(settings.devices),
        devices_why=settings.devices_why,
        worker=_worker(workers, layers),
        limits={
            "call_seconds": settings.call_seconds,
            "submission_seconds": settings.submission_seconds,
            "memory_mb": settings.memory_mb,
        },
        versions={
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "numpy", "hypothesis")},
        },
        when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        seconds=seconds,
    )


def _worker(workers: Workers | None, layers: Mapping[str, str]) -> dict[str, str]:
    if workers is None:
        return {"kind": "in process", "level": UNCONFINED}
    kind = {"kind": workers.kind, "profile": workers.profile}
    return {**kind, "level": level_of(dict(layers)), **layers} if layers else kind
