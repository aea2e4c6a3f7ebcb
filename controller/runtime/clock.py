"""The clocks: boot time for durations, wall time with its quality for people."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from common.zones import zone_of
from protocol.moment import Moment, Quality, is_near

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
RTC_SET_THE_CLOCK: Final = Path("/sys/class/rtc/rtc0/hctosys")
TIMESYNCD_STAMP: Final = Path("/var/lib/systemd/timesync/clock")
STA_UNSYNC: Final = 0x0040
TIME_ERROR: Final = 5
QUARTER_MS: Final = 900_000  # no zone's midnight falls inside one
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
LEAP_PATIENCE_MS: Final = 3_600_000
# No time is before the program was written: a card without a clock begins there, and not in 1970. Set at a release.
BUILT_MS: Final = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
STEP_MS: Final = 500  # a wall clock that moves by more against boot time was set


class Reading(msgspec.Struct, frozen=True):
    """What the wall clock says against boot time (milliseconds), and how sure it is."""

    offset: int
    quality: Quality


class Clock(Protocol):
    """Gives moments, and reads the wall clock anew where asked."""

    def now(self) -> Moment:
        """Return this moment."""
        ...

    def read(self) -> Reading:
        """Return what the wall clock says against boot time, and how sure it is."""
        ...

    def live_in(self, name: str) -> None:
        """Have days and minutes told by the zone of that name from now on; "": by the settings' own."""
        ...

    def passed(self, ms: int) -> None:
        """Take note that this time (since 1970) is known to have passed."""
        ...

    def lower(self, ms: int) -> None:
        """Take a person's word that it is no later than this (milliseconds since 1970)."""
        ...

    @property
    def earliest(self) -> int:
        """The latest time known to have passed, in milliseconds since 1970."""
        ...


class Kernel:
    """What the operating system tells of time."""

    def boot(self) -> str:
        """Name this boot."""
        return BOOT_ID.read_text().strip()

    def at(self) -> int:
        """Return boot time, in milliseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def wall(self) -> int:
        """Return what the wall clock says, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def quality(self) -> Quality:
        """Return how sure the wall clock is."""
        return quality()


class SystemClock:
    """The kernel's clocks, and what may be believed of them.

    floor: milliseconds since 1970, the latest time known to have passed when this boot's journal began; only
    a synchronised clock raises it, by more than a month only once it has said so for an hour: a time server that sends
    zeroes means 2036. A clock kept by a battery judges expiries without raising it, so that a battery that failed
    locks nobody out for ever.
    """

    def __init__(self, zone: ZoneInfo, earliest: int = 0, kernel: Kernel | None = None) -> None:
        self._kernel = kernel or Kernel()
        self.boot = self._kernel.boot()
        self._zone = self._own_zone = zone
        self._earliest = earliest
        self._floor_at = self._kernel.at()
        self._leap: tuple[int, int] | None = None  # since when, by which offset
        self._quarters: dict[int, tuple[date, int]] = {}  # the last two quarters of an hour that were asked for
        self.reading = self.read()

    def live_in(self, name: str) -> None:
        """Have days and minutes told by the zone of that name; by our own where it is not known here."""
        zone = (zone_of(name) if name else None) or self._own_zone
        if zone is not self._zone:
            self._zone = zone
            self._quarters = {}

    @property
    def earliest(self) -> int:
        """The latest time known to have passed, in milliseconds since 1970."""
        return self._earliest + (self._kernel.at() - self._floor_at)

    def read(self) -> Reading:
        """Read wall clock and quality anew; raise the floor where the clock is synchronised."""
        at = self._kernel.at()
        offset = self._kernel.wall() - at
        how = self._kernel.quality()
        if how is Quality.SYNCHRONISED and offset + at < self.earliest - DAY_MS:
            how = Quality.UNKNOWN  # a time server that serves the past, or a floor that is wrong: nobody knows which
        self.reading = Reading(offset, how)
        if self.reading.quality is not Quality.SYNCHRONISED or not self._has_lasted(at, offset):
            return self.reading
        if offset + at > self.earliest:
            self._earliest, self._floor_at = offset + at, at
        return self.reading

    def _has_lasted(self, at: int, offset: int) -> bool:
        """Return whether a time is believable: near what was known, or told for long enough."""
        if is_near(self.earliest, offset + at):
            self._leap = None
            return True
        if self._leap is None or abs(self._leap[1] - offset) > STEP_MS:
            self._leap = at, offset
        return at - self._leap[0] >= LEAP_PATIENCE_MS

    def passed(self, ms: int) -> None:
        """Take note that this time (since 1970) is known to have passed."""
        if ms > self.earliest:
            self._earliest, self._floor_at = ms, self._kernel.at()

    def lower(self, ms: int) -> None:
        """Take a person's word, or a server's signed one, that it is no later than this (milliseconds since 1970)."""
        self._earliest, self._floor_at, self._leap = ms, self._kernel.at(), None

    def now(self) -> Moment:
        """Return this moment."""
        at = self._kernel.at()
        wall = self._kernel.wall()
        known = max(self._earliest + at - self._floor_at, BUILT_MS)
        if self.reading.quality in {Quality.SYNCHRONISED, Quality.KEPT}:
            known = max(known, wall)
        sure = self.reading.quality in {Quality.SYNCHRONISED, Quality.KEPT}
        today, begun = self._quarter(wall)
        minute = begun + wall % QUARTER_MS // MINUTE_MS if sure else None
        return Moment(self.boot, at, wall, self.reading.quality, self._quarter(known)[0], today, minute)

    def _quarter(self, ms: int) -> tuple[date, int]:
        """Return the day, and the minute of the week at which the quarter of an hour began."""
        quarter = ms // QUARTER_MS
        found = self._quarters.get(quarter)
        if found is None:
            found = day(ms, self._zone), minute_of_week(quarter * QUARTER_MS, self._zone)
            self._quarters = {**dict(list(self._quarters.items())[-1:]), quarter: found}
        return found


def day(ms: int, zone: ZoneInfo) -> date:
    """Return the day in a zone on which *ms* (since 1970, UTC) falls; the first or last there is past the ends."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()
    except (OverflowError, ValueError, OSError):
        return date.max if ms > 0 else date.min


def minute_of_week(ms: int, zone: ZoneInfo) -> int:
    """Return the minutes since Monday 0:00 in a zone; 0 past the ends of the calendar."""
    try:
        there = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return 0
    return (there.weekday() * 24 + there.hour) * 60 + there.minute


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read; the rest is room."""

    _fields_ = (("modes", ctypes.c_uint), ("pad", ctypes.c_byte * 508))


def quality() -> Quality:
    """Return how sure the wall clock is: what set it last."""
    timex = _Timex(modes=0)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        state = TIME_ERROR
    if state not in {-1, TIME_ERROR}:  # the kernel answers TIME_ERROR while nothing disciplines the clock
        return Quality.SYNCHRONISED
    try:
        if RTC_SET_THE_CLOCK.read_text().strip() == "1":
            return Quality.KEPT
    except OSError:
        pass
    return Quality.RESTORED if TIMESYNCD_STAMP.exists() else Quality.UNKNOWN
