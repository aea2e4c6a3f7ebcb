"""The loop: owns every station's state, and never blocks: not on disk, not on network, not on a driver.

Everything reaches it as a message on one queue; everything leaves it as an effect.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from common.texts import _, translate
from controller.runtime.age import Age
from controller.runtime.clock import Clock
from controller.runtime.costs import Terms
from controller.runtime.heartbeats import Heartbeats
from controller.runtime.known_time import KnownTime
from controller.runtime.list_in_force import ListInForce
from controller.runtime.messages import (
    Asked,
    ClockAsked,
    Confirmed,
    Enrolled,
    Halt,
    KeyChanged,
    Message,
    PartReport,
    Request,
    ServerTime,
    StickTold,
    StopAsked,
    WatchAsked,
    WatchEnded,
)
from controller.runtime.rehearsal import Rehearsal
from controller.runtime.stations import Stations
from controller.runtime.status import station_status
from controller.runtime.watchdog import Watchdog
from controller.sensing.badges import Badges
from controller.sensing.messages import CardNear, FromInput, FromReader, PinAnswer
from controller.station.events import (
    InputChanged,
    OpenSession,
    OutputFailed,
    Recover,
    Stop,
    TeachFailed,
    TimePassed,
)
from controller.station.recovering import interrupted
from controller.station.states import InSession, Recovering, Starting, State
from controller.store.answers import Answer, GrantAnswer, PurgeDone, StorageChanged, StorageOpened
from controller.store.edits import EditFailed, WhitelistChanged, WhitelistReplaced
from controller.store.write_queue import WriteQueue
from drivers.contracts import OutputError, Typed
from protocol import entries
from protocol.access import Reason
from protocol.moment import Moment
from protocol.rows import Badge

if TYPE_CHECKING:
    from controller.runtime.pins import Pins

CLOCK_MS: Final = 10_000
LOOK_MS: Final = 5_000


class Loop:
    """Hands each message and the passing of time to whom it concerns. All runs on the loop's thread, but `put`."""

    def __init__(
        self,
        *,
        stations: Stations,
        clock: Clock,
        badges: Badges,
        guard_alive: Callable[[int], bool],
        watchdog: Watchdog,
        writes: WriteQueue,
        inbox: queue.SimpleQueue[Message],
        age: Age,
        look_for_missing: Callable[[], list[str]] = list,
        pins: Pins | None = None,
    ) -> None:
        """look_for_missing: claims what could not be claimed at the start; returns the machines that have all now.

        pins: what is typed at keys; None where no station asks for PINs.
        """
        self.queue = inbox
        self.writes = writes
        self.stations = stations
        self.badges = badges
        self.halted = False
        self.stopped_at_rest = False
        self.age = age
        self._list = ListInForce(badges, age, stations, clock)
        self._time = KnownTime(clock, writes)
        self._heartbeats = Heartbeats(writes)
        self._rehearsal = Rehearsal(stations, writes, clock, inbox)
        self._pins = pins
        self._watchers: list[Callable[[FromReader], None]] = []
        self._clock = clock
        self._guard_alive = guard_alive
        self._watchdog = watchdog
        self._look_for_missing = look_for_missing
        self._look_at = 0
        self._began = clock.now().at
        self._recovered: frozenset[str] = frozenset()
        self._clock_at = 0

    @property
    def states(self) -> dict[str, State]:
        """Every station's state, by machine."""
        return self.stations.states

    # --- from any thread ---

    def put(self, message: Message) -> None:
        """Hand the loop a message."""
        self.queue.put(message)

    # --- on the loop's thread ---

    def run(self) -> None:
        """Handle messages and passing time until halted."""
        with contextlib.ExitStack() as mine:
            for owner in (self.stations.owner, self.badges.owner, *self.stations.output_owners):
                mine.enter_context(owner)
            while not self.halted:
                wait = self.tick()
                try:
                    message = self.queue.get(timeout=None if wait is None else wait / 1000)
                except queue.Empty:
                    continue
                self.handle(message)

    def drain(self) -> None:
        """Handle what waits already, without waiting for more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.handle(self.queue.get_nowait())

    def recover(self, left_open: list[OpenSession], faults: dict[str, tuple[str, ...]] | None = None) -> None:
        """Have every station go on, or come to rest: with what an earlier run left open, and what nobody cleared."""
        self._time.read(self._clock.now())
        self._recovered = frozenset(left.session for left in left_open)
        for left in left_open:
            self.stations.costs.recovered(left)
        for machine in self.states:
            mine = tuple(left for left in left_open if left.machine == machine)
            row = self.badges.whitelist.machines.get(machine)
            self.stations.feed(machine, Recover(mine, row.locked if row else "", (faults or {}).get(machine, ())))
        moment = self._clock.now()
        for left in left_open:
            if left.machine not in self.states:
                self.writes.record(moment, self.stations.costs.noted(interrupted(left)))

    def handle(self, message: Message) -> None:
        """Handle one message."""
        match message:
            case FromReader():
                self._from_reader(message)
            case CardNear(machine):
                if (came := self._rehearsal.run(machine)) is not None:
                    self.handle(came)
            case FromInput(machine, name, active):
                self.stations.feed(machine, InputChanged(name, active))
            case PartReport():
                self._from_part(message)
            case Asked() | WatchAsked() | WatchEnded() | StopAsked() | ClockAsked():
                self._asked(message)
            case KeyChanged() | Enrolled() | ServerTime() | Confirmed() | StickTold():
                self._from_server(message)
            case PinAnswer():
                self._from_pins(message)
            case Halt():
                self._halt()
            case _:
                self._from_writer(message)

    def _asked(self, message: Asked | WatchAsked | WatchEnded | StopAsked | ClockAsked) -> None:
        """Answer somebody at the control socket."""
        match message:
            case Asked(request, machine, answer):
                self._answer(request, machine, answer)
            case WatchAsked(watcher, reply):
                self._watchers.append(watcher)
                reply(dict(self.badges.readers))
            case WatchEnded(watcher):
                self._watchers.remove(watcher)
            case StopAsked(take):
                self._stop_at_rest(take)
            case ClockAsked(by, ms, say):
                say(self._time.answer(by, ms))

    def _from_server(self, message: KeyChanged | Enrolled | ServerTime | Confirmed | StickTold) -> None:
        """Take up what the line to the server tells."""
        match message:
            case KeyChanged(key):
                self.badges.key = key
            case Enrolled():
                self.age.is_from_server = True
            case ServerTime(ms):
                self._time.told(ms)
            case Confirmed(ms):
                self.age.confirmed = max(self.age.confirmed, ms)
            case StickTold(well):
                self.stations.tell_of_a_stick(well=well)

    def _from_writer(self, message: Answer) -> None:
        match message:
            case GrantAnswer(machine, event):
                self.stations.feed(machine, event)
            case StorageChanged(works, detail):
                self.stations.storage.works, self.stations.storage.detail = works, detail
                self.stations.show_all()
            case StorageOpened():
                self._new_storage(message)
            case PurgeDone(passages, usage):
                self.writes.record(self._clock.now(), entries.Purged(passages, usage))
            case EditFailed(machine, change, excluded):
                badge = next((row.hash for row in change.put if isinstance(row, Badge)), "")
                reason = Reason.MEMBER_EXCLUDED if excluded else Reason.NO_STORAGE
                self.stations.feed(machine, TeachFailed(badge, reason))
            case WhitelistChanged() | WhitelistReplaced():
                self._list.take(message)
                self.stations.show_all()  # what nobody could start may be free now

    def _from_pins(self, message: PinAnswer) -> None:
        if self._pins is not None:
            self._pins.answer(message, self._clock.now())

    def _from_part(self, message: PartReport) -> None:
        moment = self._clock.now()
        outputs = self.stations.outputs.get(message.machine)
        if outputs is not None:
            try:
                # What closes before the machine may have closed just now.
                outputs.settle(moment.at)
            except OutputError as error:
                self.stations.feed(message.machine, OutputFailed(translate(error)), moment)
        if message.fault:
            self.stations.feed(message.machine, OutputFailed(message.detail), moment)
        elif message.detail:
            self.writes.record(moment, entries.Warned(message.machine, message.part, message.detail))
        if message.machine in self.states:
            self.stations.show(message.machine, moment)

    def status(self) -> dict[str, Any]:
        """Return how everything is, in plain values."""
        moment = self._clock.now()
        return {
            "version": self.badges.whitelist.version,
            "badges": len(self.badges.whitelist.badges),
            "storage": self._storage(moment),
            "guard": self._guard_alive(moment.at),
            "clock": moment.quality.value,
            "list_days": self.age.days(self._clock.earliest),
            "stations": [
                station_status(state, moment, self.stations.outputs.get(machine), self.badges.readers.get(machine))
                for machine, state in self.states.items()
            ],
        }

    def _storage(self, moment: Moment) -> str:
        if self.writes.is_stuck(moment.at):
            return _("the disk does not answer")
        return "ok" if self.stations.storage.works else self.stations.storage.detail

    def _answer(self, request: Request | None, machine: str, answer: Callable[[Any], None]) -> None:
        # None: only how everything is was asked for.
        if request is not None:
            self.stations.feed(machine, request)
        answer(self.status())

    def _new_storage(self, opened: StorageOpened) -> None:
        """Take up what the disk holds, now that it can be read: at last, or in the place of what was damaged."""
        self._clock.passed(opened.earliest)
        self.badges.whitelist = opened.whitelist
        self._list.live_at_the_site()
        self.age.confirmed = opened.confirmed
        moment = self._clock.now()
        if opened.replaced is not None:
            self.writes.record(moment, opened.replaced)
        # The first time that the disk could be read: the stations have waited for it. Later it is a new database in the
        # place of a damaged one, and what runs goes on.
        if any(isinstance(state, Recovering) for state in self.states.values()):
            self.recover(list(opened.left_open), opened.faults)
            return
        # A new journal knows no clock of this boot yet.
        self.writes.record(moment, entries.Clock(self._clock.read().offset, moment.quality))
        for left in opened.left_open:
            mine = left.session in self._recovered or (left.boot == moment.boot and left.began >= self._began)
            if not mine:  # of this run's own the end is written, or on its way
                self.stations.costs.recovered(left)
                self.writes.record(moment, self.stations.costs.noted(interrupted(left)))
        for state in self.states.values():
            if isinstance(state, InSession):
                self.writes.record(moment, _said_again(state, self.stations.costs.of(state.session.id)))
        self._list.apply_locks(frozenset())

    def tick(self) -> int | None:
        """Do what time asks for; return the milliseconds until it asks again, None for never."""
        moment = self._clock.now()
        for machine, state in self.states.items():
            if state.wakes is not None and state.wakes <= moment.at:
                self.stations.feed(machine, TimePassed(), moment)
        if moment.at >= self._clock_at:
            self._time.read(moment)
            self._clock_at = moment.at + CLOCK_MS
            self.stations.locks.step(moment)
            self.stations.show_all()
        if moment.at >= self._look_at:
            self._look_at = moment.at + LOOK_MS
            for machine in self._look_for_missing():
                self.stations.found(machine)
        self.badges.prepare()
        open_sessions = self.stations.open_sessions(moment)
        wakes = [state.wakes for state in self.states.values() if state.wakes is not None]
        renewed_by = self.stations.renew(moment)
        if renewed_by is not None:
            wakes.append(renewed_by)
        if (beats_at := self._heartbeats.step(moment, open_sessions)) is not None:
            wakes.append(beats_at)
        wakes.append(self._clock_at)
        stuck = self.writes.is_stuck(moment.at)
        # Fed while somebody works even where the disk hangs: a restart would end what runs, and lose what waits to be
        # written of it.
        has_to_live = bool(open_sessions) or (stuck and self.writes.holds_usage)
        fed = self._watchdog.feed(moment.at, has_to_live=has_to_live, writer_stuck=stuck)
        if fed is not None:
            wakes.append(fed)
        return max(0, min(wakes) - moment.at)

    def _from_reader(self, message: FromReader) -> None:
        for watcher in self._watchers:
            watcher(message)
        machine, moment = message.machine, self._clock.now()
        for event in self.badges.events(
            message,
            lambda: self.states[machine].condition.lying,
            moment,
            lambda: self.stations.obstacle(moment, machine),
        ):
            self.stations.feed(machine, event, moment)
        if self._pins is not None:
            self._pins.look(machine, moment)
            for typed in message.events:
                if isinstance(typed, Typed):
                    self._pins.typed(machine, typed, moment)
        for badge, new in self.badges.rehashed:
            self.writes.record(moment, entries.Rehashed(machine, badge, new))
        self.badges.rehashed.clear()

    def _stop_at_rest(self, answer: Callable[[list[str]], None]) -> None:
        busy = [machine for machine, state in self.states.items() if isinstance(state, Starting | InSession)]
        if not busy:
            self._halt()
            self.stopped_at_rest = True
        answer(busy)

    def _halt(self) -> None:
        for machine in self.states:
            self.stations.feed(machine, Stop())
        self.writes.record(self._clock.now(), entries.Stopped())
        self.halted = True


def _said_again(state: InSession, terms: Terms | None) -> entries.Resumed:
    """Say in a new journal whose session it is that goes on: the grant may have been lost with the old one."""
    session = state.session
    said = entries.Resumed(session.id, state.rules.machine, session.member, session.badge, session.purpose)
    if terms is None:
        return said
    return msgspec.structs.replace(
        said,
        level=terms.level,
        category=terms.category,
        payer=terms.payer,
        applied=terms.applied,
        counted=terms.meter,
    )
