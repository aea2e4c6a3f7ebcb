"""What time it is, for all of the server: one clock, which whoever starts the server may hand to it.

Periods of waiting are no time of day: they are measured by `time.monotonic`. Logins and their second factor are the
work of Django and its libraries, which look at the machine's own clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from django.utils import timezone

Clock = Callable[[], float]  # seconds since 1970

_clock: Clock = time.time


def hand(clock: Clock) -> None:
    """Have the server live by this clock from now on."""
    global _clock  # noqa: PLW0603 - that there is one is the point
    _clock = clock


def seconds() -> float:
    """Return the seconds since 1970."""
    return _clock()


def ms() -> int:
    """Return the milliseconds since 1970, as journals and the API say times."""
    return int(_clock() * 1000)


def now() -> datetime:
    """Return the moment, in UTC."""
    return datetime.fromtimestamp(_clock(), UTC)


def local(moment: datetime | None = None) -> datetime:
    """Return a moment, or now, as the clock on the site's wall shows it."""
    return timezone.localtime(now() if moment is None else moment)


def today() -> date:
    """Return the day at the site."""
    return local().date()
