"""The states of a station: what each knows, what is closed in it, and when it wants to be told that time passed."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.events import Presented
from controller.station.rules import Clears, Does, InputRule, Mode, Rules
from protocol.access import Granted, Reason
from protocol.entries import Ending, Purpose
from protocol.moment import Moment

MACHINE: Final = "machine"  # the name of the output that only a session closes
SENSED: Final = frozenset({"welded", "bypass", "ran_at_start"})  # faults that a station finds out by itself
TEACH_MS: Final = 30_000  # for the next badge of a class
TEACH_LONGEST_MS: Final = 900_000  # for all of it
TEACH_MOST: Final = 60  # badges
SUSPECT_MS: Final = 2_000  # a machine that runs for so long without power from us is no flutter of a sensor


class ArmedAction(msgspec.Struct, frozen=True):
    """A button said what the next badge is for, until then: a purpose, a group, a lock."""

    does: Does
    until: int
    purpose: Purpose = Purpose.OWN
    organisation: str = ""
    people: int | None = None


class Session(msgspec.Struct, frozen=True):
    """A session that was granted. Times on the boot-time clock.

    longest: when it ends at the latest; period_ends: when the time that was tapped for is over. warned: the end
    that people were warned of. prolonged: until when a job goes on at least, though its machine stands still. group:
    a trainer lets others in; no badge has to lie there. also: further badges of the same member that were laid on.
    """

    id: str
    member: str
    badge: str
    longest: int | None = None
    period_ends: int | None = None
    warned: int | None = None
    prolonged: int | None = None
    purpose: Purpose = Purpose.OWN
    group: bool = False
    also: frozenset[str] = frozenset()


class Cause(msgspec.Struct, frozen=True):
    """What put a machine out of order.

    input: the one that has to be normal again before anyone clears it. for_good: nobody does, until it is found.
    """

    what: str
    clears: Clears = Clears.MAINTAINER
    input: str = ""
    for_good: bool = False


class MachineCondition(msgspec.Struct, frozen=True):
    """What lies and stands at the machine, in any state.

    lying: the badges on the reader; stale: those of them that open nothing until they are taken away.
    locked: why the machine is locked, once no session holds it; empty where it is not.
    active: the inputs whose condition holds. turned: when the machine last began, or ceased, to run.
    opened: when its output last opened, or the station began; used: whether it was closed since.
    running_on: the outputs that stay closed after a session, and until when.
    """

    rules: Rules
    lying: frozenset[str] = frozenset()
    to_be_removed: frozenset[str] = frozenset()
    locked: str = ""
    reader_lost: bool = False
    active: frozenset[str] = frozenset()
    turned: int | None = None
    opened: int | None = None
    used: bool = False
    running_on: tuple[tuple[str, int], ...] = ()
    armed: ArmedAction | None = None

    @property
    def runs(self) -> bool:
        """Whether the machine runs, as far as anything senses it."""
        return any(rule.name in self.active for rule in self.rules.named(Does.RUNNING))

    @property
    def rests_at(self) -> int | None:
        """When the machine will have stood still for long enough; None while it runs."""
        if self.runs:
            return None
        return 0 if self.turned is None else self.turned + self.rules.coast_down

    def at_rest(self, moment: Moment) -> bool:
        """Return whether the machine stands still."""
        return self.rests_at is not None and moment.at >= self.rests_at

    def asserted(self, *does: Does) -> tuple[InputRule, ...]:
        """Return the inputs of these consequences whose condition holds."""
        return tuple(rule for rule in self.rules.inputs if rule.does in does and rule.name in self.active)

    @property
    def suspect_at(self) -> int | None:
        """When running without power from us stops being coast-down, and is a bypass or a welded contact."""
        if not self.runs or self.turned is None or self.opened is None:
            return None
        return max(self.opened + self.rules.coast_down, self.turned) + SUSPECT_MS


def earliest(*times: int | None) -> int | None:
    """Return the first of some times that may not be."""
    return min((time for time in times if time is not None), default=None)


class State(msgspec.Struct, frozen=True):
    """What all states have."""

    condition: MachineCondition

    @property
    def rules(self) -> Rules:
        """What the settings say of the machine."""
        return self.condition.rules

    @property
    def closed(self) -> frozenset[str]:
        """The outputs that are closed in this state: never the machine's own, but in a session."""
        return frozenset(name for name, _until in self.condition.running_on) - self.held_open

    @property
    def held_open(self) -> frozenset[str]:
        """The named outputs that an input keeps open."""
        return frozenset(rule.output for rule in self.condition.asserted(Does.OPEN))

    @property
    def wakes(self) -> int | None:
        """When the state next wants to be told that time passed (boot-time ms), if at all."""
        return None


class Recovering(State, frozen=True):
    """At start: the journal is not yet read; a session that resumes has its outputs closed."""

    kept: frozenset[str] = frozenset()

    @property
    def closed(self) -> frozenset[str]:
        """What was found closed under a lease of ours, and nothing else."""
        return self.kept


class Resting(State, frozen=True):
    """What idle, locked and run-on share: no session, and an eye on whether the machine stands still."""

    @property
    def wakes(self) -> int | None:
        """The end of a run-on, of a wish, or of the patience with a machine that runs without us."""
        ends = (until for _name, until in self.condition.running_on)
        armed = self.condition.armed
        return earliest(self.condition.suspect_at, armed.until if armed else None, *ends)


class Idle(Resting, frozen=True):
    """Waits for a badge; output open."""


class RunOn(Resting, frozen=True):
    """After a session: only named auxiliary outputs are closed, and nobody is billed. A badge may start anew."""


class Locked(Resting, frozen=True):
    """Locked; a maintainer's badge opens a session, and it locks again afterwards."""


class Awaiting(State, frozen=True, kw_only=True):
    """Granted if a second person taps in time: a trainer, or any other certified member.

    verdict: on the first; lacks: whom they need. second: who tapped, once somebody did; then only the first badge has
    still to lie there.
    """

    session: Session
    verdict: Granted
    lacks: Reason
    until: int
    second: str | None = None

    @property
    def wakes(self) -> int | None:
        """The end of the wait."""
        return earliest(self.until, self.condition.suspect_at)


class AwaitingPin(State, frozen=True, kw_only=True):
    """A badge may, once its member has typed a PIN too; output open.

    tap: what the badge came to. until: the end of the wait for the next key; latest: of all of it. typed: digits so
    far; failed: PINs that were wrong.
    """

    tap: Presented
    until: int
    latest: int
    typed: int = 0
    failed: int = 0

    @property
    def wakes(self) -> int | None:
        """The end of the wait."""
        return earliest(self.until, self.condition.suspect_at)


class Teaching(State, frozen=True, kw_only=True):
    """Each badge that is tapped now gets the machine's trainings, by the trainer who tapped first; output open.

    until: the end of the wait for the next badge; latest: of all of it. count: to how many it was given; last: to whom.
    """

    by: str
    until: int
    latest: int
    count: int = 0
    last: str = ""

    @property
    def wakes(self) -> int | None:
        """The end of the wait."""
        return earliest(self.until, self.condition.suspect_at)


class Starting(State, frozen=True, kw_only=True):
    """The grant is on its way to disk; output open."""

    session: Session
    until: int

    @property
    def wakes(self) -> int | None:
        """The commit's last moment."""
        return self.until


class InSession(State, frozen=True, kw_only=True):
    """What running and leaving share: a session is open, and its outputs closed since `since`.

    powered, busy: what came before; ran: whether the machine has run in this session.
    """

    session: Session
    since: int
    powered: int = 0
    busy: int = 0
    ran: bool = False

    @property
    def closed(self) -> frozenset[str]:
        """Everything, but for what an input holds open."""
        return self.rules.outputs - self.held_open

    def powered_at(self, moment: Moment) -> int:
        """Return the milliseconds for which the output has been closed."""
        return self.powered + max(0, moment.at - self.since)

    def busy_at(self, moment: Moment) -> int | None:
        """Return the milliseconds for which the machine has run in this session; None where nothing senses that."""
        if not self.rules.senses_running:
            return None
        began = max(self.since, self.condition.turned or 0)
        return self.busy + (max(0, moment.at - began) if self.condition.runs else 0)

    def counting(self, rule: InputRule, moment: Moment) -> bool:
        """Return whether an input's condition counts already."""
        return moment.at >= self.since + rule.settle

    @property
    def settles_at(self) -> int | None:
        """When the conditions that were let pass at the start begin to count."""
        active = self.condition.asserted(Does.END, Does.FAULT)
        return min((self.since + rule.settle for rule in active), default=None)


class Running(InSession, frozen=True, kw_only=True):
    """A session is open, and its outputs closed."""

    reader_until: int | None = None

    @property
    def deadlines(self) -> tuple[tuple[int, Ending], ...]:
        """The times at which the session ends by itself, and why; those that people are warned of."""
        rules, condition = self.rules, self.condition
        ends: list[tuple[int | None, Ending]] = [
            (self.session.longest, Ending.LONGEST),
            (self.session.period_ends, Ending.TIME_UP),
        ]
        if rules.idle is not None and not condition.runs:
            idle = max(self.since, condition.turned or 0) + rules.idle
            ends.append((max(idle, self.session.prolonged or 0), Ending.IDLE))
        return tuple(sorted((at, why) for at, why in ends if at is not None))

    @property
    def done_at(self) -> int | None:
        """When a job counts as done: the machine ran, and stands still, and nobody has said that it goes on."""
        if self.rules.mode is not Mode.JOB or not self.ran or self.condition.rests_at is None:
            return None
        return max(self.condition.rests_at, self.session.prolonged or 0)

    @property
    def next_end(self) -> int | None:
        """When the session ends by itself, as far as is known now."""
        return earliest(self.deadlines[0][0] if self.deadlines else None, self.done_at)

    @property
    def warns(self) -> int | None:
        """When to warn that the session is about to end. A job that stands still: half of that time before, at most."""
        end, warning = self.next_end, self.rules.warning
        if end is None or not warning or self.session.warned == end:
            return None
        return end - (min(warning, self.rules.coast_down // 2) if end == self.done_at else warning)

    @property
    def is_warned(self) -> bool:
        """Whether people were told that it is about to end."""
        return self.session.warned is not None and self.session.warned == self.next_end

    @property
    def wakes(self) -> int | None:
        """The next warning, end, or end of a patience."""
        return earliest(self.warns, self.next_end, self.reader_until, self.settles_at)


class Leaving(InSession, frozen=True, kw_only=True):
    """About to end, outputs still closed: grace for the badge, then waiting for the machine to rest.

    until: the end of the grace; latest: of all waiting. why, by: how it will have ended.
    """

    until: int
    latest: int
    why: Ending
    by: str | None = None

    @property
    def wakes(self) -> int | None:
        """The end of the grace, or of the wait for rest."""
        rests = self.condition.rests_at
        over = self.latest if rests is None else min(self.latest, max(self.until, rests))
        return earliest(over, self.settles_at)


class Fault(State, frozen=True, kw_only=True):
    """Out of order, everything open, until each cause is gone and whoever the settings name clears it."""

    causes: tuple[Cause, ...]

    @property
    def closed(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    @property
    def told(self) -> str:
        """The causes, as the journal and the display name them."""
        return ", ".join(cause.what for cause in self.causes)

    @property
    def wakes(self) -> int | None:
        """When a machine that runs without us becomes one more cause."""
        known = {cause.what for cause in self.causes}
        return None if known & SENSED else self.condition.suspect_at
