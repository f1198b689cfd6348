"""Whether a test asks what it asked of the reference: then the answer is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.course import Returns
from autograder.testing import same_value


def pairs(known: Any, came: Any, parts: Returns) -> dict[int, Any]:
    """For each opaque part of the reference's result, what stands for it in the student's."""
    if parts == "opaque":
        return {id(known): came}
    if isinstance(parts, tuple):
        return {id(k): c for k, c, kind in zip(known, came, parts, strict=True) if kind == "opaque"}
    return {}


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
