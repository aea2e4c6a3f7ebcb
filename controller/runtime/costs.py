"""What the sessions that run cost: what was applied when each was granted, kept until it ends."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from controller.station.events import OpenSession
from protocol import entries, price
from protocol.entries import AnyEntry, Purpose
from protocol.rows import Level, Price


class Terms(msgspec.Struct, frozen=True):
    """What a session is billed by. applied: as its grant says it; meter: what was counted at its beginning, in Wh."""

    machine: str
    level: Level
    purpose: Purpose
    category: str
    payer: str
    applied: str | None
    meter: float | None = None

    @property
    def prices(self) -> tuple[Price, ...]:
        """The prices that apply; none where what it is for costs nothing, or the grant says none."""
        read = price.read(self.applied or "")
        return () if read is None or not self.purpose.is_paid(self.level) else read.prices


class Costs:
    """By session, its terms. Owned by the loop's thread."""

    def __init__(self, counted: Callable[[str], float | None]) -> None:
        """counted: what the meter of a machine has counted by now, in watt-hours; None where none does."""
        self._terms: dict[str, Terms] = {}
        self._counted = counted

    def recovered(self, left: OpenSession) -> None:
        """Know again what a session of an earlier run goes by."""
        self._terms[left.session] = Terms(
            left.machine, left.level, left.purpose, left.category, left.payer, left.applied, left.meter
        )

    def noted(self, entry: AnyEntry) -> AnyEntry:
        """Return an entry as it is to be recorded: the end of a session with what it came to."""
        if isinstance(entry, entries.Ended):
            return self._over(entry)
        if isinstance(entry, entries.Withdrawn):
            self._terms.pop(entry.session, None)
        return entry

    def begun(self, entry: entries.Granted) -> entries.Granted:
        """Return a grant with what the meter says at its beginning, and note what the session goes by.

        A machine has one session at a time: what came to nothing is forgotten here.
        """
        entry = msgspec.structs.replace(entry, meter=self._counted(entry.machine))
        self._terms = {name: terms for name, terms in self._terms.items() if terms.machine != entry.machine}
        self._terms[entry.session] = Terms(
            entry.machine, entry.level, entry.purpose, entry.category, entry.payer, entry.applied, entry.meter
        )
        return entry

    def _over(self, entry: entries.Ended) -> entries.Ended:
        terms = self._terms.pop(entry.session, None)
        if entry.until is None:
            entry = msgspec.structs.replace(entry, meter=self._counted(entry.machine))
        if terms is None or terms.applied is None:
            return entry
        used = price.used(entry.powered, entry.busy, entries.energy_used(terms.meter, entry.meter))
        return msgspec.structs.replace(entry, lines=price.price(terms.prices, used))

    def of(self, session: str) -> Terms | None:
        """Return what a session goes by; None where nobody knows any more."""
        return self._terms.get(session)

    def energy(self, session: str) -> int | None:
        """Return what a session has used so far, in watt-hours."""
        terms = self._terms.get(session)
        return None if terms is None else entries.energy_used(terms.meter, self._counted(terms.machine))
