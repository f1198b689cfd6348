"""The form of Gradescope's ``results.json``, which a report fills in and a release holds empty.

The form is that of https://gradescope-autograders.readthedocs.io/en/latest/specs/. One document is
about one submission. No test is ever hidden in it, because Gradescope then hides the total too;
what staff alone may see goes to the standard output of the run, which is shown to staff only.
"""

from __future__ import annotations

from typing import Any

import msgspec

FAULT = (
    "The grader failed on this submission. That is not your fault, and it is no mark: your "
    "course's staff has to look at it."
)


def fault_json(unit: str) -> bytes:
    """The ``results.json`` of a run in which the grader failed.

    It holds no score at all: Gradescope then records no points, and a person has to look at it.
    """
    return encoded(frame("needs a person", unit, FAULT))


def frame(status: str, unit: str, output: str) -> dict[str, Any]:
    """A document that says `output` to the student, without a score and without tests.

    Args:
        status: of the result.
        unit: its name.
        output: plain text.
    """
    return {
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "extra_data": {"handgrad": {"status": status, "unit": unit}},
    }


def encoded(document: dict[str, Any]) -> bytes:
    """A document as the file is written."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
