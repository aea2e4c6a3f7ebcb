"""Time zones, by the names of the tz database. What was asked for once is kept: asking again reads no disk."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=16)
def zone_of(name: str) -> ZoneInfo | None:
    """Return a time zone; None where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
