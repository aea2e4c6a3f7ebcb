"""The stations: each one's state is fed with events, and what follows is carried out and shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from common.owner import Owner
from common.texts import _, translate
from controller import station as stations
from controller.indication.displays import Displays
from controller.indication.signals import Indication, Signals
from controller.indication.views import Cost, lasting, view
from controller.outputs.leased import NoGuardError
from controller.outputs.machine import MachineOutputs
from controller.runtime.age import Age
from controller.runtime.clock import Clock
from controller.runtime.costs import Costs
from controller.runtime.locks import Locks
from controller.runtime.teaching import trained
from controller.sensing.badges import Badges
from controller.station.events import (
    AnyEffect,
    AnyEvent,
    Commit,
    Flash,
    OpenSession,
    OutputFailed,
    PartFound,
    Record,
    SetLock,
    Signal,
    Switch,
    Teach,
)
from controller.station.rules import Clears, Rules
from controller.station.states import InSession, MachineCondition, Recovering, State
from controller.store.edits import Edit
from controller.store.write_queue import WriteQueue
from drivers.contracts import OutputError
from protocol import price
from protocol.access import Reason
from protocol.moment import Moment

RENEW_MS: Final = 500


class Storage(msgspec.Struct):
    """Whether anything can be written now, and why not."""

    works: bool = True
    detail: str = ""


class Stations:
    """Every station's state, and what it moves. Owned by the loop's thread."""

    def __init__(
        self,
        *,
        rules: list[Rules],
        clock: Clock,
        badges: Badges,
        outputs: dict[str, MachineOutputs],
        signals: Signals,
        displays: Displays,
        guard_alive: Callable[[int], bool],
        writes: WriteQueue,
        age: Age,
        counted: Callable[[str], float | None],
    ) -> None:
        self.owner = Owner("the stations")
        # Immutable states: whoever holds one for a moment sees no half of a change.
        self._states: dict[str, State] = {each.machine: self._found(each, outputs) for each in rules}
        self.locks = Locks(writes)
        self.storage = Storage()
        self.outputs = outputs
        self._clock = clock
        self._badges = badges
        self._signals = signals
        self._displays = displays
        self._guard_alive = guard_alive
        self._writes = writes
        self._age = age
        self.costs = Costs(counted)
        self._lasting: dict[str, Signal] = {}
        self._causes: dict[str, str] = {}
        self._renew_at = 0

    @property
    def states(self) -> dict[str, State]:
        """Every station's state, by machine."""
        self.owner.check()
        return self._states

    @property
    def output_owners(self) -> list[Owner]:
        """Return who owns each machine's outputs, for whoever runs the stations."""
        return [outputs.owner for outputs in self.outputs.values()]

    @staticmethod
    def _found(rules: Rules, outputs: dict[str, MachineOutputs]) -> State:
        """Begin with what stands closed already, because an earlier daemon left it so under a lease."""
        found = outputs.get(rules.machine)
        return Recovering(MachineCondition(rules), kept=found.closed if found is not None else frozenset())

    def fail(self, machine: str, cause: str) -> None:
        """Put a machine out of order; where it has no output, it stays so however often it is cleared."""
        self._causes[machine] = cause
        self.feed(machine, OutputFailed(cause, for_good=True))

    def found(self, machine: str) -> None:
        """Have a machine back whose outputs could not be claimed at the start."""
        cause = self._causes.pop(machine, None)
        if cause is not None:
            self.feed(machine, PartFound(cause))

    def feed(self, machine: str, event: AnyEvent, moment: Moment | None = None) -> None:
        """Feed an event to a station, and carry out what follows."""
        moment = moment or self._clock.now()
        answer = stations.step(self.states[machine], event, moment)
        self.states[machine] = answer.state
        for effect in answer.effects:
            self._carry_out(machine, effect, moment)
        self.show(machine, moment)

    def rehearse(self, machine: str, moment: Moment) -> None:
        """Decide about a tap that nobody made, and do nothing of what would follow."""
        state = self.states[machine]
        event = self._badges.as_if(machine, moment, self.obstacle(moment, machine))
        answer = stations.step(state, event, moment)
        view(answer.state, Signal.RUNNING, moment, self._badges.whitelist)

    def _carry_out(self, machine: str, effect: AnyEffect, moment: Moment) -> None:
        match effect:
            case Switch(closed):
                self._switch(machine, closed, moment)
            case Commit(entry):
                self._writes.commit(moment, self.costs.begun(entry))
                self._lend(machine, moment)
            case Record(entry):
                self._writes.record(moment, self.costs.noted(entry))
            case Teach(badge, member, by):
                _who, change = trained(self._badges.whitelist, machine, badge, member, moment.known)
                self._writes.edit(Edit(change, by, moment, machine=machine))
            case SetLock(note):
                self.locks.keep(machine, note, moment)
            case Flash(signal, denied):
                self._signals.show(Indication(machine, signal, lasting=False))
                state, whitelist = self.states[machine], self._badges.whitelist
                age = self._age.days(self._clock.earliest)
                self._displays.show(view(state, signal, moment, whitelist, denied, age, self._cost(machine, moment)))

    def _lend(self, machine: str, moment: Moment) -> None:
        """Take the lease while the disk works; what is wrong with it is said when the output is to close."""
        if machine in self.outputs:
            if not any(output.is_lent for output in self.outputs.values()):
                self._renew_at = moment.at + RENEW_MS  # it is new; renewing it now would only be in the writer's way
            with contextlib.suppress(OutputError):
                self.outputs[machine].take_lease(moment.at)

    def _switch(self, machine: str, closed: frozenset[str], moment: Moment) -> None:
        output = self.outputs.get(machine)
        try:
            if output is not None:
                output.switch(closed, moment.at)
                return
        except NoGuardError as error:  # it is back in a moment: any member may go on
            self.feed(machine, OutputFailed(translate(error), Clears.USER), moment)
        except OutputError as error:
            self.feed(machine, OutputFailed(translate(error)), moment)
        if output is None and closed:  # a driver that is missing is a fault, and never a session without power
            cause = _("there is no relay: {cause}").format(cause=self._causes.get(machine, "-"))
            self.feed(machine, OutputFailed(cause), moment)

    def obstacle(self, moment: Moment, machine: str) -> Reason | None:
        """Return what keeps a machine from starting, if anything does."""
        outputs = self.outputs.get(machine)
        # A session whose grant cannot be written would be usage that nobody can bill or explain.
        if not self.storage.works or self._writes.is_full or self._writes.is_stuck(moment.at):
            return Reason.NO_STORAGE
        if (outputs is None or outputs.needs_guard) and not self._guard_alive(moment.at):
            return Reason.NO_GUARD
        if outputs is not None and not outputs.answers:
            return Reason.NO_OUTPUT
        return Reason.WHITELIST_STALE if self._age.refuses(self._clock.earliest) else None

    def open_sessions(self, moment: Moment) -> tuple[OpenSession, ...]:
        """Return how far each session that runs has come."""
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

    def renew(self, moment: Moment) -> int | None:
        """Renew the leases of what is closed; return when that is due again, None where nothing is."""
        if not any(output.is_lent for output in self.outputs.values()):
            return None
        if moment.at >= self._renew_at:
            for machine, output in self.outputs.items():
                try:
                    output.renew(moment.at)
                except OutputError as error:
                    self.feed(machine, OutputFailed(translate(error)), moment)
            self._renew_at = moment.at + RENEW_MS
        return self._renew_at

    def show(self, machine: str, moment: Moment) -> None:
        """Show how a machine is, on its light and its display."""
        state = self.states[machine]
        startable = self.obstacle(moment, machine) is None
        row = self._badges.whitelist.machines.get(machine)
        signal = lasting(
            state,
            reader_found=machine in self._badges.readers,
            startable=startable,
            is_set_up=row is not None and row.is_set_up,
        )
        if signal is None:
            return  # for a moment, on the way of a tap: what was shown stays
        if signal is Signal.IDLE and self._age.days(self._clock.earliest) is not None:
            signal = Signal.OFFLINE
        age, whitelist = self._age.days(self._clock.earliest), self._badges.whitelist
        self._displays.show(view(state, signal, moment, whitelist, age=age, cost=self._cost(machine, moment)))
        if self._lasting.get(machine) is not signal:
            self._lasting[machine] = signal
            self._signals.show(Indication(machine, signal, lasting=True))

    def _cost(self, machine: str, moment: Moment) -> Cost:
        """Return what the session that runs costs; where none does, what the machine costs anybody."""
        state = self.states[machine]
        if not isinstance(state, InSession):
            today = max(moment.known, moment.today)
            return Cost(price.applied(self._badges.whitelist, machine, "", "", today).prices)
        terms = self.costs.of(state.session.id)
        if terms is None:
            return Cost()
        busy = state.busy_at(moment)
        return Cost(
            terms.prices,
            None if busy is None else busy // 1000,
            self.costs.energy(state.session.id),
            runs=busy is not None and state.condition.runs,
        )

    def tell_of_a_stick(self, *, well: bool) -> None:
        """Show for a moment, on every machine that nobody uses, that a stick may be pulled."""
        signal = Signal.STICK_DONE if well else Signal.STICK_FAILED
        for machine, state in self.states.items():
            if not isinstance(state, InSession):
                self._signals.show(Indication(machine, signal, lasting=False))

    def show_all(self) -> None:
        """Show how every machine is."""
        moment = self._clock.now()
        for machine in self.states:
            self.show(machine, moment)
