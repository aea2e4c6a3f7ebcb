"""Any events in any order: what must hold of the outputs and of sessions, at every step."""

import msgspec
from fixed import moment
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from stations import INPUTS, NOBODY, PEOPLE, alone

from controller.station import step
from controller.station.events import (
    ClearAsked,
    Commit,
    CommitFailed,
    Committed,
    EndAsked,
    GroupAsked,
    InputChanged,
    LockAsked,
    OutputFailed,
    PinChecked,
    PinTyped,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    Stop,
    Switch,
    TimePassed,
    UnlockAsked,
)
from controller.station.rules import Mode, Rules
from controller.station.states import (
    MACHINE,
    Awaiting,
    AwaitingPin,
    InSession,
    Leaving,
    MachineCondition,
    Recovering,
    Resting,
    Running,
    RunOn,
    Starting,
)
from protocol import entries
from protocol.access import Denied, Reason

SESSIONS = st.sampled_from(["s1", "s2"])
events = st.one_of(
    st.builds(Recover, st.just(()), st.sampled_from(["", "lock"])),
    st.builds(
        lambda badge, fresh, session, several, obstacle: Presented(
            badge, fresh, Denied(Reason.SEVERAL_BADGES) if several else alone(badge), alone(badge), session, obstacle
        ),
        st.sampled_from([*PEOPLE, NOBODY]),
        st.sampled_from([True, True, True, False]),
        SESSIONS,
        st.sampled_from([False, False, False, True]),
        st.sampled_from([None, None, None, Reason.NO_GUARD]),
    ),
    st.builds(Removed, st.sampled_from([*PEOPLE, NOBODY])),
    st.builds(ReaderLost, st.just("x")),
    st.builds(ReaderFound),
    st.builds(Committed, SESSIONS),
    st.builds(CommitFailed, SESSIONS),
    st.builds(TimePassed),
    st.builds(LockAsked, st.just("lock"), st.just("root"), st.booleans()),
    st.builds(UnlockAsked, st.just("root")),
    st.builds(EndAsked, SESSIONS, st.just("root")),
    st.builds(InputChanged, st.sampled_from([rule.name for rule in INPUTS]), st.booleans()),
    st.builds(GroupAsked, st.just("school"), st.sampled_from([None, 12])),
    st.builds(OutputFailed, st.sampled_from(["x", "y"])),
    st.builds(ClearAsked, st.just("root")),
    st.builds(PinTyped, st.integers(0, 8)),
    st.builds(
        lambda badge, lacks: PinChecked("?", alone(badge), lacks),
        st.sampled_from([*PEOPLE, NOBODY]),
        st.sampled_from([None, None, Reason.PIN_WRONG, Reason.PIN_MISSING]),
    ),
    st.builds(Stop),
)
rules = st.builds(
    Rules,
    st.just("laser"),
    st.sampled_from(Mode),
    st.just(frozenset({MACHINE, "beam", "fan"})),
    st.just(INPUTS),
    grace=st.sampled_from([0, 5_000]),
    longest=st.sampled_from([None, 60_000]),
    period=st.just(30_000),
    idle=st.sampled_from([None, 20_000]),
    warning=st.just(5_000),
    coast_down=st.sampled_from([0, 4_000]),
    wait_for_rest=st.sampled_from([0, 60_000]),
    shortest_off=st.sampled_from([0, 3_000]),
    run_on=st.sampled_from([(), (("fan", 10_000),)]),
    supervised=st.booleans(),
    buddy=st.booleans(),
    takeover=st.booleans(),
    pin=st.sampled_from([False, False, True]),
)


class Life(RuleBasedStateMachine):
    """Any events in any order: what must hold of the outputs and of sessions, at every step."""

    @initialize(rules=rules)
    def begin(self, rules):
        self.state = Recovering(MachineCondition(rules))
        self.at = 0
        self.closed = frozenset()
        self.granted, self.ended, self.withdrawn, self.waiting = set(), [], set(), set()
        self.count = 0

    @rule(event=events, pause=st.sampled_from([0, 1, 1_000, 5_000, 60_000]))
    def happen(self, event, pause):
        self.at += pause
        if isinstance(event, Presented):
            self.count += 1
            event = msgspec.structs.replace(event, session=f"n{self.count}")
        if isinstance(event, PinChecked) and isinstance(self.state, AwaitingPin):
            event = msgspec.structs.replace(event, session=self.state.tap.session)
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
        before = self.state
        answer = step(self.state, event, moment(self.at))
        self.state = answer.state
        for effect in answer.effects:
            match effect:
                case Switch(closed):
                    assert effect is answer.effects[0], "whatever switches comes first"
                    self.closed = closed
                case Commit(entry):
                    self.waiting.add(entry.session)
                case Record(entries.Ended() as entry):
                    assert entry.powered >= 0
                    assert entry.busy is None or 0 <= entry.busy <= entry.powered
                    self.ended.append(entry.session)
                case Record(entries.Withdrawn(session=session)):
                    self.withdrawn.add(session)
                case _:
                    pass
        if isinstance(event, Presented) and isinstance(before, Resting) and isinstance(answer.state, Resting):
            assert answer.effects, "a badge that opens nothing is told so"

    @invariant()
    def the_machine_is_on_exactly_while_a_session_runs(self):
        if hasattr(self, "state"):
            assert (MACHINE in self.closed) == isinstance(self.state, Running | Leaving)
            if MACHINE in self.closed:
                assert self.state.session.id in self.granted
                assert self.state.session.id not in self.ended

    @invariant()
    def nothing_is_closed_under_an_input_that_forbids_it(self):
        if hasattr(self, "state"):
            active = self.state.condition.active
            assert "lid" not in active or "beam" not in self.closed
            if active & {"off-button", "stop", "limiter"}:
                assert MACHINE not in self.closed

    @invariant()
    def beside_a_session_only_what_runs_on_is_closed(self):
        if hasattr(self, "state") and not isinstance(self.state, InSession):
            assert self.closed <= {name for name, _until in self.state.condition.running_on}

    @invariant()
    def every_session_ends_once_and_only_if_it_was_granted(self):
        if hasattr(self, "state"):
            assert len(self.ended) == len(set(self.ended))
            assert set(self.ended) <= self.granted
            open_now = {self.state.session.id} if isinstance(self.state, InSession) else set()
            assert self.granted == set(self.ended) | self.withdrawn | open_now

    @invariant()
    def a_state_that_waits_waits_for_a_time_and_no_longer(self):
        if not hasattr(self, "state"):
            return
        if isinstance(self.state, Starting | Leaving | Awaiting | AwaitingPin | RunOn):
            assert self.state.wakes is not None
        for _turn in range(10):  # whatever is due is done once: nothing wakes for ever
            if self.state.wakes is None or self.state.wakes > self.at:
                return
            self.feed(TimePassed())
        raise AssertionError(f"{self.state} wakes for ever")


Life.TestCase.settings = settings(max_examples=300, stateful_step_count=40)
TestLife = Life.TestCase


@given(st.lists(events, max_size=30), rules)
def test_no_order_of_events_raises(happened, rules):
    state = Recovering(MachineCondition(rules))
    for number, event in enumerate(happened):
        state = step(state, event, moment(number * 700)).state
