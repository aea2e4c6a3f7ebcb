"""Days from and until which something holds; of two that had not seen each other, the narrower span holds."""

from __future__ import annotations

from datetime import date


def earlier(one: date | None, other: date | None) -> date | None:
    """Return the earlier end; None is no end."""
    return min(one, other) if one is not None and other is not None else one or other


def later(one: date | None, other: date | None) -> date | None:
    """Return the later beginning; None is no beginning."""
    return max(one, other) if one is not None and other is not None else one or other
