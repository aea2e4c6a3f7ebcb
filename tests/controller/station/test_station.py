"""The station's table: pure, total, and what single rows do. Whole sessions are in tests/controller/runtime/."""

import msgspec
import pytest
from fixed import moment
from stations import (
    CLOSED,
    FAULT,
    JEAN,
    LAURE,
    MARIE,
    NOBODY,
    OPEN,
    PEOPLE,
    RULES,
    STARTING,
    TAP,
    TOM,
    ends,
    idle,
    presented,
    refusals,
    running,
)

from controller import station
from controller.station import step
from controller.station.beginnings import COMMIT_MS
from controller.station.events import (
    AnyEvent,
    ClearAsked,
    Commit,
    CommitFailed,
    Committed,
    EndAsked,
    Flash,
    InputChanged,
    LockAsked,
    OpenSession,
    OutputFailed,
    PartFound,
    Presented,
    ReaderFound,
    ReaderLost,
    Record,
    Recover,
    Removed,
    Signal,
    Stop,
    Switch,
    TimePassed,
)
from controller.station.rules import Clears, Does, InputRule
from controller.station.states import (
    MACHINE,
    Fault,
    Idle,
    InSession,
    Leaving,
    Locked,
    MachineCondition,
    Recovering,
    Resting,
    Running,
    Session,
    Starting,
    State,
)
from protocol import entries
from protocol.access import Denied, Granted, Limits, Reason
from protocol.entries import Ending
from protocol.rows import Level


def test_every_state_answers_every_event():
    kinds = {State, Resting, InSession}
    assert set(station.ROWS) == {each for kind in kinds for each in kind.__subclasses__()} - kinds
    for rows in station.ROWS.values():
        assert set(rows) == set(AnyEvent.__args__)


def test_every_row_says_what_it_does():
    for rows in station.ROWS.values():
        assert all(row.__doc__ for row in rows.values())


def test_the_page_is_the_table():
    from states import PAGE, render

    assert PAGE.read_text(encoding="utf-8") == render(), "run: make states"


def test_a_grant_is_committed_before_the_output_closes():
    asked = step(idle(), presented(MARIE), moment())
    assert isinstance(asked.state, Starting)
    assert [type(effect) for effect in asked.effects] == [Commit]
    done = step(asked.state, Committed("s1"), moment())
    assert isinstance(done.state, Running)
    assert done.effects[0] == CLOSED


def test_what_opens_opens_before_anybody_is_told():
    for event in (EndAsked("s1", "root"), InputChanged("off-button", active=True), InputChanged("stop", active=True)):
        assert step(running(), event, moment(2_000)).effects[0] == OPEN
    assert step(running(), LockAsked("x", "root", now=True), moment(2_000)).effects[0] == OPEN
    assert step(running(), OutputFailed("pin"), moment(2_000)).effects[0] == OPEN
    assert step(running(), Stop(), moment(2_000)).effects[0] == OPEN


def test_the_off_button_ends_a_session_and_what_only_tells_does_not():
    state = running()
    assert isinstance(step(state, InputChanged("smoke", active=True), moment(3_000)).state, Running)
    pressed = step(state, InputChanged("off-button", active=True), moment(3_000))
    assert [(each.why, each.powered, each.by) for each in ends(pressed)] == [(Ending.INPUT, 2_000, None)]
    assert isinstance(pressed.state, Idle)
    assert pressed.state.condition.to_be_removed == {
        MARIE
    }  # the badge that lies there opens nothing until it is taken away


def test_the_off_button_ends_the_grace_and_withdraws_a_start():
    leaving = step(running(), Removed(MARIE), moment(3_000)).state
    pressed = step(leaving, InputChanged("off-button", active=True), moment(3_500))
    assert [each.why for each in ends(pressed)] == [Ending.INPUT]
    starting = step(idle(), presented(MARIE), moment()).state
    state = step(starting, InputChanged("off-button", active=True), moment()).state
    late = step(state, Committed("s1"), moment())
    assert late.effects == (Record(entries.Withdrawn("s1", "laser")),)


def test_a_commit_that_fails_or_comes_too_late_closes_nothing_and_gives_the_lease_back():
    starting = step(idle(), presented(MARIE), moment(1_000)).state
    for event, at in ((CommitFailed("s1"), 1_000), (TimePassed(), 1_000 + COMMIT_MS)):
        refused = step(starting, event, moment(at))
        assert isinstance(refused.state, Idle)
        assert refused.effects[0] == OPEN
        assert refusals(refused) == [Reason.NO_STORAGE]
        late = step(refused.state, Committed("s1"), moment(at))
        assert late.effects == (Record(entries.Withdrawn("s1", "laser")),)


@pytest.mark.parametrize("event", [CommitFailed("another"), TimePassed(), EndAsked("another", "root")])
def test_what_means_another_grant_or_comes_early_leaves_a_start_alone(event):
    starting = step(idle(), presented(MARIE), moment(1_000)).state
    assert step(starting, event, moment(1_000 + COMMIT_MS - 1)).state == starting


def test_the_commit_of_another_session_closes_nothing():
    starting = step(idle(), presented(MARIE), moment()).state
    answer = step(starting, Committed("another"), moment())
    assert (answer.state, answer.effects) == (starting, (Record(entries.Withdrawn("another", "laser")),))


def test_a_badge_that_was_lying_opens_nothing_until_it_is_presented_again():
    lying = step(idle(), presented(MARIE, fresh=False), moment())
    assert refusals(lying) == [Reason.BADGE_WAS_LYING]
    other = step(lying.state, presented(NOBODY, lying.state), moment())
    assert refusals(other) == [Reason.BADGE_WAS_LYING]
    taken = step(other.state, Removed(MARIE), moment())
    assert isinstance(step(taken.state, presented(MARIE, taken.state), moment()).state, Starting)


def test_the_badge_that_lies_there_after_the_longest_session_opens_nothing():
    over = step(running(), TimePassed(), moment(61_000))
    assert [each.why for each in ends(over)] == [Ending.LONGEST]
    assert refusals(step(over.state, presented(NOBODY, over.state), moment(62_000))) == [Reason.BADGE_WAS_LYING]


def test_a_warning_is_given_once_for_each_end():
    state = running()
    assert step(state, TimePassed(), moment(50_999)).effects == ()
    warned = step(state, TimePassed(), moment(51_000))
    assert len(warned.effects) == 1
    assert step(warned.state, TimePassed(), moment(51_001)).effects == ()


def test_the_whitelist_may_only_shorten_the_longest_session():
    for limit, expected in ((30, 31_000), (3_600, 61_000), (None, 61_000)):
        verdict = Granted("marie", MARIE, Level.USER, Limits(limit))
        event = Presented(MARIE, fresh=True, verdict=verdict, alone=verdict, session="s1")
        assert step(idle(), event, moment(1_000)).state.session.longest == expected


def test_an_obstacle_of_the_whole_controller_is_told_and_opens_nothing():
    event = msgspec.structs.replace(presented(MARIE), obstacle=Reason.NO_GUARD)
    refused = step(idle(), event, moment())
    assert refusals(refused) == [Reason.NO_GUARD]
    assert refusals(step(refused.state, presented(NOBODY, refused.state), moment())) == [Reason.BADGE_WAS_LYING]


def test_the_longest_session_is_not_taken_back_by_the_badge():
    waits = msgspec.structs.replace(TAP, wait_for_rest=60_000)
    state = step(running(waits), InputChanged("running", active=True), moment(2_000)).state
    leaving = step(state, TimePassed(), moment(61_000)).state
    assert isinstance(leaving, Leaving)
    assert isinstance(step(leaving, presented(MARIE, leaving), moment(62_000)).state, Leaving)


def test_a_lost_reader_is_no_removal_but_is_not_waited_for_for_ever():
    lost = step(running(), ReaderLost("gone"), moment(2_000))
    assert isinstance(lost.state, Running)
    found = step(lost.state, ReaderFound(), moment(3_000)).state
    seen = step(found, presented(MARIE, found, fresh=False), moment(3_000)).state
    assert step(seen, TimePassed(), moment(30_000)).state == seen
    assert isinstance(step(found, TimePassed(), moment(7_000)).state, Idle), "found, and no badge there"
    left = step(lost.state, TimePassed(), moment(7_000))
    assert [each.why for each in ends(left)] == [Ending.READER_LOST]


def test_a_lost_reader_ends_no_tap_session():
    lost = step(running(TAP), ReaderLost("gone"), moment(2_000)).state
    assert isinstance(step(lost, TimePassed(), moment(30_000)).state, Running)


def test_a_reader_that_comes_and_goes_without_the_badge_keeps_nothing_closed():
    state = running()
    for at in range(2_000, 20_000, 300):
        state = step(state, ReaderLost("gone"), moment(at)).state
        state = step(state, ReaderFound(), moment(at + 150)).state
        state = step(state, TimePassed(), moment(at + 150)).state
    assert not isinstance(state, Running)


def test_a_reader_lost_while_the_grant_was_written_is_waited_for_no_longer_than_any():
    starting = step(idle(), presented(MARIE), moment(1_000)).state
    lost = step(starting, ReaderLost("gone"), moment(1_000)).state
    state = step(lost, Committed("s1"), moment(1_000)).state
    assert isinstance(step(state, TimePassed(), moment(6_000)).state, Idle)


def test_a_reader_that_is_lost_again_and_again_is_told_once_and_not_waited_for_anew():
    lost = step(running(), ReaderLost("gone"), moment(2_000)).state
    again = step(lost, ReaderLost("gone"), moment(6_000))
    assert again.effects == ()
    assert again.state.reader_until == lost.reader_until


@pytest.mark.parametrize(("badge", "over"), [(MARIE, True), (LAURE, True), (TOM, True), (JEAN, False), (NOBODY, False)])
def test_in_tap_mode_the_member_a_trainer_or_a_maintainer_ends_the_session_and_nobody_else(badge, over):
    state = step(running(TAP), Removed(MARIE), moment(2_000)).state
    answer = step(state, presented(badge, state), moment(3_000))
    assert isinstance(answer.state, Idle) is over
    assert [each.by for each in ends(answer)] == ([PEOPLE[badge][0]] if over else [])
    assert refusals(answer) == ([Reason.MACHINE_IN_USE] if badge == JEAN else [])


def test_a_members_second_badge_holds_the_session():
    def second(state):
        verdict = Granted("marie", JEAN, Level.USER)
        return step(state, Presented(JEAN, True, verdict, verdict, "s2"), moment(2_000)).state

    state = second(running())
    assert state.session.badge == MARIE
    other = step(state, Removed(MARIE), moment(2_500)).state
    assert (type(other), other.session.badge) == (Running, JEAN)
    gone = step(other, Removed(JEAN), moment(2_600)).state
    assert isinstance(gone, Leaving)
    assert isinstance(second(gone), Running)


def test_a_badge_gone_before_its_commit_came_closes_nothing():
    starting = step(idle(), presented(MARIE), moment()).state
    gone = step(starting, Removed(MARIE), moment()).state
    over = step(gone, Committed("s1"), moment())
    assert CLOSED not in over.effects
    assert [each.powered for each in ends(over)] == [0]


def test_a_fault_latches_until_a_maintainer_or_the_shell_clears_it():
    broken = step(running(), OutputFailed("pin"), moment(2_000))
    assert isinstance(broken.state, Fault)
    assert [each.why for each in ends(broken)] == [Ending.FAULT]
    bare = step(broken.state, Removed(MARIE), moment()).state
    refused = step(bare, presented(MARIE, bare), moment())
    assert refusals(refused) == [Reason.MACHINE_FAULT]
    assert isinstance(step(bare, presented(LAURE, bare), moment()).state, Idle)
    assert isinstance(step(bare, ClearAsked("root"), moment()).state, Idle)


def test_every_cause_of_a_fault_has_to_be_cleared_by_whoever_may():
    state = step(idle(), InputChanged("stop", active=True), moment()).state
    state = step(state, OutputFailed("pin"), moment()).state
    state = step(state, InputChanged("limiter", active=True), moment()).state
    assert state.told == "stop, pin, limiter"
    state = step(state, InputChanged("stop", active=False), moment()).state
    state = step(state, presented(MARIE), moment()).state
    assert isinstance(state, Fault), "the pin takes a maintainer"
    state = step(step(state, Removed(MARIE), moment()).state, presented(LAURE), moment()).state
    assert isinstance(state, Fault), "the limiter is not released"
    state = step(state, InputChanged("limiter", active=False), moment()).state
    assert state.told == "stop, pin"
    state = step(step(state, Removed(LAURE), moment()).state, presented(LAURE), moment()).state
    assert isinstance(state, Idle)


def test_an_output_that_cannot_be_opened_is_not_asked_for_ever():
    broken = step(idle(), OutputFailed("pin"), moment()).state
    assert step(broken, OutputFailed("pin"), moment()).effects == ()


def test_what_an_earlier_run_left_open_is_closed_at_its_last_heartbeat():
    left = OpenSession("old", "laser", 45_000, "boot-0", 9)
    over = step(Recovering(MachineCondition(RULES)), Recover((left,)), moment())
    assert ends(over) == [entries.Ended("old", "laser", Ending.INTERRUPTED, 45_000, until=entries.Past("boot-0", 9))]
    assert over.effects[0] == OPEN
    assert isinstance(over.state, Idle)
    assert isinstance(step(Recovering(MachineCondition(RULES)), Recover(locked="mirror"), moment()).state, Locked)


def test_a_session_resumes_only_where_its_output_was_found_closed_by_a_station_that_resumes_on_the_same_boot():
    resumes = msgspec.structs.replace(TAP, resumes=True)
    kept = frozenset({MACHINE})
    left = OpenSession("old", "laser", 45_000, "boot-1", 9, member="marie", badge=MARIE, longest=60_000)
    for rules, closed, boot, goes_on in (
        (resumes, kept, "boot-1", True),
        (resumes, frozenset(), "boot-1", False),
        (resumes, kept, "boot-0", False),
        (TAP, kept, "boot-1", False),
    ):
        session = msgspec.structs.replace(left, boot=boot)
        answer = step(Recovering(MachineCondition(rules), kept=closed), Recover((session,)), moment(20_000))
        assert isinstance(answer.state, Running) is goes_on
        assert answer.effects[0] == (CLOSED if goes_on else OPEN)
    assert (
        step(Recovering(MachineCondition(resumes), kept=kept), Recover((left,)), moment(20_000)).state.powered_at(
            moment(20_000)
        )
        == 45_000 + 20_000 - 9
    )


def test_of_two_sessions_left_open_the_last_goes_on():
    resumes = msgspec.structs.replace(TAP, resumes=True)
    left = [OpenSession(name, "laser", 0, "boot-1", 9, member="marie", badge=MARIE) for name in ("old", "new")]
    answer = step(
        Recovering(MachineCondition(resumes), kept=frozenset({MACHINE})), Recover(tuple(left)), moment(20_000)
    )
    assert answer.state.session.id == "new"
    assert [each.session for each in ends(answer)] == ["old"]


# --- what mutants showed that nobody had said ---

WAITS = msgspec.structs.replace(TAP, wait_for_rest=60_000, takeover=True, run_on=(("fan", 9_000),))


def test_a_tap_out_at_rest_waits_for_nothing():
    state = step(running(WAITS), Removed(MARIE), moment(2_000)).state
    assert [each.why for each in ends(step(state, presented(MARIE, state), moment(3_000)))] == [Ending.BADGE_TAPPED]


def test_a_takeover_opens_everything_tells_the_end_and_commits_the_next():
    state = step(running(WAITS), Removed(MARIE), moment(2_000)).state
    answer = step(state, presented(JEAN, state, session="s2"), moment(3_000))
    assert [type(effect) for effect in answer.effects] == [Switch, Record, Commit]
    assert answer.effects[0] == OPEN
    assert answer.state.condition.running_on == ()


def test_a_stop_leaves_nothing_to_run_on():
    stopped = step(running(WAITS), Stop(), moment(2_000))
    assert isinstance(stopped.state, Idle)
    assert stopped.state.condition.running_on == ()


def test_a_lost_reader_warns_and_is_waited_for_five_seconds_or_the_grace():
    lost = step(running(), ReaderLost("gone"), moment(2_000))
    assert lost.state.reader_until == 7_000
    assert Flash(Signal.WARNING) in lost.effects


def test_a_button_is_answered_by_the_light():
    assert Flash(Signal.AWAITING) in step(idle(), InputChanged("class", active=True), moment()).effects


def test_a_condition_that_settles_does_not_count_when_another_changes():
    state = step(running(TAP), InputChanged("flow", active=True), moment(1_500)).state
    assert isinstance(state, Running)
    assert isinstance(step(state, InputChanged("smoke", active=True), moment(2_000)).state, Running)
    assert [each.why for each in ends(step(state, TimePassed(), moment(4_000)))] == [Ending.INPUT]
    leaving = step(
        step(running(), InputChanged("flow", active=True), moment(1_500)).state, Removed(MARIE), moment(2_000)
    )
    assert [each.why for each in ends(step(leaving.state, TimePassed(), moment(4_000)))] == [Ending.INPUT]


def test_a_badge_that_only_lies_there_ends_no_tap_session():
    state = running(TAP)
    answer = step(state, presented(MARIE, state, fresh=False), moment(2_000))
    assert isinstance(answer.state, Running)
    assert answer.effects == ()


def test_a_badge_back_after_the_longest_session_takes_nothing_back():
    leaving = step(running(), Removed(MARIE), moment(58_000)).state
    for at in (61_000, 61_500):
        assert isinstance(step(leaving, presented(MARIE, leaving), moment(at)).state, Leaving)
    assert isinstance(step(leaving, presented(MARIE, leaving), moment(60_999)).state, Running)


def test_a_resumed_session_is_held_by_whichever_badge_of_the_member_lies_there():
    resumes = msgspec.structs.replace(RULES, resumes=True, longest=None)
    left = OpenSession("old", "laser", 0, "boot-1", 9, member="marie", badge=MARIE)
    state = step(
        Recovering(MachineCondition(resumes), kept=frozenset({MACHINE})), Recover((left,)), moment(20_000)
    ).state
    assert state.session.badge == MARIE
    verdict = Granted("marie", JEAN, Level.USER)
    state = step(state, Presented(JEAN, False, verdict, verdict, "s2"), moment(21_000)).state
    assert state.session.badge == JEAN
    assert isinstance(step(state, Removed(JEAN), moment(22_000)).state, Leaving)


def test_a_machine_that_runs_at_the_restart_ran_all_the_time_and_one_that_does_not_was_not_busy():
    resumes = msgspec.structs.replace(TAP, resumes=True)
    left = OpenSession("old", "laser", 5_000, "boot-1", 10_000, member="marie", badge=MARIE)
    found = Recovering(MachineCondition(resumes), kept=frozenset({MACHINE}))
    runs = step(found, InputChanged("running", active=True), moment(19_000)).state
    assert step(runs, Recover((left,)), moment(20_000)).state.busy_at(moment(21_000)) == 11_000
    assert step(found, Recover((left,)), moment(20_000)).state.busy_at(moment(21_000)) == 0


def test_what_was_cut_short_keeps_its_busy_time():
    left = OpenSession("old", "laser", 45_000, "boot-0", 9, 7)
    assert ends(step(Recovering(MachineCondition(RULES)), Recover((left,)), moment()))[0].busy == 7


def test_a_missing_part_in_a_fault_is_cleared_by_nobody_and_a_guard_by_anybody():
    missing = step(FAULT, OutputFailed("driver", for_good=True), moment()).state
    assert step(missing, ClearAsked("root"), moment()).state.told == "driver"
    guard = step(step(idle(), OutputFailed("x", Clears.USER), moment()).state, OutputFailed("y", Clears.USER), moment())
    assert isinstance(step(guard.state, presented(MARIE), moment()).state, Idle)


def test_a_part_that_is_found_takes_its_own_cause_away_and_no_other():
    missing = step(
        step(FAULT, OutputFailed("relay", for_good=True), moment()).state, OutputFailed("stop", for_good=True), moment()
    )
    found = step(missing.state, PartFound("relay"), moment())
    assert found.effects == ()
    assert {cause.what for cause in found.state.causes} == {"pin", "stop"}
    assert step(found.state, PartFound("pin"), moment()).state == found.state, (
        "what failed in its work is cleared by people"
    )
    alone = step(step(idle(), OutputFailed("relay", for_good=True), moment()).state, PartFound("relay"), moment())
    assert isinstance(alone.state, Idle)
    assert alone.effects == (Record(entries.FaultCleared("laser", "loquet")),)


def test_whoever_clears_a_fault_is_named_and_a_release_by_its_input():
    assert step(FAULT, ClearAsked("root"), moment()).effects == (Record(entries.FaultCleared("laser", "root")),)
    state = step(idle(), InputChanged("limiter", active=True), moment()).state
    released = step(state, InputChanged("limiter", active=False), moment())
    assert released.effects == (Record(entries.FaultCleared("laser", "limiter")),)


def test_a_refusal_in_a_fault_says_what_is_out_of_order():
    answer = step(FAULT, presented(MARIE), moment())
    entry = answer.effects[0].entry
    assert (entry.reason, entry.note, entry.member, entry.badge) == (Reason.MACHINE_FAULT, "pin", "marie", MARIE)


def test_a_refusal_without_more_to_say_says_no_more_and_names_the_badge():
    state = running(TAP)
    entry = step(state, presented(JEAN, state), moment()).effects[0].entry
    assert (entry.reason, entry.note, entry.member, entry.badge) == (Reason.MACHINE_IN_USE, "", "jean", JEAN)
    day = Denied(Reason.TRAINING_EXPIRED, "jean", JEAN, ("laser",), moment().today)
    expired = step(idle(), Presented(JEAN, True, day, day, "s1"), moment())
    assert expired.effects[0].entry.day == moment().today


def test_a_fault_that_counts_only_while_the_machine_is_on_can_be_cleared_while_it_holds():
    flow = InputRule("flow", Does.FAULT, settle=1_000, clears=Clears.USER)
    state = step(
        running(msgspec.structs.replace(TAP, inputs=(flow,))), InputChanged("flow", active=True), moment(5_000)
    )
    bare = step(state.state, Removed(MARIE), moment(6_000)).state
    assert isinstance(step(bare, presented(MARIE), moment(6_000)).state, Idle)


def test_a_lock_now_names_who_cut_and_a_start_that_it_withdraws_is_journalled():
    cut = step(running(), LockAsked("x", "root", now=True), moment(2_000))
    assert [each.by for each in ends(cut)] == ["root"]
    withdrawn = step(STARTING, LockAsked("x", "root", now=True), moment())
    assert Record(entries.Locked("laser", "x", "root")) in withdrawn.effects


def test_a_fault_makes_old_what_lies_there_and_forgets_what_a_button_said():
    state = step(idle(), InputChanged("class", active=True), moment()).state
    state = step(state, presented(NOBODY), moment()).state
    lying = msgspec.structs.replace(
        state, condition=msgspec.structs.replace(state.condition, to_be_removed=frozenset())
    )
    broken = step(lying, OutputFailed("pin"), moment()).state
    assert (broken.condition.to_be_removed, broken.condition.armed) == ({NOBODY}, None)


def test_a_session_is_what_the_state_carries():
    assert running().session == Session("s1", "marie", MARIE, longest=61_000)
