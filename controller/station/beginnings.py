"""How a session begins: whose badge is needed, the grant on its way to disk, a machine taken over."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station.endings import end, hindrance, rest
from controller.station.events import (
    Commit,
    Presented,
)
from controller.station.rules import Does, Mode, Rules
from controller.station.states import (
    ArmedAction,
    Awaiting,
    AwaitingPin,
    InSession,
    Leaving,
    Running,
    Session,
    Starting,
    State,
)
from controller.station.steps import S, Step, with_condition
from protocol import entries, price
from protocol.access import Granted, Reason, lacks
from protocol.entries import Ending
from protocol.moment import Moment
from protocol.rows import BadgeKind

COMMIT_MS: Final = 2_000  # a grant that is not on disk by then is refused
READER_MS: Final = 5_000  # a lost reader is waited for at least so long
PIN_MS: Final = 20_000  # for the next key of a PIN
PIN_LONGEST_MS: Final = 90_000  # for all of them
PIN_MOST: Final = 3  # PINs, before the badge has to be presented again
SECOND_MS: Final = 20_000  # for a second person's badge
GROUP_LONGEST_MS: Final = 12 * 3_600_000  # no badge holds a group's session: it ends within the day


def laid(state: S, event: Presented) -> S:
    """Note that a badge lies there."""
    to_be_removed = state.condition.to_be_removed if event.fresh else state.condition.to_be_removed | {event.badge}
    return with_condition(state, lying=state.condition.lying | {event.badge}, to_be_removed=to_be_removed)


def armed_action(state: State, moment: Moment) -> ArmedAction | None:
    """Return what a button said the next badge is for, if it still holds."""
    armed = state.condition.armed
    return armed if armed is not None and moment.at < armed.until else None


def wanting(rules: Rules, verdict: Granted) -> Reason | None:
    """Return whose badge is needed beside this one, by the whitelist or the settings."""
    return verdict.lacks or lacks(verdict.level, supervised=rules.supervised, buddy=rules.buddy)


def ask_for(state: State, event: Presented, verdict: Granted, moment: Moment) -> Step:
    """Begin with a member who may: wait for a second person where one is needed, else write the grant."""
    rules, armed = state.rules, armed_action(state, moment)
    group = armed is not None and armed.does is Does.GROUP
    session = Session(
        event.session,
        verdict.member,
        verdict.badge,
        purpose=armed.purpose if armed is not None else rules.purpose,
        group=group,
    )
    missing = None if group else wanting(rules, verdict)
    if missing is not None:
        until = moment.at + SECOND_MS
        return Step(Awaiting(state.condition, session=session, verdict=verdict, lacks=missing, until=until))
    return write_grant(state, session, verdict, moment)


def ask_pin(state: State, event: Presented, moment: Moment) -> Step:
    """Wait for the PIN of a member who may."""
    armed = armed_action(state, moment)
    latest = moment.at + PIN_LONGEST_MS
    if armed is not None:  # a button's word on this badge holds until it is known whose it is
        state = with_condition(state, armed=msgspec.structs.replace(armed, until=latest))
    return Step(AwaitingPin(state.condition, tap=event, until=moment.at + PIN_MS, latest=latest))


def write_grant(state: State, session: Session, verdict: Granted, moment: Moment, *, beside: str | None = None) -> Step:
    """Put the grant on its way to disk."""
    rules, armed = state.rules, armed_action(state, moment)
    longest = _longest(rules.longest, verdict, GROUP_LONGEST_MS if session.group else None)
    session = msgspec.structs.replace(
        session,
        longest=None if longest is None else moment.at + longest,
        period_ends=moment.at + rules.period if rules.mode is Mode.TIMED else None,
    )
    grant = entries.Granted(
        session.id,
        rules.machine,
        session.member,
        session.badge,
        verdict.level,
        session.purpose,
        verdict.category,
        verdict.payer,
        beside,
        armed.organisation if armed is not None else "",
        armed.people if armed is not None else None,
        session.group,
        longest,
        applied=price.written(verdict.applied),
    )
    condition = msgspec.structs.replace(state.condition, armed=None)
    return Step(Starting(condition, session=session, until=moment.at + COMMIT_MS), (Commit(grant),))


def _longest(caps: int | None, verdict: Granted, group: int | None) -> int | None:
    """The whitelist may only shorten what the settings allow."""
    limits = [limit for limit in (caps, group) if limit is not None]
    if verdict.limits.longest is not None:
        limits.append(verdict.limits.longest * 1000)
    return min(limits, default=None)


def run(state: Starting | Leaving, moment: Moment, **past: int | bool) -> Running:
    """Have a session run from now on; *past* is what came before."""
    waits = state.condition.reader_lost and held_by_badge(state)
    return Running(
        state.condition,
        session=state.session,
        since=moment.at,
        reader_until=moment.at + patience(state) if waits else None,
        **past,  # type: ignore[arg-type]
    )


def held_by_badge(state: Starting | InSession) -> bool:
    """Return whether the session's badge has to stay."""
    return state.rules.mode is Mode.PRESENCE and not state.session.group


def patience(state: State) -> int:
    """Return how long a lost reader is waited for."""
    return max(READER_MS, state.rules.grace)


def may_take_over(state: InSession, event: Presented, moment: Moment) -> bool:
    """Return whether another certified member may have the machine: it stands still, and its settings say so."""
    return (
        state.rules.takeover
        and event.fresh
        and isinstance(event.alone, Granted)
        and event.alone.kind is not BadgeKind.TEACHING
        and wanting(state.rules, event.alone) is None
        and event.obstacle is None
        and state.condition.at_rest(moment)
        and hindrance(state.condition, moment) is None
    )


def take_over(state: InSession, event: Presented, moment: Moment) -> Step:
    """End one session, and begin another."""
    assert isinstance(event.alone, Granted)  # noqa: S101 - may_take_over said so
    over = end(state, moment, Ending.TAKEN_OVER, event.alone.member)
    after = rest(msgspec.structs.replace(over.state.condition, running_on=()))
    begun = ask_for(after, event, event.alone, moment)
    return Step(begun.state, (*over.effects[:1], *begun.effects))
