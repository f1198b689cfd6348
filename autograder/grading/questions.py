"""Whether a test asks what it asked of the reference: then the answer is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from autograder.course import Returns
from autograder.testing import same_value


def pairs(known: Any, came: Any, parts: Returns) -> dict[int, Any]:
    """For each part of the reference's result that may be passed on, what the student's is.

    Those are opaque values and tensors; of others nobody can tell which one a test means.
    """
    if isinstance(known, tuple) and parts != "opaque":
        if not isinstance(came, tuple) or len(came) != len(known):
            return {}
        both = zip(known, came, parts or [None] * len(known), strict=True)
        return {id(k): c for k, c, how in both if how == "opaque" or isinstance(k, Tensor)}
    return {id(known): came} if parts == "opaque" or isinstance(known, Tensor) else {}


def matches(known: Any, asked: Any, theirs: Mapping[int, Any]) -> bool:
    """Whether an argument is what was asked ahead, opaque results standing for each other."""
    if id(known) in theirs:
        return asked is theirs[id(known)]
    if isinstance(known, (tuple, list)) and type(asked) is type(known):
        return len(asked) == len(known) and all(
            matches(k, a, theirs) for k, a in zip(known, asked, strict=True)
        )
    if isinstance(known, dict) and isinstance(asked, dict):
        return list(known) == list(asked) and all(
            matches(known[k], asked[k], theirs) for k in known
        )
    return same_value(known, asked)
