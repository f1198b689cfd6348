"""Values that tests of several folders need and whose content matters to none."""

from __future__ import annotations

import functools

from autograder import submissions
from autograder.integrations import platforms
from autograder.results import Run

RUN = Run(
    version="0.1.0",
    release="",
    fingerprint="f",
    seed=1,
    devices=["cpu"],
    worker={},
    limits={},
    versions={},
    when="2026-10-20T12:00:00+00:00",
    seconds=0.5,
)

discover = functools.partial(submissions.discover, platforms=platforms())
"""What the commands find: with every platform's downloads."""
