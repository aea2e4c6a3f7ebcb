"""Moments: what is known of the time at which something happened."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

LEAP_MS: Final = 31 * 86_400_000
NEVER: Final = 1_577_836_800_000  # 2020: nobody has known the time yet


class Quality(StrEnum):
    """How sure the wall clock is, best first."""

    SYNCHRONISED = "synchronised"
    KEPT = "kept"
    RESTORED = "restored"
    UNKNOWN = "unknown"


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One moment on one boot.

    at: milliseconds on the boot-time clock; alone decides durations and deadlines.
    wall: milliseconds since 1970 by the clock on the wall, right only as far as `quality` says.
    known: the latest day known to have begun; expiries are judged against it.
    today: the day by the clock on the wall; beginnings of validity are judged against the later of the two.
    minute: of the week, since Monday 0:00 on the wall; None where nobody is sure enough of it to apply opening hours.
    """

    boot: str
    at: int
    wall: int
    quality: Quality
    known: date
    today: date
    minute: int | None = None


def is_near(known: int, told: int) -> bool:
    """Return whether a time that is told (ms since 1970) lies no more than a month after the one that is known."""
    return told - known <= LEAP_MS or known < NEVER
