"""Every row of the table, where no other story passes through it."""

import msgspec
import pytest
from fixed import moment
from stations import (
    AWAITING,
    AWAITING_PIN,
    FAULT,
    JEAN,
    LAURE,
    LEAVING,
    MARIE,
    NOBODY,
    OPEN,
    RESTING,
    RULES,
    STARTING,
    TEACHING,
    TOM,
    alone,
    ends,
    presented,
    refusals,
    running,
)

from controller import station
from controller.station import step
from controller.station.events import (
    ClearAsked,
    CommitFailed,
    Committed,
    EndAsked,
    Flash,
    GroupAsked,
    InputChanged,
    LockAsked,
    OpenSession,
    OutputFailed,
    PartFound,
    PinChecked,
    PinTyped,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    Signal,
    Stop,
    Taught,
    TeachAsked,
    TeachFailed,
    TimePassed,
    UnlockAsked,
)
from controller.station.rules import Does
from controller.station.states import (
    ArmedAction,
    Awaiting,
    AwaitingPin,
    Fault,
    Idle,
    InSession,
    Locked,
    MachineCondition,
    Recovering,
    Resting,
    RunOn,
    Starting,
    Teaching,
)
from protocol import entries
from protocol.access import Denied, Reason
from protocol.entries import Ending

WAITING = [AWAITING, AWAITING_PIN, TEACHING, STARTING]
EVERY = [Recovering(MachineCondition(RULES)), *RESTING, *WAITING, running(), LEAVING, FAULT]
NAMED = {"argvalues": EVERY, "ids": lambda state: type(state).__name__}


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_badge_that_is_taken_away_is_gone(state):
    there = msgspec.structs.replace(
        state, condition=msgspec.structs.replace(state.condition, lying=frozenset({NOBODY}))
    )
    assert step(there, Removed(NOBODY), moment(2_500)).state.condition.lying == frozenset()


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_reader_is_lost_and_found_once(state):
    lost = step(state, ReaderLost("gone"), moment(2_500))
    assert Record(entries.ReaderLost("laser", "gone")) in lost.effects
    assert step(lost.state, ReaderLost("gone"), moment(2_500)).effects == ()
    found = step(lost.state, ReaderFound(), moment(2_500))
    assert found.effects == (Record(entries.ReaderFound("laser")),)
    assert step(found.state, ReaderFound(), moment(2_500)).effects == ()


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_commit_that_nobody_waits_for_is_withdrawn(state):
    assert Record(entries.Withdrawn("late", "laser")) in step(state, Committed("late"), moment(2_500)).effects


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_failed_commit_that_nobody_waits_for_is_nothing(state):
    assert step(state, CommitFailed("late"), moment(2_500)) == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_time_that_nobody_waits_for_is_nothing(state):
    assert step(state, TimePassed(), moment(2_500)) == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_an_end_that_means_another_session_is_nothing(state):
    assert step(state, EndAsked("another", "root"), moment(2_500)) == station.Step(state)


@pytest.mark.parametrize("state", EVERY[1:], ids=lambda state: type(state).__name__)
def test_nothing_recovers_twice(state):
    answer = step(state, Recover((), "another lock"), moment(2_500))
    assert answer.state == state


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_part_that_was_not_missing_is_nothing_when_it_is_found(state):
    assert step(state, PartFound("relay"), moment(2_500)) == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_lock_holds_and_an_unlock_lifts_it(state):
    locked = step(state, LockAsked("mirror", "root"), moment(2_500))
    assert Record(entries.Locked("laser", "mirror", "root")) in locked.effects
    assert locked.state.condition.locked == "mirror"
    assert isinstance(locked.state, InSession) is isinstance(state, InSession)
    lifted = step(locked.state, UnlockAsked("root"), moment(2_500))
    assert Record(entries.Unlocked("laser", "root")) in lifted.effects
    assert lifted.state.condition.locked == ""
    assert step(lifted.state, UnlockAsked("root"), moment(2_500)).effects == ()


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_an_output_that_fails_is_a_fault(state):
    broken = step(state, OutputFailed("driver"), moment(2_500))
    assert isinstance(broken.state, Fault)
    assert "driver" in broken.state.told
    assert Record(entries.FaultLatched("laser", "driver")) in broken.effects
    assert isinstance(state, InSession) is bool(ends(broken))


@pytest.mark.parametrize("state", EVERY[:-1], ids=lambda state: type(state).__name__)
def test_where_there_is_no_fault_there_is_none_to_clear(state):
    assert step(state, ClearAsked("root"), moment(2_500)) == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_a_stop_leaves_nothing_closed(state):
    if isinstance(state, Resting):
        state = step(state, InputChanged("order", active=True), moment(2_400)).state
    stopped = step(state, Stop(), moment(2_500))
    assert stopped.effects[0] == OPEN
    assert stopped.state.condition.armed is None
    assert isinstance(state, InSession) is bool(ends(stopped))
    assert (stopped.state == state) is isinstance(state, Fault)
    assert not isinstance(stopped.state, InSession | Starting | Awaiting | AwaitingPin | RunOn | Recovering)


@pytest.mark.parametrize("state", **NAMED)
def test_in_every_state_an_input_is_known(state):
    told = step(state, InputChanged("smoke", active=True), moment(2_500))
    assert told.state.condition.active == {"smoke"}
    assert step(told.state, InputChanged("smoke", active=True), moment(2_500)) == station.Step(told.state)
    over = step(told.state, InputChanged("smoke", active=False), moment(2_500))
    assert over.state.condition.active == frozenset()
    journalled = [Record(entries.Sensed("laser", "smoke", active)) for active in (True, False)]
    if not isinstance(state, Recovering):
        assert [effect for effect in (*told.effects, *over.effects) if isinstance(effect, Record)] == journalled


@pytest.mark.parametrize("state", EVERY[1:], ids=lambda state: type(state).__name__)
def test_in_every_state_an_emergency_stop_is_a_fault(state):
    assert "stop" in step(state, InputChanged("stop", active=True), moment(2_500)).state.told


@pytest.mark.parametrize("state", **NAMED)
def test_a_group_is_waited_for_where_nobody_is_at_the_machine(state):
    answer = step(state, GroupAsked("school", 12), moment(2_500))
    if isinstance(state, Resting | Teaching):
        assert answer.state.condition.armed is not None
        assert isinstance(answer.state, Resting)
    else:
        assert answer == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_a_class_is_waited_for_where_nobody_is_at_the_machine(state):
    answer = step(state, TeachAsked(), moment(2_500))
    if isinstance(state, Resting):
        assert answer.state.condition.armed == ArmedAction(Does.TEACH, 302_500)
    elif isinstance(state, Teaching):
        assert answer.state.until == 32_500
    else:
        assert answer == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_what_was_given_at_a_reader_is_told_of_while_its_trainer_is_there_and_not_after(state):
    given = step(state, Taught("paul"), moment(2_500))
    failed = step(state, TeachFailed(NOBODY), moment(2_500))
    if isinstance(state, Teaching):
        assert (given.state.count, given.state.last, given.effects) == (1, "paul", (Flash(Signal.GRANTED),))
        assert refusals(failed) == [Reason.NO_STORAGE]
        full = msgspec.structs.replace(state, count=59)
        assert isinstance(step(full, Taught("paul"), moment(2_500)).state, Idle), "no class is larger"
    else:
        assert given == failed == station.Step(state)


@pytest.mark.parametrize("state", **NAMED)
def test_a_pin_is_taken_where_one_is_asked_for_and_nowhere_else(state):
    typed = step(state, PinTyped(3), moment(2_500))
    right = step(state, PinChecked("s1", alone(MARIE)), moment(2_500))
    wrong = step(state, PinChecked("s1", alone(MARIE), Reason.PIN_WRONG), moment(2_500))
    if isinstance(state, AwaitingPin):
        assert (typed.state.typed, typed.state.until, typed.effects) == (3, 22_500, ())
        assert isinstance(right.state, Starting)
        assert refusals(wrong) == [Reason.PIN_WRONG]
        assert (wrong.state.failed, wrong.state.typed, wrong.state.until) == (1, 0, 22_500)
    else:
        assert typed == right == wrong == station.Step(state)


def test_the_wait_for_a_pin_is_prolonged_by_each_key_and_ends_all_the_same():
    state = AWAITING_PIN
    for at in range(2_000, 200_000, 10_000):
        if not isinstance(state, AwaitingPin):
            break
        state = step(step(state, PinTyped(1), moment(at)).state, TimePassed(), moment(at)).state
    assert isinstance(state, Idle)
    assert at == 102_000, "it ended at 92 s"
    nobody = step(AWAITING_PIN, TimePassed(), moment(21_000))
    assert refusals(nobody) == [Reason.PIN_NEEDED]
    assert isinstance(nobody.state, Idle)
    assert nobody.state.condition.to_be_removed == {MARIE}, "the badge has to be presented again"


def test_three_wrong_pins_send_the_badge_away_and_another_reason_does_so_at_once():
    state, wrong = AWAITING_PIN, PinChecked("s1", alone(MARIE), Reason.PIN_WRONG)
    for _ in range(2):
        state = step(state, wrong, moment(2_500)).state
        assert isinstance(state, AwaitingPin)
    assert isinstance(step(state, wrong, moment(2_500)).state, Idle)
    none = step(AWAITING_PIN, PinChecked("s1", alone(MARIE), Reason.PIN_MISSING), moment(2_500))
    assert refusals(none) == [Reason.PIN_MISSING]
    assert isinstance(none.state, Idle)
    late = step(AWAITING_PIN, PinChecked("another", alone(MARIE)), moment(2_500))
    assert late == station.Step(AWAITING_PIN), "it was for another session"


def test_whoever_is_refused_for_a_pin_is_named_with_the_badge_and_what_would_help():
    typed = step(AWAITING_PIN, PinTyped(3), moment(2_000)).state
    again = step(typed, PinChecked("s1", alone(MARIE), Reason.PIN_WRONG), moment(2_500))
    assert again.effects[0] == Record(entries.Refused("laser", Reason.PIN_WRONG, "marie", MARIE))
    assert again.state.typed == 0, "the display shows no stars of the one before"
    later = step(typed, PinChecked("s1", alone(MARIE), Reason.PIN_LATER, "30 s"), moment(2_500))
    assert later.effects[0] == Record(entries.Refused("laser", Reason.PIN_LATER, "marie", MARIE, note="30 s"))


def test_the_verdict_of_the_moment_in_which_the_pin_is_right_counts_for_a_lock_too():
    rules = msgspec.structs.replace(RULES, pin=True)
    asked = step(Idle(MachineCondition(rules)), InputChanged("lock", active=True), moment(1_000)).state
    waits = step(asked, presented(LAURE), moment(2_000)).state
    by = msgspec.structs.replace(alone(LAURE), member="laure-2")
    locked = step(waits, PinChecked("s1", by), moment(3_000))
    assert Record(entries.Locked("laser", "locked at the machine", "laure-2")) in locked.effects


def test_a_start_clears_what_nobody_has_to_clear_and_says_so_once():
    start = Recovering(MachineCondition(RULES))
    cleared = Record(entries.FaultCleared("laser", "loquet"))
    assert step(start, Recover(faults=("driver",)), moment()).effects.count(cleared) == 1
    assert step(start, Recover(faults=("limiter",)), moment()).effects.count(cleared) == 1, "its release clears it"
    assert step(start, Recover(), moment()).effects.count(cleared) == 0
    left = OpenSession("s9", "laser", 1_000, "boot", 1_000)
    both = step(start, Recover((left,), faults=("driver",)), moment())
    assert both.effects.count(cleared) == 1 and len(ends(both)) == 1, "and the session that was cut short is closed"
    latched = step(start, Recover(faults=("driver", "stop")), moment())
    assert latched.effects.count(cleared) == 0 and latched.state.told == "stop", "one is still to be cleared"


def test_a_right_pin_opens_nothing_that_the_list_or_the_machine_forbid_by_now():
    gone = PinChecked("s1", Denied(Reason.BADGE_BLOCKED, "marie", MARIE))
    assert refusals(step(AWAITING_PIN, gone, moment(2_500))) == [Reason.BADGE_BLOCKED]
    unguarded = PinChecked("s1", alone(MARIE), obstacle=Reason.NO_GUARD)
    assert refusals(step(AWAITING_PIN, unguarded, moment(2_500))) == [Reason.NO_GUARD]
    state = step(AWAITING_PIN, InputChanged("chiller", active=True), moment(2_000)).state
    assert refusals(step(state, PinChecked("s1", alone(MARIE)), moment(2_500))) == [Reason.INTERLOCK]


def test_another_badge_while_a_pin_is_asked_for_begins_anew_and_the_same_goes_on():
    typed = step(AWAITING_PIN, PinTyped(3), moment(2_000)).state
    same = step(typed, presented(MARIE, fresh=True, session="s2"), moment(2_500)).state
    assert (same.tap.session, same.typed) == ("s1", 3)
    gone = step(typed, Removed(MARIE), moment(2_200)).state
    other = step(gone, presented(JEAN, session="s2"), moment(2_500)).state
    assert (other.tap.session, other.tap.alone.member, other.typed) == ("s2", "jean", 0)
    lying = step(gone, presented(JEAN, fresh=False, session="s2"), moment(2_500)).state
    assert lying.tap.session == "s1"


def test_what_a_button_said_of_the_badge_still_holds_once_its_pin_is_right():
    rules = msgspec.structs.replace(RULES, pin=True)
    asked = step(Idle(MachineCondition(rules)), InputChanged("lock", active=True), moment(1_000)).state
    waits = step(asked, presented(LAURE), moment(30_000)).state
    assert isinstance(waits, AwaitingPin)
    locked = step(waits, PinChecked("s1", alone(LAURE)), moment(45_000))
    assert isinstance(locked.state, Locked)
    assert isinstance(step(waits, InputChanged("off-button", active=True), moment(31_000)).state, Idle)
    assert isinstance(step(waits, LockAsked("x", "root"), moment(31_000)).state, Locked)


def test_a_machine_that_starts_by_itself_while_a_pin_is_typed_is_a_fault():
    base = msgspec.structs.replace(
        AWAITING_PIN, condition=msgspec.structs.replace(AWAITING_PIN.condition, opened=0), until=60_000, latest=60_000
    )
    state = step(base, InputChanged("running", active=True), moment(2_000)).state
    assert isinstance(step(state, TimePassed(), moment(4_000)).state, Fault)


def test_a_machine_that_is_unlocked_while_its_maintainer_teaches_stays_unlocked_after():
    locked = msgspec.structs.replace(TEACHING, condition=MachineCondition(RULES, locked="mirror"))
    lifted = step(locked, UnlockAsked("root"), moment(2_500))
    assert lifted.effects == (Record(entries.Unlocked("laser", "root")),)
    assert isinstance(step(lifted.state, TimePassed(), moment(31_000)).state, Idle)


@pytest.mark.parametrize("state", RESTING, ids=lambda state: type(state).__name__)
def test_every_button_asks_for_the_next_badge_and_is_forgotten(state):
    for name in ("order", "class", "lock"):
        asked = step(state, InputChanged(name, active=True), moment(2_500)).state
        assert asked.condition.armed.does is asked.rules.input(name).does
        assert step(asked, TimePassed(), moment(32_499)).state == asked
        assert step(asked, TimePassed(), moment(32_500)).state.condition.armed is None


def test_starting_up_refuses_and_the_badge_opens_nothing_after():
    refused = step(Recovering(MachineCondition(RULES)), presented(MARIE), moment())
    assert refusals(refused) == [Reason.STARTING_UP]
    state = step(refused.state, Recover(), moment()).state
    assert refusals(step(state, presented(NOBODY, state), moment())) == [Reason.BADGE_WAS_LYING]


def test_while_a_grant_is_written_a_further_badge_only_lies_there():
    answer = step(STARTING, presented(JEAN, STARTING), moment())
    assert (answer.state.condition.lying, answer.effects) == ({MARIE, JEAN}, ())


def test_an_end_from_the_shell_withdraws_a_start():
    assert isinstance(step(STARTING, EndAsked("s1", "root"), moment()).state, Idle)


def test_an_end_from_the_shell_cuts_the_grace():
    assert [each.why for each in ends(step(LEAVING, EndAsked("s1", "root"), moment(2_500)))] == [Ending.REMOTE]


def test_a_wait_on_a_locked_machine_is_unlocked_like_any():
    locked = msgspec.structs.replace(AWAITING, condition=msgspec.structs.replace(AWAITING.condition, locked="mirror"))
    lifted = step(locked, UnlockAsked("root"), moment(2_500))
    assert isinstance(lifted.state, Awaiting)
    assert lifted.state.condition.locked == ""


def test_a_wait_for_a_pin_on_a_locked_machine_is_unlocked_like_any():
    condition = msgspec.structs.replace(AWAITING_PIN.condition, locked="mirror")
    lifted = step(msgspec.structs.replace(AWAITING_PIN, condition=condition), UnlockAsked("root"), moment(2_500))
    assert lifted.effects == (Record(entries.Unlocked("laser", "root")),)
    assert isinstance(lifted.state, AwaitingPin)


def test_a_lock_now_withdraws_a_start_and_a_wait():
    assert isinstance(step(STARTING, LockAsked("x", "root", now=True), moment()).state, Locked)
    assert isinstance(step(STARTING, LockAsked("x", "root"), moment()).state, Starting)
    assert isinstance(step(AWAITING, LockAsked("x", "root"), moment()).state, Locked)


def test_an_interlock_that_opens_while_the_grant_is_written_withdraws_it():
    answer = step(STARTING, InputChanged("chiller", active=True), moment())
    assert refusals(answer) == [Reason.INTERLOCK]
    assert isinstance(answer.state, Idle)


def test_the_off_button_ends_a_wait_for_a_second_badge():
    assert isinstance(step(AWAITING, InputChanged("off-button", active=True), moment()).state, Idle)


def test_an_interlock_that_opens_during_the_wait_refuses_both():
    state = step(AWAITING, InputChanged("chiller", active=True), moment(2_000)).state
    answer = step(state, presented(TOM, state), moment(3_000))
    assert refusals(answer) == [Reason.INTERLOCK]
    assert isinstance(answer.state, Idle)


def test_a_machine_that_starts_by_itself_during_the_wait_is_a_fault():
    base = msgspec.structs.replace(
        AWAITING, condition=msgspec.structs.replace(AWAITING.condition, opened=0), until=60_000
    )
    state = step(base, InputChanged("running", active=True), moment(2_000)).state
    assert isinstance(step(state, TimePassed(), moment(4_000)).state, Fault)


def test_in_a_fault_a_machine_that_runs_on_is_one_more_cause_and_told_once():
    base = msgspec.structs.replace(FAULT, condition=msgspec.structs.replace(FAULT.condition, opened=0, used=True))
    state = step(base, InputChanged("running", active=True), moment(0)).state
    state = step(state, TimePassed(), moment(2_000)).state
    assert state.told == "pin, welded"
    assert state.wakes is None
