"""The loop: owns every station's state, and never blocks: not on disk, not on network, not on a driver.

Everything reaches it as a message on one queue; everything leaves it as an effect.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from typing import Any, Final

from controller import station as stations
from controller.clock import STEP_MS, Clock, Reading
from controller.events import (
    AnyEffect,
    AnyEvent,
    ClearAsked,
    CloseOutput,
    Commit,
    EndAsked,
    Flash,
    InputClosed,
    LockAsked,
    OpenOutput,
    OpenSession,
    OutputFailed,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    Signal,
    Stop,
    TimePassed,
    UnlockAsked,
)
from controller.messages import Asked, FromInput, FromReader, Halt, Message, PartFailed, StopAsked
from controller.outputs import Contacts
from controller.signals import Signals, Told
from controller.states import Fault, Idle, Leaving, Locked, Recovering, Rules, Running, Starting, State
from controller.status import station_status
from controller.watchdog import Watchdog
from controller.writer import (
    GrantAnswer,
    StorageChanged,
    WhitelistChanged,
    WhitelistReplaced,
    Writer,
)
from drivers import presence
from drivers.contracts import Card, OutputError
from protocol import entries
from protocol.access import Denied, Granted, Reason, decide
from protocol.badge import BadgeKey, is_random
from protocol.moment import Moment
from protocol.texts import N_, _, tell
from protocol.whitelist import Machine, Whitelist

RENEW_MS: Final = 500
HEARTBEAT_MS: Final = 45_000
CLOCK_MS: Final = 10_000

SIGNALS: Final[dict[type[State], Signal]] = {
    Recovering: Signal.STARTING_UP,
    Idle: Signal.IDLE,
    Running: Signal.RUNNING,
    Leaving: Signal.LEAVING,
    Locked: Signal.LOCKED,
    Fault: Signal.FAULT,
}


class Loop:
    """Stations, and what moves them. All methods run on the loop's thread, but `put`."""

    def __init__(
        self,
        *,
        rules: list[Rules],
        clock: Clock,
        key: BadgeKey,
        whitelist: Whitelist,
        outputs: dict[str, Contacts],
        signals: Signals,
        guard_alive: Callable[[int], bool],
        new_session: Callable[[], str],
        watchdog: Watchdog,
    ) -> None:
        self.queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.states: dict[str, State] = {each.machine: Recovering(each) for each in rules}
        self.readers: dict[str, str] = {}
        self.halted = False
        self.stopped_at_rest = False
        self.whitelist = whitelist
        self.watchers: list[Callable[[FromReader], None]] = []
        self.writer: Writer
        self._clock = clock
        self._key = key
        self._outputs = outputs
        self._signals = signals
        self._guard_alive = guard_alive
        self._new_session = new_session
        self._watchdog = watchdog
        self._next_session = ""
        self._storage_works = True
        self._storage_detail = ""
        self._lasting: dict[str, Signal] = {}
        self._causes: dict[str, str] = {}
        self._renew_at = 0
        self._beat_at = 0
        self._clock_at = 0
        self._reading: Reading | None = None

    # --- from any thread ---

    def put(self, message: Message) -> None:
        """Hand the loop a message."""
        self.queue.put(message)

    # --- on the loop's thread ---

    def run(self) -> None:
        """Handle messages and passing time until halted."""
        while not self.halted:
            wait = self.tick()
            try:
                message = self.queue.get(timeout=None if wait is None else wait / 1000)
            except queue.Empty:
                continue
            self.handle(message)

    def recover(self, left_open: list[OpenSession]) -> None:
        """Bring every station to rest: what an earlier run left open is closed as interrupted."""
        self._read_clock(self._clock.now())
        for machine in self.states:
            mine = tuple(left for left in left_open if left.machine == machine)
            row = self.whitelist.machines.get(machine)
            self._feed(machine, Recover(mine, row.locked if row else ""))
        moment = self._clock.now()
        for left in left_open:
            if left.machine not in self.states:
                self.writer.record(moment, stations.interrupted(left))

    def handle(self, message: Message) -> None:
        """Handle one message."""
        match message:
            case FromReader():
                self._from_reader(message)
            case FromInput(machine, name):
                self._feed(machine, InputClosed(name))
            case GrantAnswer(machine, event):
                self._feed(machine, event)
            case StorageChanged(works, detail):
                self._storage_works, self._storage_detail = works, detail
                self._show_all()
            case WhitelistChanged() | WhitelistReplaced():
                self._new_whitelist(message)
            case PartFailed(machine, part, detail):
                self.writer.record(self._clock.now(), entries.Warned(machine, part, detail))
            case Asked(request, machine, answer):
                self._answer(request, machine, answer)
            case StopAsked(answer):
                self._stop_at_rest(answer)
            case Halt():
                self._halt()

    def status(self) -> dict[str, Any]:
        """Say how everything is, in plain values."""
        moment = self._clock.now()
        return {
            "version": self.whitelist.version,
            "badges": len(self.whitelist.badges),
            "storage": self._storage(moment),
            "guard": self._guard_alive(moment.at),
            "clock": moment.quality.value,
            "stations": [
                station_status(state, moment, self._outputs.get(machine), self.readers.get(machine))
                for machine, state in self.states.items()
            ],
        }

    def _storage(self, moment: Moment) -> str:
        if self.writer.is_stuck(moment.at):
            return _("the disk does not answer")
        return "ok" if self._storage_works else self._storage_detail

    def _answer(self, request: EndAsked | ClearAsked | None, machine: str, answer: Callable[[Any], None]) -> None:
        if request is not None:
            self._feed(machine, request)
        answer(self.status())

    def _new_whitelist(self, message: WhitelistChanged | WhitelistReplaced) -> None:
        if isinstance(message, WhitelistReplaced):
            self.whitelist = message.whitelist
            self._apply_locks(frozenset())
            return
        for row in message.change.put:
            self.whitelist.put(row)
        for row in message.change.drop:
            self.whitelist.drop(row)
        self.whitelist.version = message.version
        locked = {row.id for row in message.change.put if isinstance(row, Machine) and row.locked}
        self._apply_locks(frozenset(locked) if message.cut else frozenset())

    def tick(self) -> int | None:
        """Do what time asks for; give the milliseconds until it asks again, None for never."""
        moment = self._clock.now()
        for machine, state in self.states.items():
            if state.wakes is not None and state.wakes <= moment.at:
                self._feed(machine, TimePassed(), moment)
        if moment.at >= self._clock_at:
            self._read_clock(moment)
            self._clock_at = moment.at + CLOCK_MS
            self._show_all()
        self._next_session = self._next_session or self._new_session()  # made at leisure, not on the way of a tap
        open_sessions = self._open_sessions(moment)
        wakes = [state.wakes for state in self.states.values() if state.wakes is not None]
        if any(output.is_lent for output in self._outputs.values()):
            wakes.append(self._renew(moment))
        if open_sessions:
            wakes.append(self._beat(moment, open_sessions))
        else:
            self._beat_at = moment.at + HEARTBEAT_MS
        wakes.append(self._clock_at)
        stuck = self.writer.is_stuck(moment.at)
        has_to_live = bool(open_sessions) or (stuck and self.writer.holds_usage)
        fed = self._watchdog.feed(moment.at, has_to_live=has_to_live, writer_stuck=stuck)
        if fed is not None:
            wakes.append(fed)
        return max(0, min(wakes) - moment.at)

    def _renew(self, moment: Moment) -> int:
        if moment.at >= self._renew_at:
            for machine, output in self._outputs.items():
                try:
                    output.renew(moment.at)
                except OutputError as error:
                    self._feed(machine, OutputFailed(tell(error)), moment)
            self._renew_at = moment.at + RENEW_MS
        return self._renew_at

    def _beat(self, moment: Moment, open_sessions: tuple[OpenSession, ...]) -> int:
        if moment.at >= self._beat_at:
            self.writer.beat(open_sessions)
            self._beat_at = moment.at + HEARTBEAT_MS
        return self._beat_at

    def _open_sessions(self, moment: Moment) -> tuple[OpenSession, ...]:
        found = []
        for machine, state in self.states.items():
            if isinstance(state, Running | Leaving):
                powered = state.powered_at(moment) if isinstance(state, Running) else state.powered
                found.append(OpenSession(state.session.id, machine, powered, moment.boot, moment.at))
        return tuple(found)

    def _read_clock(self, moment: Moment) -> None:
        """Note in the journal when the wall clock was set, or became surer or less sure."""
        reading = self._clock.read()
        old = self._reading
        moved = old is None or abs(reading.offset - old.offset) > STEP_MS
        if old is None or moved or reading.quality is not old.quality:
            self._reading = reading
            self.writer.record(moment, entries.Clock(reading.offset, reading.quality))

    # --- badges ---

    def _from_reader(self, message: FromReader) -> None:
        for watcher in list(self.watchers):
            watcher(message)
        machine, moment = message.machine, self._clock.now()
        # Badges that one look finds are decided about together: of two members, neither is first.
        hashes = {
            event.card: self._key.hash(event.card.uid, event.card.technology)
            for event in message.events
            if isinstance(event, presence.Presented)
        }
        beside = frozenset(hashes.values())

        def is_known(event: presence.PresenceEvent) -> bool:
            return isinstance(event, presence.Presented) and hashes[event.card] in self.whitelist.badges

        # Of a wallet the known badge is last: where it ends a session, the other cards are not refused after it.
        for each in sorted(message.events, key=is_known):
            match each:
                case presence.Presented(card, fresh):
                    event = self._presented(machine, card, hashes[card], beside, moment, fresh=fresh)
                    self._feed(machine, event, moment)
                case presence.Removed(card):
                    self._feed(machine, Removed(self._key.hash(card.uid, card.technology)), moment)
                case presence.Lost(error):
                    self.readers.pop(machine, None)
                    self._feed(machine, ReaderLost(tell(error)), moment)
                case presence.Found(chip):
                    self.readers[machine] = chip
                    self._feed(machine, ReaderFound(), moment)

    def _presented(
        self, machine: str, card: Card, badge: str, beside: frozenset[str], moment: Moment, *, fresh: bool
    ) -> Presented:
        lying = self.states[machine].lying | beside
        if is_random(card.uid, card.technology):
            alone: Granted | Denied = Denied(Reason.RANDOM_UID)
            verdict = alone
        else:
            alone = decide(self.whitelist, machine, {badge}, moment)
            verdict = decide(self.whitelist, machine, lying | {badge}, moment) if lying - {badge} else alone
        if isinstance(verdict, Granted) and isinstance(alone, Granted):
            verdict = alone  # of a member's several badges, the one that was just laid on
        obstacle = self._obstacle(moment)
        if isinstance(verdict, Granted) and obstacle is not None:
            verdict = Denied(obstacle, member=verdict.member, badge=verdict.badge)
        session, self._next_session = self._next_session or self._new_session(), ""
        return Presented(badge, fresh, verdict, alone, session, obstacle is not Reason.NO_GUARD)

    def _obstacle(self, moment: Moment) -> Reason | None:
        """Say what keeps everything from starting, if anything does."""
        if not self._storage_works or self.writer.is_full or self.writer.is_stuck(moment.at):
            return Reason.NO_STORAGE
        return None if self._guard_alive(moment.at) else Reason.NO_GUARD

    def _apply_locks(self, cut: frozenset[str]) -> None:
        """Bring the stations' locks to what the whitelist says; those in *cut* end their session at once."""
        for machine, state in self.states.items():
            row = self.whitelist.machines.get(machine)
            wanted = row.locked if row else ""
            if wanted and (wanted != state.locked or machine in cut):
                self._feed(machine, LockAsked(wanted, "whitelist", now=machine in cut))
            elif state.locked and not wanted:
                self._feed(machine, UnlockAsked("whitelist"))

    # --- stations ---

    def fail(self, machine: str, cause: str) -> None:
        """Put a machine out of order; where it has no output, it stays so however often it is cleared."""
        self._causes[machine] = cause
        self._feed(machine, OutputFailed(cause))

    def _feed(self, machine: str, event: AnyEvent, moment: Moment | None = None) -> None:
        moment = moment or self._clock.now()
        answer = stations.step(self.states[machine], event, moment)
        self.states[machine] = answer.state
        for effect in answer.effects:
            self._carry_out(machine, effect, moment)
        self._show(machine)

    def _carry_out(self, machine: str, effect: AnyEffect, moment: Moment) -> None:
        match effect:
            case OpenOutput() | CloseOutput():
                self._switch(machine, effect, moment)
            case Commit(entry):
                self.writer.commit(moment, entry)
                self._lend(machine, moment)
            case Record(entry):
                self.writer.record(moment, entry)
            case Flash(signal):
                self._signals.tell(Told(machine, signal, lasting=False))

    def _lend(self, machine: str, moment: Moment) -> None:
        """Take the lease while the disk works; what is wrong with it is said when the output is to close."""
        if machine in self._outputs:
            if not any(output.is_lent for output in self._outputs.values()):
                self._renew_at = moment.at + RENEW_MS  # it is new; renewing it now would only be in the writer's way
            with contextlib.suppress(OutputError):
                self._outputs[machine].take_lease(moment.at)

    def _switch(self, machine: str, effect: OpenOutput | CloseOutput, moment: Moment) -> None:
        output = self._outputs.get(machine)
        try:
            if isinstance(effect, CloseOutput):
                self._closable(machine, output).close_contact(moment.at)
            elif output is not None:
                output.open_contact()
        except OutputError as error:
            self._feed(machine, OutputFailed(tell(error)), moment)

    def _closable(self, machine: str, output: Contacts | None) -> Contacts:
        """Give the output, if there is one: a driver that is missing is a fault, and never a session without power."""
        if output is None:
            raise OutputError(N_("there is no relay: {cause}"), cause=self._causes.get(machine, "-"))
        return output

    def _show(self, machine: str) -> None:
        state = self.states[machine]
        if isinstance(state, Starting):
            return  # for a moment, on the way of a tap: what was shown stays
        signal = SIGNALS[type(state)]
        if signal is Signal.IDLE:
            if state.reader_lost or machine not in self.readers:
                signal = Signal.READER_LOST
            elif self._obstacle(self._clock.now()) is not None:
                signal = Signal.FAULT
        if self._lasting.get(machine) is not signal:
            self._lasting[machine] = signal
            self._signals.tell(Told(machine, signal, lasting=True))

    def _show_all(self) -> None:
        for machine in self.states:
            self._show(machine)

    def _stop_at_rest(self, answer: Callable[[list[str]], None]) -> None:
        busy = [machine for machine, state in self.states.items() if isinstance(state, Starting | Running | Leaving)]
        if not busy:
            self._halt()
            self.stopped_at_rest = True
        answer(busy)

    def _halt(self) -> None:
        for machine in self.states:
            self._feed(machine, Stop())
        self.writer.record(self._clock.now(), entries.Stopped())
        self.halted = True
