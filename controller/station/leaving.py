"""Leaving: about to end, outputs still closed. Grace for a badge that is gone, then waiting for the machine to rest."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.station import in_session
from controller.station.beginnings import held_by_badge, laid, may_take_over, take_over
from controller.station.endings import end, refuse_for
from controller.station.events import EndAsked, InputChanged, LockAsked, Presented, Stop, TimePassed
from controller.station.rules import Mode
from controller.station.running import extend
from controller.station.shared_rows import SHARED, Rows
from controller.station.states import Leaving, Running
from controller.station.steps import Step
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Moment


def come_back(state: Leaving, event: Presented, moment: Moment) -> Step:
    """The member's: RUNNING, unless the longest session is over. Another's: take over at rest, refuse. Unknown: –."""
    now = laid(state, event)
    if event.alone.member == state.session.member:
        return Step(now) if _is_final(now, event, moment) else _back(now, event, moment)
    locked = in_session.lock_asked_by_badge(now, event, moment)
    if locked is not None:
        return locked
    if event.alone.member is None:
        return Step(now)
    if may_take_over(now, event, moment):
        return take_over(now, event, moment)
    return refuse_for(now, event, Reason.MACHINE_IN_USE)


def _is_final(state: Leaving, event: Presented, moment: Moment) -> bool:
    """Return whether the member's badge takes nothing back any more: time over, sent off, or it only lies there."""
    longest = state.session.longest
    over = state.why is Ending.LONGEST or (longest is not None and moment.at >= longest)
    sent_off = state.by is not None and state.by != state.session.member
    anew = held_by_badge(state) or event.fresh
    return over or sent_off or not anew


def _back(state: Leaving, event: Presented, moment: Moment) -> Step:
    session = msgspec.structs.replace(state.session, badge=event.badge)
    back = Running(
        state.condition, session=session, since=state.since, powered=state.powered, busy=state.busy, ran=state.ran
    )
    if state.rules.mode is Mode.TIMED and not session.group:
        return extend(back, event, moment)
    return Step(back)


def leave(state: Leaving, _event: TimePassed, moment: Moment) -> Step:
    """An input counts from now: end, FAULT. Grace over and machine at rest, or waited for long enough: end."""
    cut = in_session.cut_short(state, moment)
    if cut is not None:
        return cut
    if moment.at >= state.latest or (moment.at >= state.until and state.condition.at_rest(moment)):
        return end(state, moment, state.why, state.by)
    return Step(state)


ROWS: Final[Rows] = SHARED | {
    Presented: come_back,
    TimePassed: leave,
    LockAsked: in_session.lock,
    InputChanged: in_session.sense,
    EndAsked: in_session.end_named,
    Stop: in_session.stop,
}
