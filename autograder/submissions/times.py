"""Moments as downloads write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_WHEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,6})?\d*\s*(Z|UTC|[+-]\d\d:?\d\d)?.*"
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T_ ](\d\d)[-:.h]?(\d\d)(?:[-:.m]?(\d\d))?)?Z?")


def timestamp(text: str) -> str | None:
    """A time as file names can hold it, as ISO 8601; None if it is none."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    day, hour, minute, second = match.groups()
    return iso(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{'Z' * text.endswith('Z')}")


def iso(text: str) -> str | None:
    """A time as ISO 8601 to the second, or None if it is none.

    Example:
        >>> iso("2026-10-01 12:00:05.678901000 Z")
        '2026-10-01T12:00:05+00:00'
    """
    match = _WHEN.fullmatch(text.strip())
    if not match:
        return None
    day, clock, _, zone = match.groups()
    try:
        when = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError:
        return None
    if zone in ("Z", "UTC"):
        when = when.replace(tzinfo=UTC)
    elif zone:
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 23 or minutes > 59:
            return None
        offset = timedelta(hours=hours, minutes=minutes)
        when = when.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    return when.isoformat()
