"""The clocks: boot time for durations, wall time with its quality for people."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from protocol.moment import Moment, Quality

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
RTC_SET_THE_CLOCK: Final = Path("/sys/class/rtc/rtc0/hctosys")
TIMESYNCD_STAMP: Final = Path("/var/lib/systemd/timesync/clock")
STA_UNSYNC: Final = 0x0040
TIME_ERROR: Final = 5
QUARTER_MS: Final = 900_000  # no zone's midnight falls inside one
STEP_MS: Final = 500  # a wall clock that moves by more against boot time was set


class Reading(msgspec.Struct, frozen=True):
    """What the wall clock says against boot time (milliseconds), and how sure it is."""

    offset: int
    quality: Quality


class Clock(Protocol):
    """Gives moments, and reads the wall clock anew where asked."""

    def now(self) -> Moment:
        """Give this moment."""
        ...

    def read(self) -> Reading:
        """Say what the wall clock says against boot time, and how sure it is."""
        ...


class SystemClock:
    """The kernel's clocks.

    floor: milliseconds since 1970, the latest time known to have passed when this boot's journal began; only
    a synchronised clock raises it. A clock kept by a battery judges expiries without raising it, so that a
    battery that failed locks nobody out for ever.
    """

    def __init__(self, zone: ZoneInfo, floor: int = 0) -> None:
        self.boot = BOOT_ID.read_text().strip()
        self._zone = zone
        self._floor = floor
        self._floor_at = self._at()
        self._days: dict[int, date] = {}  # the last two quarters of an hour that were asked for
        self.reading = self.read()

    @staticmethod
    def _at() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    @property
    def floor(self) -> int:
        """The latest time known to have passed, in milliseconds since 1970."""
        return self._floor + (self._at() - self._floor_at)

    def read(self) -> Reading:
        """Read wall clock and quality anew; raise the floor where the clock is synchronised."""
        offset = time.time_ns() // 1_000_000 - self._at()
        self.reading = Reading(offset, quality())
        if self.reading.quality is Quality.SYNCHRONISED and offset + self._at() > self.floor:
            self._floor, self._floor_at = offset + self._at(), self._at()
        return self.reading

    def now(self) -> Moment:
        """Give this moment."""
        at = self._at()
        wall = time.time_ns() // 1_000_000
        known = self._floor + at - self._floor_at
        if self.reading.quality in {Quality.SYNCHRONISED, Quality.KEPT}:
            known = max(known, wall)
        return Moment(self.boot, at, wall, self.reading.quality, self._day(known), self._day(wall))

    def _day(self, ms: int) -> date:
        quarter = ms // QUARTER_MS
        found = self._days.get(quarter)
        if found is None:
            found = day(ms, self._zone)
            self._days = {**dict(list(self._days.items())[-1:]), quarter: found}
        return found


def day(ms: int, zone: ZoneInfo) -> date:
    """Give the day in a zone on which *ms* (since 1970, UTC) falls; the first or last there is past the ends."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date()
    except (OverflowError, ValueError, OSError):
        return date.max if ms > 0 else date.min


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), as far as it is read; the rest is room."""

    _fields_ = (("modes", ctypes.c_uint), ("pad", ctypes.c_byte * 508))


def quality() -> Quality:
    """Tell how sure the wall clock is: what set it last."""
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
