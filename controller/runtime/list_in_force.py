"""The whitelist in force: what a change of it means for the stations: locks, and what is to end now."""

from __future__ import annotations

from controller.runtime.age import Age
from controller.runtime.clock import Clock
from controller.runtime.stations import Stations
from controller.sensing.badges import Badges
from controller.station.events import (
    EndAsked,
    LockAsked,
    Taught,
    UnlockAsked,
)
from controller.station.states import InSession, Starting
from controller.store.edits import WhitelistChanged, WhitelistReplaced
from protocol.rows import Badge, Certification, ForcedEnd, Machine

SERVER = "server"  # who changed the list, where it was not changed here


class ListInForce:
    """Takes up changes of the whitelist. Owned by the loop's thread."""

    def __init__(self, badges: Badges, age: Age, stations: Stations, clock: Clock) -> None:
        self._badges = badges
        self._age = age
        self._stations = stations
        self._clock = clock
        self.live_at_the_site()

    def live_at_the_site(self) -> None:
        """Have the time told as the whitelist says that it is told here."""
        site = self._badges.whitelist.site
        self._clock.live_in(site.zone if site else "")

    def take(self, message: WhitelistChanged | WhitelistReplaced) -> None:
        """Put a change in force here: it is on the disk by now."""
        self._take(message)
        self.live_at_the_site()

    def _take(self, message: WhitelistChanged | WhitelistReplaced) -> None:
        if message.confirmed is not None:
            self._age.confirmed = message.confirmed
        if isinstance(message, WhitelistReplaced):
            before, self._badges.whitelist = self._badges.whitelist, message.whitelist
            rows = message.whitelist.machines.values()
            at_once = {row.id for row in rows if row.now and before.machines.get(row.id) != row}
            self.apply_locks(frozenset(at_once), SERVER)
            self._cut([row for key, row in message.whitelist.forced_ends.items() if key not in before.forced_ends])
            return
        new_cuts = [row for row in message.change.put if isinstance(row, ForcedEnd)]
        new_cuts = [row for row in new_cuts if row.own_key not in self._badges.whitelist.forced_ends]
        for row in message.change.put:
            self._badges.whitelist.put(row)
        for row in message.change.drop:
            self._badges.whitelist.drop(row)
        for key in message.gone:
            self._badges.whitelist.drop_key(key)
        self._badges.whitelist.version = message.version
        locked = {row.id for row in message.change.put if isinstance(row, Machine) and row.locked}
        at_once = {row.id for row in message.change.put if isinstance(row, Machine) and row.now}
        self.apply_locks(frozenset(locked if message.cut else locked & at_once), message.by or SERVER)
        self._cut(new_cuts)
        if message.machine is not None:
            taught = next((row.member for row in message.change.put if isinstance(row, Certification | Badge)), "")
            self._stations.feed(message.machine, Taught(taught))

    def _cut(self, forced_ends: list[ForcedEnd]) -> None:
        """End what the server says is to end now."""
        for cut in forced_ends:
            state = self._stations.states.get(cut.machine)
            if isinstance(state, InSession | Starting):
                session = state.session
                if session.id == cut.session or (cut.member and session.member == cut.member):
                    self._stations.feed(cut.machine, EndAsked(session.id, cut.by or SERVER))

    def apply_locks(self, cut: frozenset[str], by: str = "whitelist") -> None:
        """Bring the stations' locks to what the whitelist says; those in *cut* end their session at once. by: whose."""
        for machine, state in self._stations.states.items():
            row = self._badges.whitelist.machines.get(machine)
            wanted = row.locked if row else ""
            if machine in self._stations.locks.pending:
                continue  # a maintainer's badge said otherwise, and the whitelist does not know yet
            if wanted and (wanted != state.condition.locked or machine in cut):
                self._stations.feed(machine, LockAsked(wanted, by, now=machine in cut))
            elif state.condition.locked and not wanted:
                self._stations.feed(machine, UnlockAsked(by))
