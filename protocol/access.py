"""Where a tap is decided: who may use which machine, now.

`decide` is pure. The rules stand in one list, in the order in which they are asked; `explain` asks them all,
so that the page that explains a refusal and the latch that refuses run the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from common.texts import N_
from protocol import price
from protocol.moment import Moment
from protocol.rows import Badge, BadgeKind, Level, Machine, Member
from protocol.whitelist import Whitelist


class Reason(StrEnum):
    """Why a tap is refused; the journal's and the display's word for it."""

    # by the whitelist
    UNKNOWN_BADGE = "unknown_badge"
    SEVERAL_BADGES = "several_badges"
    BADGE_BLOCKED = "badge_blocked"
    BADGE_EXPIRED = "badge_expired"
    BADGE_NOT_YET = "badge_not_yet"
    MEMBER_UNKNOWN = "member_unknown"
    MEMBER_EXCLUDED = "member_excluded"
    MEMBERSHIP_ENDED = "membership_ended"
    CLOSED_NOW = "closed_now"
    MACHINE_UNKNOWN = "machine_unknown"
    TRAINING_MISSING = "training_missing"
    TRAINING_EXPIRED = "training_expired"
    TRAINING_NOT_YET = "training_not_yet"
    SUPERVISION_NEEDED = "supervision_needed"
    BUDDY_NEEDED = "buddy_needed"
    MACHINE_LOCKED = "machine_locked"
    # by the station
    PIN_NEEDED = "pin_needed"
    PIN_WRONG = "pin_wrong"
    PIN_LATER = "pin_later"
    PIN_MISSING = "pin_missing"
    RANDOM_UID = "random_uid"
    BADGE_WAS_LYING = "badge_was_lying"
    MACHINE_IN_USE = "machine_in_use"
    MACHINE_FAULT = "machine_fault"
    INTERLOCK = "interlock"
    TOO_SOON = "too_soon"
    LEVEL_NEEDED = "level_needed"
    STARTING_UP = "starting_up"
    NO_STORAGE = "no_storage"
    NO_GUARD = "no_guard"
    NO_OUTPUT = "no_output"
    WHITELIST_STALE = "whitelist_stale"


class Limits(msgspec.Struct, frozen=True, gc=False):
    """What the whitelist shortens: longest session in seconds, None where it says nothing."""

    longest: int | None = None


class Granted(msgspec.Struct, frozen=True):
    """This member may use the machine; where *lacks* names a reason, once a second person has tapped too.

    applied: what it will cost.
    """

    member: str
    badge: str
    level: Level
    limits: Limits = Limits()
    category: str = ""
    payer: str = ""
    lacks: Reason | None = None
    kind: BadgeKind = BadgeKind.MEMBER
    applied: price.Applied = price.Applied()


class Denied(msgspec.Struct, frozen=True):
    """Nobody may use the machine by these badges, and what would help.

    wants: the trainings that are missing; day: when what is over ended, or what is to come begins.
    member, badge: whose badge it was, where that is known; level: what the member holds there all the same.
    """

    reason: Reason
    member: str | None = None
    badge: str | None = None
    wants: tuple[str, ...] = ()
    day: date | None = None
    note: str = ""
    level: Level | None = None


class Check(msgspec.Struct, frozen=True):
    """One question that was asked, and the refusal it led to, if it did."""

    question: str
    denied: Denied | None


class Case(msgspec.Struct, frozen=True):
    """What the rules look at: one badge, whose it is, one machine, one moment."""

    whitelist: Whitelist
    machine: str
    badge: Badge
    moment: Moment

    def denied(self, reason: Reason, **details: object) -> Denied:
        """Refuse for *reason*, naming badge and member."""
        return Denied(reason, member=self.badge.member, badge=self.badge.hash, **details)  # type: ignore[arg-type]

    @property
    def member(self) -> Member | None:
        """The badge's holder."""
        return self.whitelist.members.get(self.badge.member)

    @property
    def requirements(self) -> Machine:
        """What the machine asks for."""
        return self.whitelist.machines.get(self.machine) or Machine(self.machine)

    def over(self, until: date | None) -> bool:
        """Return whether the last day is known to have passed."""
        return until is not None and until < self.moment.known

    def to_come(self, since: date | None) -> bool:
        """Return whether the first day has not come by any clock."""
        return since is not None and since > max(self.moment.known, self.moment.today)

    def level(self) -> Level | None:
        """Return the lowest valid level among the machine's trainings; None where one is missing.

        A machine that requires nothing is open to every member as a user; one that was never set up, to nobody.
        """
        levels = []
        if not self.requirements.is_set_up:
            return None
        for training in self.requirements.trainings:
            held = self.whitelist.certification(self.badge.member, training)
            if held is None or self.over(held.until) or self.to_come(held.since):
                return None
            levels.append(held.level)
        return min(levels, default=Level.USER)


def _badge_in_force(case: Case) -> Denied | None:
    badge = case.badge
    if badge.blocked:
        return case.denied(Reason.BADGE_BLOCKED)
    if case.over(badge.until):
        return case.denied(Reason.BADGE_EXPIRED, day=badge.until)
    if case.to_come(badge.since):
        return case.denied(Reason.BADGE_NOT_YET, day=badge.since)
    return None


def _member_known(case: Case) -> Denied | None:
    return case.denied(Reason.MEMBER_UNKNOWN) if case.member is None else None


def _member_welcome(case: Case) -> Denied | None:
    excluded = case.member is not None and case.member.excluded
    return case.denied(Reason.MEMBER_EXCLUDED) if excluded else None


def _membership_running(case: Case) -> Denied | None:
    until = case.member.until if case.member else None
    return case.denied(Reason.MEMBERSHIP_ENDED, day=until) if case.over(until) else None


def _open_now(case: Case) -> Denied | None:
    """Opening hours bind whoever is no maintainer, under a clock that somebody set; on a holiday there are none."""
    minute, hours = case.moment.minute, case.whitelist.hours
    if minute is None or not hours:
        return None
    category = case.member.category if case.member else ""
    row = hours.get(category) or hours.get("")
    site = case.whitelist.site
    is_holiday = site is not None and case.moment.today in site.holidays
    if row is None or (row.is_open(minute) and not is_holiday) or case.level() == Level.MAINTAINER:
        return None
    return case.denied(Reason.CLOSED_NOW)


def _machine_set_up(case: Case) -> Denied | None:
    return None if case.requirements.is_set_up else case.denied(Reason.MACHINE_UNKNOWN)


def _trained(case: Case) -> Denied | None:
    held = {t: case.whitelist.certification(case.badge.member, t) for t in case.requirements.trainings}
    missing = tuple(training for training, row in held.items() if row is None)
    if missing:
        return case.denied(Reason.TRAINING_MISSING, wants=missing)
    for training, row in held.items():
        if row and case.over(row.until):
            return case.denied(Reason.TRAINING_EXPIRED, wants=(training,), day=row.until)
        if row and case.to_come(row.since):
            return case.denied(Reason.TRAINING_NOT_YET, wants=(training,), day=row.since)
    return None


def _unlocked(case: Case) -> Denied | None:
    locked = case.requirements.locked
    if not locked:
        return None
    level = case.level()
    if level == Level.MAINTAINER:
        return None
    return case.denied(Reason.MACHINE_LOCKED, note=locked, level=level)


def lacks(level: Level, *, supervised: bool, buddy: bool) -> Reason | None:
    """Return whose badge a member of that level still needs beside their own, as the reason that refuses without it.

    A trainer needs no trainer; a buddy is one more pair of eyes, which everybody needs. A trainer is a buddy too.
    """
    if level == Level.SUPERVISED or (supervised and level < Level.TRAINER):
        return Reason.SUPERVISION_NEEDED
    return Reason.BUDDY_NEEDED if buddy else None


def _alone(case: Case) -> Denied | None:
    level = case.level()
    if level is None:
        return None
    machine = case.requirements
    reason = lacks(level, supervised=machine.supervised, buddy=machine.buddy)
    return None if reason is None else case.denied(reason, level=level)


RULES: Final[tuple[tuple[str, Callable[[Case], Denied | None]], ...]] = (
    (N_("Is the badge in force?"), _badge_in_force),
    (N_("Is its holder a member?"), _member_known),
    (N_("Is the member welcome here?"), _member_welcome),
    (N_("Is the membership running?"), _membership_running),
    (N_("Is it open now for this category of members?"), _open_now),
    (N_("Has somebody said what the machine asks for?"), _machine_set_up),
    (N_("Does the member have every training that the machine asks for?"), _trained),
    (N_("Is the machine unlocked?"), _unlocked),
)
ALONE: Final = (N_("May the member work there alone?"), _alone)  # asked last: a second badge answers it


def decide(whitelist: Whitelist, machine: str, badges: Collection[str], moment: Moment) -> Granted | Denied:
    """Decide who of *badges* (hashes of all that lie on the reader) may use *machine*.

    Exactly one known member is accepted; unknown badges beside theirs do no harm (a wallet); two known
    members are refused. A member with several badges is granted by the first, in order, that is in force.
    """
    known = [whitelist.badges[badge] for badge in sorted(badges) if badge in whitelist.badges]
    if not known:
        return Denied(Reason.UNKNOWN_BADGE, badge=min(badges, default=None))
    if len({badge.member for badge in known}) > 1:
        return Denied(Reason.SEVERAL_BADGES)
    verdicts = [_judge(Case(whitelist, machine, badge, moment)) for badge in known]
    return next((verdict for verdict in verdicts if isinstance(verdict, Granted)), verdicts[0])


def _judge(case: Case) -> Granted | Denied:
    for _question, rule in RULES:
        denied = rule(case)
        if denied is not None:
            return denied
    member = case.member
    category = member.category if member else ""
    _question, alone = ALONE
    wanting = alone(case)
    today = max(case.moment.known, case.moment.today)
    return Granted(
        member=case.badge.member,
        badge=case.badge.hash,
        level=case.level() or Level.USER,
        limits=Limits(case.requirements.longest),
        category=category,
        payer=member.payer if member else "",
        lacks=wanting.reason if wanting else None,
        kind=case.badge.kind,
        applied=price.applied(case.whitelist, case.machine, case.badge.member, category, today),
    )


def explain(whitelist: Whitelist, machine: str, badge: Badge, moment: Moment) -> Iterator[Check]:
    """Ask every rule for one badge on one machine, past the first refusal too."""
    case = Case(whitelist, machine, badge, moment)
    for question, rule in (*RULES, ALONE):
        yield Check(question, rule(case))
