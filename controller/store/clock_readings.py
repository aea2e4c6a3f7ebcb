"""What time it was: derived from the clock entries of each boot."""

from __future__ import annotations

from bisect import bisect_right

import msgspec
from sqlite_utils import Database

from controller.store.database import meta
from protocol.entries import (
    Clock,
)
from protocol.moment import Quality, is_near


class Clocks:
    """Wall time of past moments, derived from the `clock` entries of their boot."""

    def __init__(self, db: Database) -> None:
        self._offsets: dict[str, list[tuple[int, int, Quality]]] = {}
        self._sure: list[tuple[tuple[int, int], int]] = []  # where in the journal a clock was surely right, and when
        self._reached: list[int] = []  # the latest time that was sure up to there
        rows = db.execute(
            "select part, place, boot, at, body from everything where kind = 'clock' order by part, place"
        ).fetchall()
        for part, place, boot, at, body in rows:
            entry = msgspec.json.decode(body, type=Clock)
            self._offsets.setdefault(boot, []).append((at, entry.offset, entry.quality))
            if entry.quality is Quality.SYNCHRONISED:
                self._sure.append(((part, place), at + entry.offset))
                self._reached.append(max(at + entry.offset, self._reached[-1] if self._reached else 0))

    def latest(self, part: int, place: int, boot: str, at: int) -> int | None:
        """Return when an entry was written at the latest; None where no sure clock came after it.

        A boot whose clock was never set is bounded by what comes after it. part, place: as `everything` orders them.
        """
        wall, quality = self.wall(boot, at)
        after = bisect_right(self._sure, ((part, place), 0))
        before = self._reached[after - 1] if after else 0
        if quality is Quality.SYNCHRONISED and wall is not None:
            return max(wall, before)  # a time server that serves the past makes nothing old
        return max(self._sure[after][1], before) if after < len(self._sure) else None

    def sure_after(self, seq: int) -> list[int]:
        """Return what synchronised clocks said past that entry of the journal, in order."""
        return [sure for (part, place), sure in self._sure if part and place > seq]

    @property
    def first(self) -> int | None:
        """The first time that was surely known, milliseconds since 1970."""
        sure = {Quality.SYNCHRONISED, Quality.KEPT}
        known = [at + offset for readings in self._offsets.values() for at, offset, how in readings if how in sure]
        return min(known, default=None)

    def wall(self, boot: str, at: int) -> tuple[int | None, Quality]:
        """Return milliseconds since 1970, and how sure they are: by the best reading of that boot, the last of them.

        One reading for a whole boot: whatever a clock did meanwhile, what came later is told of as later.
        """
        readings = self._offsets.get(boot)
        if not readings:
            return None, Quality.UNKNOWN
        order = list(Quality)
        best = min(order.index(quality) for _, _, quality in readings)
        good = [offset for _when, offset, quality in readings if order.index(quality) == best]
        return good[-1] + at, order[best]


def known(db: Database) -> int:
    """Return the latest time that is known to have passed, milliseconds since 1970; 0 for none.

    What was last said of it on purpose, and all that is sure and newer: when the list in force was last confirmed, the
    newest entry of a boot whose clock was synchronised. So nothing has to be written only for that.
    """
    earliest, clocks = int(meta(db, "floor")), Clocks(db)
    lowered = db.execute("select seq from journal where kind = 'clock_lowered' order by seq desc limit 1").fetchone()
    if lowered is None:
        confirmed = int(meta(db, "confirmed", "0"))
        earliest = max(earliest, confirmed if is_near(earliest, confirmed) else 0)
    sure = clocks.sure_after(lowered[0] if lowered else 0)
    for reading in sure:
        earliest = max(earliest, reading if is_near(earliest, reading) else 0)
    if lowered is not None and not sure:
        return earliest  # whatever clocks said before is what somebody did not believe
    row = db.execute("select boot, at from journal order by seq desc limit 1").fetchone()
    wall, quality = clocks.wall(*row) if row else (None, Quality.UNKNOWN)
    believed = wall is not None and quality is Quality.SYNCHRONISED and is_near(earliest, wall)
    return max(earliest, wall or 0) if believed else earliest
