"""The station's table: pure, total, and what each row does."""

import msgspec
import pytest
from conftest import moment
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controller import station
from controller.events import (
    AnyEvent,
    ClearAsked,
    CloseOutput,
    Commit,
    CommitFailed,
    Committed,
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
    Stop,
    TimePassed,
    UnlockAsked,
)
from controller.settings import Mode
from controller.states import Fault, Idle, Leaving, Locked, Recovering, Rules, Running, Session, Starting, State
from controller.station import step
from protocol import entries
from protocol.access import Denied, Granted, Limits, Reason
from protocol.entries import Ending
from protocol.whitelist import Level

RULES = Rules("laser", grace=5_000, longest=60_000, warning=10_000, enders=frozenset({"off-button"}))
TAP = msgspec.structs.replace(RULES, mode=Mode.TAP)
MARIE, JEAN, LAURE, NOBODY = "m" * 32, "j" * 32, "l" * 32, "n" * 32
PEOPLE = {MARIE: ("marie", Level.USER), JEAN: ("jean", Level.USER), LAURE: ("laure", Level.MAINTAINER)}


def alone(badge):
    if badge not in PEOPLE:
        return Denied(Reason.UNKNOWN_BADGE, badge=badge)
    member, level = PEOPLE[badge]
    return Granted(member, badge, level)


def presented(badge, state=None, *, fresh=True, session="s1"):
    lying = {badge} | (state.lying if state else set())
    known = [each for each in sorted(lying) if each in PEOPLE]
    verdict = alone(known[0]) if len(known) == 1 else Denied(Reason.SEVERAL_BADGES) if known else alone(badge)
    return Presented(badge, fresh, verdict, alone(badge), session)


def running(rules=RULES, at=1_000):
    state = step(Idle(rules), presented(MARIE), moment(at)).state
    state = step(state, Committed("s1"), moment(at)).state
    assert isinstance(state, Running)
    return state


def ends(answer):
    return [e.entry for e in answer.effects if isinstance(e, Record) and isinstance(e.entry, entries.Ended)]


def refusals(answer):
    return [e.entry.reason for e in answer.effects if isinstance(e, Record) and isinstance(e.entry, entries.Refused)]


def test_every_state_answers_every_event():
    assert set(station.ROWS) == set(State.__subclasses__())
    for rows in station.ROWS.values():
        assert set(rows) == set(AnyEvent.__args__)


def test_every_row_says_what_it_does():
    for rows in station.ROWS.values():
        assert all(row.__doc__ for row in rows.values())


def test_the_page_is_the_table():
    from states import PAGE, render

    assert PAGE.read_text(encoding="utf-8") == render(), "run: make states"


def test_a_grant_is_committed_before_the_output_closes():
    asked = step(Idle(RULES), presented(MARIE), moment())
    assert isinstance(asked.state, Starting)
    assert [type(effect) for effect in asked.effects] == [Commit]
    done = step(asked.state, Committed("s1"), moment())
    assert isinstance(done.state, Running)
    assert isinstance(done.effects[0], CloseOutput)


def test_the_off_button_ends_a_session_and_another_input_does_not():
    state = running()
    assert step(state, InputClosed("lid"), moment(3_000)).state == state
    pressed = step(state, InputClosed("off-button"), moment(3_000))
    assert isinstance(pressed.effects[0], OpenOutput)
    assert [(each.why, each.powered, each.by) for each in ends(pressed)] == [(Ending.BUTTON, 2_000, None)]
    assert isinstance(pressed.state, Idle)
    assert pressed.state.stale == {MARIE}  # the badge that lies there opens nothing until it is taken away


def test_the_off_button_ends_the_grace_and_withdraws_a_start():
    leaving = step(running(), Removed(MARIE), moment(3_000)).state
    assert [each.why for each in ends(step(leaving, InputClosed("off-button"), moment(3_500)))] == [Ending.BUTTON]
    starting = step(Idle(RULES), presented(MARIE), moment()).state
    pressed = step(starting, InputClosed("off-button"), moment()).state
    late = step(pressed, Committed("s1"), moment())
    assert late.effects == (Record(entries.Withdrawn("s1", "laser")),)


def test_a_commit_that_fails_or_comes_too_late_closes_nothing():
    starting = step(Idle(RULES), presented(MARIE), moment(1_000)).state
    for event, at in ((CommitFailed("s1"), 1_000), (TimePassed(), 1_000 + station.COMMIT_MS)):
        refused = step(starting, event, moment(at))
        assert isinstance(refused.state, Idle)
        assert refusals(refused) == [Reason.NO_STORAGE]
        late = step(refused.state, Committed("s1"), moment(at))
        assert late.effects == (Record(entries.Withdrawn("s1", "laser")),)


def test_a_badge_that_was_lying_opens_nothing_until_it_is_presented_again():
    lying = step(Idle(RULES), presented(MARIE, fresh=False), moment())
    assert refusals(lying) == [Reason.BADGE_WAS_LYING]
    other = step(lying.state, presented(NOBODY, lying.state), moment())
    assert refusals(other) == [Reason.BADGE_WAS_LYING]
    taken = step(other.state, Removed(MARIE), moment())
    assert isinstance(step(taken.state, presented(MARIE, taken.state), moment()).state, Starting)


def test_the_badge_that_lies_there_after_the_longest_session_opens_nothing():
    over = step(running(), TimePassed(), moment(61_000))
    assert [each.why for each in ends(over)] == [Ending.LONGEST]
    assert isinstance(over.effects[0], OpenOutput)
    assert refusals(step(over.state, presented(NOBODY, over.state), moment(62_000))) == [Reason.BADGE_WAS_LYING]


def test_the_longest_session_is_warned_of_once():
    state = running()
    assert step(state, TimePassed(), moment(50_999)).effects == ()
    warned = step(state, TimePassed(), moment(51_000))
    assert [type(effect) for effect in warned.effects] == [Flash]
    assert step(warned.state, TimePassed(), moment(51_001)).effects == ()


def test_the_whitelist_may_only_shorten_the_longest_session():
    for limit, expected in ((30, 31_000), (3_600, 61_000), (None, 61_000)):
        verdict = Granted("marie", MARIE, Level.USER, Limits(limit))
        event = Presented(MARIE, fresh=True, verdict=verdict, alone=verdict, session="s1")
        assert step(Idle(RULES), event, moment(1_000)).state.session.longest == expected


def test_taking_the_badge_off_opens_at_once_and_putting_it_back_goes_on():
    off = step(running(at=1_000), Removed(MARIE), moment(11_000))
    assert isinstance(off.state, Leaving)
    assert off.effects == (OpenOutput(),)
    back = step(off.state, presented(MARIE, off.state), moment(14_000))
    assert isinstance(back.state, Running)
    assert back.effects == (CloseOutput(),)
    assert back.state.powered_at(moment(15_000)) == 11_000
    assert back.state.session.id == "s1"


def test_after_the_grace_the_session_ends_with_the_time_that_was_powered():
    off = step(running(at=1_000), Removed(MARIE), moment(11_000)).state
    assert step(off, TimePassed(), moment(15_999)).state == off
    over = step(off, TimePassed(), moment(16_000))
    assert ends(over) == [entries.Ended("s1", "laser", Ending.BADGE_REMOVED, 10_000, "marie")]
    assert isinstance(over.state, Idle)


def test_without_a_grace_taking_the_badge_off_ends_the_session():
    over = step(running(msgspec.structs.replace(RULES, grace=0)), Removed(MARIE), moment(2_000))
    assert [each.why for each in ends(over)] == [Ending.BADGE_REMOVED]


def test_a_lost_reader_is_no_removal_but_is_not_waited_for_for_ever():
    lost = step(running(), ReaderLost("gone"), moment(2_000))
    assert isinstance(lost.state, Running)
    assert not [effect for effect in lost.effects if isinstance(effect, OpenOutput)]
    found = step(lost.state, ReaderFound(), moment(3_000)).state
    seen = step(found, presented(MARIE, found, fresh=False), moment(3_000)).state
    assert step(seen, TimePassed(), moment(30_000)).state == seen
    assert isinstance(step(found, TimePassed(), moment(7_000)).state, Leaving), "found, and no badge there"
    left = step(lost.state, TimePassed(), moment(7_000))
    assert isinstance(left.state, Leaving)
    assert [each.why for each in ends(step(left.state, TimePassed(), moment(12_000)))] == [Ending.READER_LOST]


def test_a_lost_reader_ends_no_tap_session():
    lost = step(running(TAP), ReaderLost("gone"), moment(2_000)).state
    assert isinstance(step(lost, TimePassed(), moment(30_000)).state, Running)


@pytest.mark.parametrize(("badge", "over"), [(MARIE, True), (LAURE, True), (JEAN, False), (NOBODY, False)])
def test_in_tap_mode_the_member_or_a_maintainer_ends_the_session_and_nobody_else(badge, over):
    state = step(running(TAP), Removed(MARIE), moment(2_000)).state
    answer = step(state, presented(badge, state), moment(3_000))
    assert isinstance(answer.state, Idle) is over
    assert [each.by for each in ends(answer)] == ([PEOPLE[badge][0]] if over else [])
    assert refusals(answer) == ([Reason.MACHINE_IN_USE] if badge == JEAN else [])


def test_the_wallets_second_card_does_nothing_while_the_session_runs():
    state = running()
    assert step(state, presented(NOBODY, state), moment()).effects == ()
    assert isinstance(
        step(step(state, presented(NOBODY, state), moment()).state, Removed(NOBODY), moment()).state, Running
    )


def test_a_badge_gone_before_its_commit_came_closes_nothing():
    starting = step(Idle(RULES), presented(MARIE), moment()).state
    gone = step(starting, Removed(MARIE), moment()).state
    over = step(gone, Committed("s1"), moment())
    assert CloseOutput() not in over.effects
    assert [each.powered for each in ends(over)] == [0]


def test_a_lock_waits_for_the_session_and_now_does_not():
    later = step(running(), LockAsked("mirror", "root"), moment(2_000))
    assert isinstance(later.state, Running)
    over = step(later.state, EndAsked("s1", "root"), moment(3_000))
    assert isinstance(over.state, Locked)
    at_once = step(running(), LockAsked("mirror", "root", now=True), moment(2_000))
    assert isinstance(at_once.state, Locked)
    assert isinstance(at_once.effects[0], OpenOutput)
    assert [each.why for each in ends(at_once)] == [Ending.LOCKED]


def test_a_maintainers_session_on_a_locked_machine_locks_it_again():
    locked = step(Idle(RULES), LockAsked("mirror", "root"), moment()).state
    state = step(locked, presented(LAURE), moment()).state
    state = step(state, Committed("s1"), moment()).state
    state = step(state, Removed(LAURE), moment(2_000)).state
    assert isinstance(step(state, TimePassed(), moment(7_000)).state, Locked)


def test_a_fault_latches_until_a_maintainer_or_the_shell_clears_it():
    broken = step(running(), OutputFailed("pin"), moment(2_000))
    assert isinstance(broken.state, Fault)
    assert isinstance(broken.effects[0], OpenOutput)
    assert [each.why for each in ends(broken)] == [Ending.FAULT]
    bare = step(broken.state, Removed(MARIE), moment()).state
    refused = step(bare, presented(MARIE, bare), moment())
    assert refusals(refused) == [Reason.MACHINE_FAULT]
    assert isinstance(step(bare, presented(LAURE, bare), moment()).state, Idle)
    assert isinstance(step(bare, ClearAsked("root"), moment()).state, Idle)


def test_an_output_that_cannot_be_opened_is_not_asked_for_ever():
    broken = step(Idle(RULES), OutputFailed("pin"), moment()).state
    assert step(broken, OutputFailed("pin"), moment()).effects == ()


def test_an_end_names_the_session_it_means():
    state = running()
    assert step(state, EndAsked("another", "root"), moment()).state == state
    assert [each.by for each in ends(step(state, EndAsked("s1", "root"), moment()))] == ["root"]


def test_what_an_earlier_run_left_open_is_closed_at_its_last_heartbeat():
    left = OpenSession("old", "laser", 45_000, "boot-0", 9)
    over = step(Recovering(RULES), Recover((left,)), moment())
    assert ends(over) == [entries.Ended("old", "laser", Ending.INTERRUPTED, 45_000, until=entries.Past("boot-0", 9))]
    assert isinstance(over.state, Idle)
    assert isinstance(step(Recovering(RULES), Recover(locked="mirror"), moment()).state, Locked)


def test_a_reader_lost_while_the_grant_was_written_is_waited_for_no_longer_than_any():
    starting = step(Idle(RULES), presented(MARIE), moment(1_000)).state
    lost = step(starting, ReaderLost("gone"), moment(1_000)).state
    state = step(lost, Committed("s1"), moment(1_000)).state
    assert isinstance(step(state, TimePassed(), moment(6_000)).state, Leaving)


def test_a_reader_that_is_lost_again_and_again_is_told_once_and_not_waited_for_anew():
    lost = step(running(), ReaderLost("gone"), moment(2_000)).state
    again = step(lost, ReaderLost("gone"), moment(6_000))
    assert again.effects == ()
    assert again.state.reader_until == lost.reader_until


def test_a_reader_that_comes_and_goes_without_the_badge_keeps_nothing_closed():
    state = running()
    for at in range(2_000, 20_000, 300):
        state = step(state, ReaderLost("gone"), moment(at)).state
        state = step(state, ReaderFound(), moment(at + 150)).state
        state = step(state, TimePassed(), moment(at + 150)).state
    assert not isinstance(state, Running)


def test_a_badge_that_comes_back_while_no_guard_lives_is_refused_and_no_fault():
    off = step(running(), Removed(MARIE), moment(2_000)).state
    event = msgspec.structs.replace(presented(MARIE, off), guarded=False)
    back = step(off, event, moment(3_000))
    assert isinstance(back.state, Leaving)
    assert refusals(back) == [Reason.NO_GUARD]


def test_a_badge_that_comes_back_after_the_longest_session_ends_it_without_a_pulse():
    off = step(running(), Removed(MARIE), moment(58_000)).state
    back = step(off, presented(MARIE, off), moment(61_000))
    assert CloseOutput() not in back.effects
    assert [each.why for each in ends(back)] == [Ending.LONGEST]


def test_a_badge_that_was_refused_opens_nothing_from_where_it_lies():
    denied = Denied(Reason.NO_GUARD, member="marie", badge=MARIE)
    refused = step(Idle(RULES), Presented(MARIE, True, denied, alone(MARIE), "s1"), moment()).state
    assert refusals(step(refused, presented(NOBODY, refused), moment())) == [Reason.BADGE_WAS_LYING]


SESSIONS = st.sampled_from(["s1", "s2"])
events = st.one_of(
    st.builds(Recover, st.just(()), st.sampled_from(["", "lock"])),
    st.builds(
        lambda badge, fresh, session, several: Presented(
            badge, fresh, Denied(Reason.SEVERAL_BADGES) if several else alone(badge), alone(badge), session
        ),
        st.sampled_from([MARIE, JEAN, LAURE, NOBODY]), st.booleans(), SESSIONS, st.booleans(),
    ),
    st.builds(Removed, st.sampled_from([MARIE, JEAN, LAURE, NOBODY])),
    st.builds(ReaderLost, st.just("x")),
    st.builds(ReaderFound),
    st.builds(Committed, SESSIONS),
    st.builds(CommitFailed, SESSIONS),
    st.builds(TimePassed),
    st.builds(LockAsked, st.just("lock"), st.just("root"), st.booleans()),
    st.builds(UnlockAsked, st.just("root")),
    st.builds(EndAsked, SESSIONS, st.just("root")),
    st.builds(InputClosed, st.sampled_from(["off-button", "lid"])),
    st.builds(OutputFailed, st.sampled_from(["x", "y"])),
    st.builds(ClearAsked, st.just("root")),
    st.builds(Stop),
)  # fmt: skip
rules = st.builds(
    Rules, st.just("laser"), st.sampled_from(Mode), st.sampled_from([0, 5_000]), st.sampled_from([None, 60_000])
)


class Life(RuleBasedStateMachine):
    """Any events in any order: what must hold of the output and of sessions, at every step."""

    @initialize(rules=rules)
    def begin(self, rules):
        self.state = Recovering(rules)
        self.at = 0
        self.closed = False
        self.granted, self.ended, self.withdrawn, self.waiting = set(), [], set(), set()
        self.count = 0

    @rule(event=events, pause=st.sampled_from([0, 1, 1_000, 5_000, 60_000]))
    def happen(self, event, pause):
        self.at += pause
        if isinstance(event, Presented):
            self.count += 1
            event = msgspec.structs.replace(event, session=f"n{self.count}")
        if isinstance(event, EndAsked | CommitFailed) and self.waiting | self.granted:
            event = msgspec.structs.replace(event, session=max(self.waiting | self.granted))
        if isinstance(event, Committed):
            if not self.waiting:
                return
            event = Committed(self.waiting.pop())
            self.granted.add(event.session)
        if isinstance(event, CommitFailed):
            self.waiting.discard(event.session)
        self.feed(event)

    @precondition(lambda self: self.waiting)
    @rule()
    def commit(self):
        session = self.waiting.pop()
        self.granted.add(session)
        self.feed(Committed(session))

    def feed(self, event):
        answer = step(self.state, event, moment(self.at))
        self.state = answer.state
        for effect in answer.effects:
            match effect:
                case CloseOutput():
                    self.closed = True
                case OpenOutput():
                    self.closed = False
                case Commit(entry):
                    self.waiting.add(entry.session)
                case Record(entries.Ended() as entry):
                    assert entry.powered >= 0
                    self.ended.append(entry.session)
                case Record(entries.Withdrawn(session=session)):
                    self.withdrawn.add(session)
                case _:
                    pass

    @invariant()
    def the_output_is_closed_exactly_while_a_session_runs(self):
        if hasattr(self, "state"):
            assert self.closed == isinstance(self.state, Running)
            if self.closed:
                assert self.state.session.id in self.granted
                assert self.state.session.id not in self.ended

    @invariant()
    def every_session_ends_once_and_only_if_it_was_granted(self):
        if hasattr(self, "state"):
            assert len(self.ended) == len(set(self.ended))
            assert set(self.ended) <= self.granted
            open_now = {self.state.session.id} if isinstance(self.state, Running | Leaving) else set()
            assert self.granted == set(self.ended) | self.withdrawn | open_now

    @invariant()
    def a_state_that_waits_waits_for_a_time(self):
        if hasattr(self, "state") and isinstance(self.state, Starting | Leaving):
            assert self.state.wakes is not None


Life.TestCase.settings = settings(max_examples=300, stateful_step_count=40)
TestLife = Life.TestCase


@given(st.lists(events, max_size=30))
def test_no_order_of_events_raises(happened):
    state = Recovering(RULES)
    for number, event in enumerate(happened):
        state = step(state, event, moment(number * 700)).state


def test_a_session_is_what_the_state_carries():
    assert running().session == Session("s1", "marie", MARIE, longest=61_000)
