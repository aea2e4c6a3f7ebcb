"""The loop: owns every station's state, and never blocks: not on disk, not on network, not on a driver.

Everything reaches it as a message on one queue; everything leaves it as an effect.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from common.texts import _, tell
from controller import station as stations
from controller.indication.displays import Displays
from controller.indication.signals import Signals, Told
from controller.indication.views import lasting, view
from controller.outputs.leased import NoGuardError
from controller.outputs.machine import Contacts
from controller.runtime.age import Age
from controller.runtime.clock import STEP_MS, Clock, Reading
from controller.runtime.locks import Locks
from controller.runtime.messages import (
    Asked,
    ClockAsked,
    Confirmed,
    Enrolled,
    Halt,
    KeyChanged,
    Message,
    PartTold,
    Request,
    StopAsked,
    TimeTold,
    WatchAsked,
    WatchEnded,
)
from controller.runtime.status import station_status
from controller.runtime.teaching import trained
from controller.runtime.watchdog import Watchdog
from controller.sensing.badges import Badges
from controller.sensing.messages import FromInput, FromReader
from controller.settings.periods import Stale
from controller.station.events import (
    AnyEffect,
    AnyEvent,
    Commit,
    EndAsked,
    Flash,
    InputChanged,
    LockAsked,
    OpenSession,
    OutputFailed,
    Record,
    Recover,
    SetLock,
    Signal,
    Stop,
    Switch,
    Taught,
    Teach,
    TeachFailed,
    TimePassed,
    UnlockAsked,
)
from controller.station.recovering import interrupted
from controller.station.rules import Clears, Rules
from controller.station.states import Bench, InSession, Recovering, Starting, State
from controller.store.edits import Edit, EditFailed, WhitelistChanged, WhitelistReplaced
from controller.store.writer import Answer, GrantAnswer, PurgeDone, StorageChanged, StorageOpened, Writer
from drivers.contracts import OutputError
from protocol import entries
from protocol.access import Reason
from protocol.moment import Moment
from protocol.whitelist import Badge, Certification, Cut, Machine

E = TypeVar("E")
RENEW_MS: Final = 500
DAY_MS: Final = 86_400_000
TOLD_MS: Final = 60_000  # by which the server's time may differ from what is known without being taken up
HEARTBEAT_MS: Final = 45_000
CLOCK_MS: Final = 10_000


class Loop:
    """Stations, and what moves them. All methods run on the loop's thread, but `put`."""

    def __init__(
        self,
        *,
        rules: list[Rules],
        clock: Clock,
        badges: Badges,
        outputs: dict[str, Contacts],
        signals: Signals,
        displays: Displays,
        guard_alive: Callable[[int], bool],
        watchdog: Watchdog,
        writer: Writer,
        inbox: queue.SimpleQueue[Message],
        age: Age | None = None,
        counted: Callable[[str], float | None] = lambda _machine: None,
    ) -> None:
        self.queue = inbox
        self.writer = writer
        self._counted = counted
        self.states: dict[str, State] = {each.machine: self._found(each, outputs) for each in rules}
        self.badges = badges
        self.halted = False
        self.stopped_at_rest = False
        self._watchers: list[Callable[[FromReader], None]] = []
        self.age = age or Age(Stale())
        self._clock = clock
        self._outputs = outputs
        self._signals = signals
        self._displays = displays
        self._guard_alive = guard_alive
        self._watchdog = watchdog
        self._began = clock.now().at
        self._recovered: frozenset[str] = frozenset()
        self._storage_works = True
        self._storage_detail = ""
        self._lasting: dict[str, Signal] = {}
        self._causes: dict[str, str] = {}
        self._locks = Locks(writer)
        self._renew_at = 0
        self._beat_at = 0
        self._clock_at = 0
        self._reading: Reading | None = None

    @staticmethod
    def _found(rules: Rules, outputs: dict[str, Contacts]) -> State:
        """Begin with what stands closed already, because an earlier daemon left it so under a lease."""
        contacts = outputs.get(rules.machine)
        return Recovering(Bench(rules), kept=contacts.closed if contacts is not None else frozenset())

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

    def drain(self) -> None:
        """Handle what waits already, without waiting for more."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.handle(self.queue.get_nowait())

    def recover(self, left_open: list[OpenSession], faults: dict[str, tuple[str, ...]] | None = None) -> None:
        """Have every station go on, or come to rest: with what an earlier run left open, and what nobody cleared."""
        self._read_clock(self._clock.now())
        self._recovered = frozenset(left.session for left in left_open)
        for machine in self.states:
            mine = tuple(left for left in left_open if left.machine == machine)
            row = self.badges.whitelist.machines.get(machine)
            self._feed(machine, Recover(mine, row.locked if row else "", (faults or {}).get(machine, ())))
        moment = self._clock.now()
        for left in left_open:
            if left.machine not in self.states:
                self.writer.record(moment, interrupted(left))

    def handle(self, message: Message) -> None:
        """Handle one message."""
        match message:
            case FromReader():
                self._from_reader(message)
            case FromInput(machine, name, active):
                self._feed(machine, InputChanged(name, active))
            case PartTold():
                self._from_part(message)
            case Asked() | WatchAsked() | WatchEnded() | StopAsked() | ClockAsked():
                self._asked(message)
            case KeyChanged() | Enrolled() | TimeTold() | Confirmed():
                self._from_server(message)
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
                say(self._tell_time(by, ms))

    def _from_server(self, message: KeyChanged | Enrolled | TimeTold | Confirmed) -> None:
        """Take up what the line to the server tells."""
        match message:
            case KeyChanged(key):
                self.badges.key = key
            case Enrolled():
                self.age.is_brought = True
            case TimeTold(ms):
                self._time_told(ms)
            case Confirmed(ms):
                self.age.confirmed = max(self.age.confirmed, ms)

    def _from_writer(self, message: Answer) -> None:
        match message:
            case GrantAnswer(machine, event):
                self._feed(machine, event)
            case StorageChanged(works, detail):
                self._storage_works, self._storage_detail = works, detail
                self._show_all()
            case StorageOpened():
                self._new_storage(message)
            case PurgeDone(passages, usage):
                self.writer.record(self._clock.now(), entries.Purged(passages, usage))
            case EditFailed(machine, change, excluded):
                badge = next((row.hash for row in change.put if isinstance(row, Badge)), "")
                reason = Reason.MEMBER_EXCLUDED if excluded else Reason.NO_STORAGE
                self._feed(machine, TeachFailed(badge, reason))
            case WhitelistChanged() | WhitelistReplaced():
                self._new_whitelist(message)
                self._show_all()  # what nobody could start may be free now

    def _from_part(self, message: PartTold) -> None:
        moment = self._clock.now()
        outputs = self._outputs.get(message.machine)
        if outputs is not None:
            try:
                outputs.settle(moment.at)
            except OutputError as error:
                self._feed(message.machine, OutputFailed(tell(error)), moment)
        if message.fault:
            self._feed(message.machine, OutputFailed(message.detail), moment)
        elif message.detail:
            self.writer.record(moment, entries.Warned(message.machine, message.part, message.detail))
        if message.machine in self.states:
            self._show(message.machine, moment)

    def _time_told(self, ms: int) -> None:
        """Take the server's word for the time: signed, and asked for just now, it may lower what is known too."""
        known = self._clock.floor
        if ms < known - DAY_MS:
            self.writer.record(self._clock.now(), entries.ClockLowered("server", ms))
        if abs(ms - known) > TOLD_MS:
            self._clock.lower(ms)

    def _tell_time(self, by: str, ms: int | None) -> dict[str, Any]:
        """Return what is known of the time; take a person's word for it, where they give it."""
        if ms is not None:
            self._clock.lower(ms)
            self.writer.record(self._clock.now(), entries.ClockLowered(by, ms))
        moment = self._clock.now()
        return {
            "wall": moment.wall,
            "quality": moment.quality.value,
            "known": self._clock.floor,
            "day": moment.known.isoformat(),
        }

    def status(self) -> dict[str, Any]:
        """Return how everything is, in plain values."""
        moment = self._clock.now()
        return {
            "version": self.badges.whitelist.version,
            "badges": len(self.badges.whitelist.badges),
            "storage": self._storage(moment),
            "guard": self._guard_alive(moment.at),
            "clock": moment.quality.value,
            "list_days": self._age(),
            "stations": [
                station_status(state, moment, self._outputs.get(machine), self.badges.readers.get(machine))
                for machine, state in self.states.items()
            ],
        }

    def _storage(self, moment: Moment) -> str:
        if self.writer.is_stuck(moment.at):
            return _("the disk does not answer")
        return "ok" if self._storage_works else self._storage_detail

    def _answer(self, request: Request | None, machine: str, answer: Callable[[Any], None]) -> None:
        if request is not None:
            self._feed(machine, request)
        answer(self.status())

    def _new_storage(self, opened: StorageOpened) -> None:
        """Take up what the disk holds, now that it can be read: at last, or in the place of what was damaged."""
        self._clock.passed(opened.floor)
        self.badges.whitelist = opened.whitelist
        self.age.confirmed = opened.confirmed
        moment = self._clock.now()
        if opened.replaced is not None:
            self.writer.record(moment, opened.replaced)
        if any(isinstance(state, Recovering) for state in self.states.values()):
            self.recover(list(opened.left_open), opened.faults)
            return
        self.writer.record(moment, entries.Clock(self._clock.read().offset, moment.quality))
        for left in opened.left_open:
            mine = left.session in self._recovered or (left.boot == moment.boot and left.began >= self._began)
            if not mine:  # of this run's own the end is written, or on its way
                self.writer.record(moment, interrupted(left))
        for state in self.states.values():
            if isinstance(state, InSession):
                self.writer.record(moment, _said_again(state))
        self._apply_locks(frozenset())

    def _new_whitelist(self, message: WhitelistChanged | WhitelistReplaced) -> None:
        if message.confirmed is not None:
            self.age.confirmed = message.confirmed
        if isinstance(message, WhitelistReplaced):
            before, self.badges.whitelist = self.badges.whitelist, message.whitelist
            rows = message.whitelist.machines.values()
            self._apply_locks(frozenset(row.id for row in rows if row.now and before.machines.get(row.id) != row))
            self._cut([row for key, row in message.whitelist.cuts.items() if key not in before.cuts])
            return
        new_cuts = [row for row in message.change.put if isinstance(row, Cut)]
        new_cuts = [row for row in new_cuts if row.key not in self.badges.whitelist.cuts]
        for row in message.change.put:
            self.badges.whitelist.put(row)
        for row in message.change.drop:
            self.badges.whitelist.drop(row)
        for key in message.gone:
            self.badges.whitelist.drop_key(key)
        self.badges.whitelist.version = message.version
        locked = {row.id for row in message.change.put if isinstance(row, Machine) and row.locked}
        at_once = {row.id for row in message.change.put if isinstance(row, Machine) and row.now}
        self._apply_locks(frozenset(locked if message.cut else locked & at_once))
        self._cut(new_cuts)
        if message.machine is not None:
            taught = next((row.member for row in message.change.put if isinstance(row, Certification | Badge)), "")
            self._feed(message.machine, Taught(taught))

    def _cut(self, cuts: list[Cut]) -> None:
        """End what the server says is to end now."""
        for cut in cuts:
            state = self.states.get(cut.machine)
            if isinstance(state, InSession | Starting):
                session = state.session
                if session.id == cut.session or (cut.member and session.member == cut.member):
                    self._feed(cut.machine, EndAsked(session.id, cut.by or "server"))

    def tick(self) -> int | None:
        """Do what time asks for; return the milliseconds until it asks again, None for never."""
        moment = self._clock.now()
        for machine, state in self.states.items():
            if state.wakes is not None and state.wakes <= moment.at:
                self._feed(machine, TimePassed(), moment)
        if moment.at >= self._clock_at:
            self._read_clock(moment)
            self._clock_at = moment.at + CLOCK_MS
            self._locks.step(moment)
            self._show_all()
        self.badges.prepare()
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
        return tuple(
            OpenSession(
                state.session.id,
                machine,
                state.powered_at(moment),
                moment.boot,
                moment.at,
                state.busy_at(moment),
            )
            for machine, state in self.states.items()
            if isinstance(state, InSession)
        )

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
        for watcher in self._watchers:
            watcher(message)
        machine, moment = message.machine, self._clock.now()
        for event in self.badges.events(
            message, lambda: self.states[machine].bench.lying, moment, lambda: self._obstacle(moment, machine)
        ):
            self._feed(machine, event, moment)
        for badge, new in self.badges.rehashed:
            self.writer.record(moment, entries.Rehashed(machine, badge, new))
        self.badges.rehashed.clear()

    def _obstacle(self, moment: Moment, machine: str) -> Reason | None:
        """Return what keeps a machine from starting, if anything does."""
        outputs = self._outputs.get(machine)
        if not self._storage_works or self.writer.is_full or self.writer.is_stuck(moment.at):
            return Reason.NO_STORAGE
        if (outputs is None or outputs.needs_guard) and not self._guard_alive(moment.at):
            return Reason.NO_GUARD
        if outputs is not None and not outputs.answers:
            return Reason.NO_OUTPUT
        return Reason.WHITELIST_STALE if self.age.refuses(self._clock.floor) else None

    def _apply_locks(self, cut: frozenset[str]) -> None:
        """Bring the stations' locks to what the whitelist says; those in *cut* end their session at once."""
        for machine, state in self.states.items():
            row = self.badges.whitelist.machines.get(machine)
            wanted = row.locked if row else ""
            if machine in self._locks.pending:
                continue  # a maintainer's badge said otherwise, and the whitelist does not know yet
            if wanted and (wanted != state.bench.locked or machine in cut):
                self._feed(machine, LockAsked(wanted, "whitelist", now=machine in cut))
            elif state.bench.locked and not wanted:
                self._feed(machine, UnlockAsked("whitelist"))

    # --- stations ---

    def fail(self, machine: str, cause: str) -> None:
        """Put a machine out of order; where it has no output, it stays so however often it is cleared."""
        self._causes[machine] = cause
        self._feed(machine, OutputFailed(cause, for_good=True))

    def _feed(self, machine: str, event: AnyEvent, moment: Moment | None = None) -> None:
        moment = moment or self._clock.now()
        answer = stations.step(self.states[machine], event, moment)
        self.states[machine] = answer.state
        for effect in answer.effects:
            self._carry_out(machine, effect, moment)
        self._show(machine, moment)

    def _carry_out(self, machine: str, effect: AnyEffect, moment: Moment) -> None:
        match effect:
            case Switch(closed):
                self._switch(machine, closed, moment)
            case Commit(entry):
                self.writer.commit(moment, self._metered(entry))
                self._lend(machine, moment)
            case Record(entry):
                self.writer.record(moment, self._metered(entry))
            case Teach(badge, member, by):
                _who, change = trained(self.badges.whitelist, machine, badge, member, moment.known)
                self.writer.edit(Edit(change, by, moment, machine=machine))
            case SetLock(note):
                self._locks.keep(machine, note, moment)
            case Flash(signal, denied):
                self._signals.tell(Told(machine, signal, lasting=False))
                state, whitelist = self.states[machine], self.badges.whitelist
                self._displays.tell(view(state, signal, moment, whitelist, denied, self._age()))

    def _metered(self, entry: E) -> E:
        """Note what the machine's plug has counted by now, where one counts, at both ends of a session."""
        if isinstance(entry, entries.Granted) or (isinstance(entry, entries.Ended) and entry.until is None):
            counted = self._counted(entry.machine)
            return entry if counted is None else msgspec.structs.replace(entry, meter=counted)
        return entry

    def _lend(self, machine: str, moment: Moment) -> None:
        """Take the lease while the disk works; what is wrong with it is said when the output is to close."""
        if machine in self._outputs:
            if not any(output.is_lent for output in self._outputs.values()):
                self._renew_at = moment.at + RENEW_MS  # it is new; renewing it now would only be in the writer's way
            with contextlib.suppress(OutputError):
                self._outputs[machine].take_lease(moment.at)

    def _switch(self, machine: str, closed: frozenset[str], moment: Moment) -> None:
        output = self._outputs.get(machine)
        try:
            if output is not None:
                output.switch(closed, moment.at)
                return
        except NoGuardError as error:  # it is back in a moment: any member may go on
            self._feed(machine, OutputFailed(tell(error), Clears.USER), moment)
        except OutputError as error:
            self._feed(machine, OutputFailed(tell(error)), moment)
        if output is None and closed:  # a driver that is missing is a fault, and never a session without power
            cause = _("there is no relay: {cause}").format(cause=self._causes.get(machine, "-"))
            self._feed(machine, OutputFailed(cause), moment)

    def _show(self, machine: str, moment: Moment) -> None:
        state = self.states[machine]
        startable = self._obstacle(moment, machine) is None
        row = self.badges.whitelist.machines.get(machine)
        signal = lasting(
            state,
            reader_found=machine in self.badges.readers,
            startable=startable,
            is_set_up=row is not None and row.is_set_up,
        )
        if signal is None:
            return  # for a moment, on the way of a tap: what was shown stays
        if signal is Signal.IDLE and self._age() is not None:
            signal = Signal.OFFLINE
        self._displays.tell(view(state, signal, moment, self.badges.whitelist, age=self._age()))
        if self._lasting.get(machine) is not signal:
            self._lasting[machine] = signal
            self._signals.tell(Told(machine, signal, lasting=True))

    def _age(self) -> int | None:
        return self.age.days(self._clock.floor)

    def _show_all(self) -> None:
        moment = self._clock.now()
        for machine in self.states:
            self._show(machine, moment)

    def _stop_at_rest(self, answer: Callable[[list[str]], None]) -> None:
        busy = [machine for machine, state in self.states.items() if isinstance(state, Starting | InSession)]
        if not busy:
            self._halt()
            self.stopped_at_rest = True
        answer(busy)

    def _halt(self) -> None:
        for machine in self.states:
            self._feed(machine, Stop())
        self.writer.record(self._clock.now(), entries.Stopped())
        self.halted = True


def _said_again(state: InSession) -> entries.Resumed:
    """Say in a new journal whose session it is that goes on: the grant may have been lost with the old one."""
    session = state.session
    return entries.Resumed(session.id, state.rules.machine, session.member, session.badge, session.purpose)
