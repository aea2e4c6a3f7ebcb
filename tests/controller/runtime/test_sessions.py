"""Every way a machine is really used, through the shipped loop, writer and journal on a virtual clock.

The names say what users of such systems asked for, and what hurt them.
"""

import pytest
from workshop import PLAIN, ClearAsked, EndAsked, GroupAsked, Workshop

from controller.station.events import Signal
from drivers.contracts import Card
from protocol.entries import Purpose

RUNNING = 'running = { driver = "gpio", pin = 5, does = "running" }'
STOP = 'emergency-stop = { driver = "gpio", pin = 6, does = "fault", normally_closed = true }'


def machine(extra="", inputs=(), outputs=()):
    """A station's settings: one line each, and tables of inputs and outputs."""
    lines = [PLAIN, extra]
    lines += [f"inputs = {{ {', '.join(inputs)} }}"] if inputs else []
    lines += [f"outputs = {{ {', '.join(outputs)} }}"] if outputs else []
    return "\n".join(lines)


TAP = 'mode = "tap"\nlongest = "4 h"'
EXTRACTOR = 'extractor = { driver = "gpio", pin = 27 }'
BEAM = 'beam = { driver = "gpio", pin = 22 }'


# --- modes ---


def test_presence_the_power_lasts_as_long_as_the_badge_lies_there_and_a_grace():
    with Workshop(grace="5 s") as w:
        w.lay("marie")
        w.wait(60)
        w.take("marie")
        assert w.closed(), "acnode-cl#19: a badge that slips in mid-cut cuts nothing"
        w.wait(4)
        w.lay("marie")
        w.wait(60)
        assert w.is_in == "Running"
        w.take("marie")
        w.wait(5)
        assert not w.closed()
        assert w.ends() == ["badge_removed"]
        assert w.sessions()[0].powered_s == 129


def test_presence_without_a_grace_opens_at_once():
    with Workshop(grace=0) as w:
        w.lay("marie")
        w.take("marie")
        assert not w.closed()


def test_tap_in_and_tap_out():
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        w.wait(3600)
        assert w.closed()
        w.tap("marie")
        assert not w.closed()
        assert (w.ends(), w.sessions()[0].ended_by) == (["badge_tapped"], "marie")


def test_timed_a_tap_extends_and_opens_no_second_session():
    """tinkerAccess#3."""
    with Workshop(machine('mode = "timed"\nperiod = "1 h"')) as w:
        w.tap("marie")
        w.wait(50 * 60)
        w.tap("marie")
        w.wait(50 * 60)
        assert w.closed()
        assert len(w.entries("granted")) == 1
        assert len(w.entries("extended")) == 1
        w.wait(10 * 60 + 1)
        assert w.ends() == ["time_up"]


def test_timed_no_tap_extends_past_the_longest_session():
    with Workshop(machine('mode = "timed"\nperiod = "1 h"\nlongest = "90 min"')) as w:
        w.tap("marie")
        w.wait(50 * 60)
        w.tap("marie")
        w.wait(40 * 60)
        assert w.ends() == ["longest"]


JOB = machine('mode = "job"\nlongest = "48 h"\nidle = "10 min"\ncoast_down = "60 s"', [RUNNING])


def test_a_thirty_hour_print_without_leaving_the_badge():
    """acnode-cl#44."""
    with Workshop(JOB) as w:
        w.tap("marie")
        w.wait(120)
        w.input("running")
        w.wait(30 * 3600)
        assert w.closed()
        w.input("running", active=False)
        w.wait(59)
        assert w.closed(), "it coasts down"
        w.wait(1)
        assert not w.closed()
        (session,) = w.sessions()
        assert (session.why, session.busy_s, session.powered_s) == ("rested", 30 * 3600, 30 * 3600 + 180)


def test_a_job_that_pauses_for_less_than_its_coast_down_goes_on():
    with Workshop(JOB) as w:
        w.tap("marie")
        for _layer in range(5):
            w.input("running")
            w.wait(600)
            w.input("running", active=False)
            w.wait(50)
        assert w.closed()


def test_a_job_that_never_starts_ends_by_idleness_after_a_warning():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.wait(9 * 60)
        assert [told.signal for told in w.told if told.signal is Signal.WARNING]
        w.wait(60)
        assert w.ends() == ["idle"]


def test_a_tap_does_not_cut_a_job_that_runs():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.tap("marie")
        assert w.closed()
        w.wait(3600)
        assert w.closed()
        w.input("running", active=False)
        w.wait(60)
        assert w.ends() == ["badge_tapped"]


# --- ends ---


def test_log_out_while_running_waits_for_stop_and_coast_down():
    """tinkerAccess#11."""
    with Workshop(machine(TAP + '\ncoast_down = "10 s"\nwait_for_rest = "5 min"', [RUNNING])) as w:
        w.tap("marie")
        w.input("running")
        w.wait(60)
        w.tap("marie")
        assert w.closed()
        assert w.is_in == "Leaving"
        w.input("running", active=False)
        w.wait(9)
        assert w.closed()
        w.wait(1)
        assert not w.closed()
        assert w.sessions()[0].ended_by == "marie"


def test_the_wait_for_rest_has_an_end():
    """acnode-cl#51: stuck on after the badge was removed, "people are exploiting"."""
    with Workshop(machine('grace = "5 s"\nwait_for_rest = "5 min"\ncoast_down = 0', [RUNNING])) as w:
        w.lay("marie")
        w.input("running")
        w.take("marie")
        w.wait(5 * 60 + 4)
        assert w.closed()
        w.wait(1)
        assert not w.closed()
        assert w.sessions()[0].powered_s == 305, "and all of it is hers"


def test_the_badge_back_while_the_machine_runs_out_goes_on_with_one_session():
    with Workshop(machine('grace = "5 s"\nwait_for_rest = "5 min"\ncoast_down = 0', [RUNNING])) as w:
        w.lay("marie")
        w.input("running")
        w.take("marie")
        w.wait(60)
        w.lay("marie")
        w.wait(600)
        assert w.closed()
        assert w.ends() == []


def test_an_idle_machine_switches_itself_off_after_a_warning():
    with Workshop(machine(TAP + '\nidle = "10 min"\nwarning = "2 min"\ncoast_down = 0', [RUNNING])) as w:
        w.tap("marie")
        w.input("running")
        w.wait(1800)
        w.input("running", active=False)
        w.wait(8 * 60 - 1)
        assert Signal.WARNING not in [told.signal for told in w.told]
        w.wait(1)
        assert Signal.WARNING in [told.signal for told in w.told]
        w.input("running")
        w.wait(600)
        w.input("running", active=False)
        w.wait(600)
        assert w.ends() == ["idle"]
        assert w.sessions()[0].busy_s == 2400


def test_the_longest_session_ends_after_a_warning():
    with Workshop(machine('longest = "1 h"\nwarning = "5 min"')) as w:
        w.lay("marie")
        w.wait(55 * 60)
        assert [told.signal for told in w.told].count(Signal.WARNING) == 1
        w.wait(5 * 60)
        assert w.ends() == ["longest"]
        assert not w.closed()


def test_a_machine_rests_between_two_sessions():
    with Workshop(machine(TAP + '\nshortest_off = "3 min"')) as w:
        w.wait(180)
        w.tap("marie")
        w.tap("marie")
        w.tap("jean")
        assert not w.closed()
        assert w.refusals() == ["too_soon"]
        w.wait(180)
        w.tap("jean")
        assert w.closed()


def test_the_extractor_runs_on_and_nobody_pays_for_it():
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min" }', outputs=[EXTRACTOR])) as w:
        w.lay("marie")
        w.wait(60)
        assert w.closed("extractor")
        w.take("marie")
        assert not w.closed()
        assert w.closed("extractor")
        assert w.is_in == "RunOn"
        w.wait(119)
        assert w.closed("extractor")
        w.wait(1)
        assert not w.closed("extractor")
        assert w.is_in == "Idle"
        assert w.sessions()[0].powered_s == 60


def test_a_badge_during_the_run_on_begins_and_the_extractor_never_stops():
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min" }', outputs=[EXTRACTOR])) as w:
        w.lay("marie")
        w.take("marie")
        w.wait(60)
        w.lay("jean")
        assert w.closed()
        w.wait(120)
        assert w.closed("extractor")
        assert len(w.contacts["laser", "extractor"].history) == 1


def test_a_lock_during_the_run_on_locks_and_lets_it_run_on():
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min" }', outputs=[EXTRACTOR])) as w:
        w.lay("marie")
        w.take("marie")
        w.replace("machines", "laser", locked="mirror")
        assert w.closed("extractor")
        w.lay("jean")
        assert w.refusals() == ["machine_locked"]
        w.wait(120)
        assert (w.is_in, w.closed("extractor")) == ("Locked", False)


TAKEOVER = machine(TAP + "\ntakeover = true\ncoast_down = 0", [RUNNING])


def test_a_machine_at_rest_is_taken_over_and_each_pays_their_own():
    with Workshop(TAKEOVER) as w:
        w.tap("marie")
        w.wait(600)
        w.tap("jean")
        assert w.closed()
        w.wait(300)
        w.tap("jean")
        first, second = w.sessions()
        assert (first.member, first.why, first.ended_by, first.powered_s) == ("marie", "taken_over", "jean", 600)
        assert (second.member, second.why, second.powered_s) == ("jean", "badge_tapped", 300)


def test_a_machine_that_runs_is_not_taken_over_and_not_by_who_may_not():
    with Workshop(TAKEOVER) as w:
        w.tap("marie")
        w.input("running")
        w.tap("jean")
        w.input("running", active=False)
        w.tap("paul")
        assert w.refusals() == ["machine_in_use", "machine_in_use"]
        assert len(w.entries("granted")) == 1


def test_any_other_card_ends_nobodys_session():
    """Defects seen: any card ends somebody else's session."""
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        for who in ("jean", "paul", "lea", "nobody", "phone"):
            w.tap(who)
        assert w.closed()
        w.tap("tom")
        assert w.sessions()[0].ended_by == "tom", "MemberMatters#16: who ENDED it"


def test_a_badge_pulled_in_the_dark_leaves_no_session():
    """rit#871: store and send later."""
    with Workshop(grace=0) as w:
        w.lay("marie")
        w.wait(60)
        w.power_cut()
        w.take("marie")
        w.start()
        w.wait(60)
        assert not w.closed()
        assert w.ends() == ["interrupted"]


# --- people ---


def test_a_supervised_member_starts_once_a_trainer_has_tapped():
    with Workshop() as w:
        w.lay("lea")
        assert w.is_in == "Awaiting"
        assert not w.closed()
        w.wait(10)
        w.lay("tom")
        w.take("tom")
        assert w.closed()
        (granted,) = w.entries("granted")
        assert (granted.member, granted.beside) == ("lea", "tom")


def test_a_trainer_who_comes_too_late_or_is_none_opens_nothing():
    with Workshop() as w:
        w.lay("lea")
        w.lay("jean")
        assert not w.closed()
        w.take("jean")
        w.wait(20)
        assert w.refusals() == ["supervision_needed", "supervision_needed"]
        w.tap("tom")
        assert w.entries("granted", "ended") == []


def test_a_supervised_machine_asks_a_user_for_a_trainer_and_a_trainer_for_nobody():
    with Workshop(machine(TAP + "\nsupervised = true")) as w:
        w.tap("marie")
        assert w.is_in == "Awaiting"
        w.wait(20)
        w.tap("tom")
        assert w.closed()


def test_a_supervised_machine_by_the_whitelist_alone():
    with Workshop() as w:
        w.replace("machines", "laser", supervised=True)
        w.lay("marie")
        assert w.is_in == "Awaiting"


def test_the_members_badge_makes_room_for_the_trainers_and_comes_back():
    with Workshop() as w:
        w.lay("lea")
        w.take("lea")
        w.tap("tom")
        assert not w.closed(), "her badge does not lie there"
        w.wait(5)
        w.lay("lea")
        assert w.closed()


def test_buddy_takes_two_different_certified_members():
    with Workshop(machine(TAP + "\nbuddy = true")) as w:
        w.tap("marie")
        for who in ("marie", "paul", "lea", "nobody"):
            w.tap(who)
            assert not w.closed(), who
        w.tap("jean")
        assert w.closed()
        assert w.entries("granted")[0].beside == "jean"


def test_nobody_works_alone_where_two_are_asked_for():
    with Workshop(machine(TAP + "\nbuddy = true")) as w:
        w.tap("laure")
        w.wait(21)
        assert w.refusals() == ["buddy_needed"]


GROUP = 'class = { driver = "gpio", pin = 13, does = "group", organisation = "Collège Jean Moulin" }'


def test_a_trainer_lets_a_class_in_by_button():
    with Workshop(machine(inputs=[GROUP])) as w:
        w.press("class")
        w.tap("marie")
        assert w.refusals() == ["level_needed"]
        w.tap("tom")
        assert w.closed()
        w.wait(3600)
        assert w.closed(), "no badge has to lie there"
        w.tap("tom")
        (session,) = w.sessions()
        assert (session.group, session.organisation, session.purpose) == (True, "Collège Jean Moulin", "training")


def test_an_open_evening_by_the_shell_with_its_head_count():
    with Workshop() as w:
        w.ask(GroupAsked("Journée portes ouvertes", 300, Purpose.DEMONSTRATION))
        w.wait(120)
        w.tap("marie")
        assert w.refusals() == ["level_needed"]
        w.tap("tom")
        (session,) = w.sessions()
        assert (session.people, session.purpose, session.organisation) == (
            300,
            "demonstration",
            "Journée portes ouvertes",
        )


def test_what_nobody_took_up_is_forgotten():
    with Workshop(machine(inputs=[GROUP])) as w:
        w.press("class")
        assert [told.signal for told in w.told][-1] is Signal.AWAITING
        w.wait(31)
        w.lay("tom")
        assert not w.sessions()[0].group


ORDER = 'order = { driver = "gpio", pin = 19, does = "purpose", purpose = "order" }'


def test_the_purpose_is_chosen_by_button_before_or_during_and_else_the_settings():
    with Workshop(machine('grace = 0\npurpose = "training"', [ORDER])) as w:
        w.lay("marie")
        w.take("marie")
        w.press("order")
        w.lay("marie")
        w.take("marie")
        w.lay("marie")
        w.press("order")
        w.take("marie")
        assert [session.purpose for session in w.sessions()] == ["training", "order", "order"]
        assert [entry.purpose.value for entry in w.entries("granted")] == ["training", "order", "training"]


LOCK = 'lock = { driver = "gpio", pin = 26, does = "lock" }'


def test_a_maintainers_badge_locks_and_unlocks_and_survives_a_restart():
    with Workshop(machine(inputs=[LOCK])) as w:
        w.press("lock")
        w.tap("tom")
        assert w.refusals() == ["level_needed"]
        w.tap("laure")
        assert w.is_in == "Locked"
        w.kill()
        w.start()
        assert w.is_in == "Locked"
        w.lay("marie")
        assert w.refusals()[-1] == "machine_locked"
        w.take("marie")
        w.press("lock")
        w.tap("laure")
        assert w.is_in == "Idle"
        w.lay("marie")
        assert w.closed()
        assert [entry.by for entry in w.entries("locked")] == ["laure"]
        assert [entry.by for entry in w.entries("unlocked")] == ["laure"]


def test_a_trainer_does_not_lock_by_badge_but_ends_the_session():
    with Workshop(machine(TAP, [LOCK])) as w:
        w.tap("marie")
        w.press("lock")
        w.tap("tom")
        assert (w.is_in, w.ends()) == ("Idle", ["badge_tapped"])


def test_the_same_purpose_twice_is_one_correction():
    with Workshop(machine(TAP, [ORDER])) as w:
        w.tap("marie")
        w.press("order")
        w.press("order")
        assert w.state.session.purpose is Purpose.ORDER
        assert len(w.entries("corrected")) == 1


def test_a_lock_by_badge_during_a_session_waits_for_its_end():
    with Workshop(machine(TAP, [LOCK])) as w:
        w.tap("marie")
        w.press("lock")
        w.tap("laure")
        assert w.closed()
        w.tap("marie")
        assert w.is_in == "Locked"


def test_a_severe_report_locks_the_machine_when_it_is_next_idle():
    """rit#1240."""
    with Workshop(grace=0) as w:
        w.lay("marie")
        w.replace("machines", "laser", locked="bearing")
        w.wait(3600)
        assert w.closed()
        w.take("marie")
        assert w.is_in == "Locked"


def test_the_managers_badge_works_on_a_locked_machine_and_it_locks_again():
    """rit#1403."""
    with Workshop(grace=0) as w:
        w.replace("machines", "laser", locked="bearing")
        w.lay("laure")
        assert w.closed()
        w.take("laure")
        assert w.is_in == "Locked"
        w.lay("marie")
        assert not w.closed()


def test_which_training_is_missing_is_said():
    """rit#916."""
    with Workshop() as w:
        w.lay("paul")
        assert w.entries("refused")[0].wants == ("safety",)
        assert " ".join(w.display) == "you need the training Sécurité; ask for the next date"


@pytest.mark.parametrize("kind", ["member", "spare", "visitor"])
def test_a_badge_of_any_kind_opens_only_between_its_days(kind):
    from datetime import timedelta

    import msgspec
    from fixed import TODAY

    from protocol.whitelist import BadgeKind

    with Workshop(grace=0) as w:
        (badge,) = w.badges.whitelist.badges_of("marie")
        day = timedelta(days=1)
        for since, until, opens in (
            (None, TODAY, True),
            (None, TODAY - day, False),
            (TODAY, None, True),
            (TODAY + day, None, False),
        ):
            w.edit([msgspec.structs.replace(badge, kind=BadgeKind(kind), since=since, until=until)])
            w.lay("marie")
            assert w.closed() is opens, (since, until)
            w.take("marie")


# --- inputs ---


def test_an_emergency_stop_opens_everything_at_once_whatever_runs():
    """Defects seen: an emergency stop that waits for the current to fall before it opens the relay."""
    text = machine(
        'wait_for_rest = "5 min"\ncoast_down = 0\nrun_on = { extractor = "2 min" }', [STOP, RUNNING], [EXTRACTOR]
    )
    with Workshop(text) as w:
        w.lay("marie")
        w.input("running")
        w.input("emergency-stop")
        assert not w.closed()
        assert not w.closed("extractor")
        assert (w.is_in, w.ends(), w.sessions()[0].cause) == ("Fault", ["fault"], "emergency-stop")


def test_a_fault_is_not_cleared_while_its_cause_holds_and_then_by_whom_the_settings_name():
    with Workshop(machine(inputs=[STOP])) as w:
        w.input("emergency-stop")
        w.tap("laure")
        assert w.is_in == "Fault"
        w.ask(ClearAsked("root"))
        assert w.is_in == "Fault"
        w.input("emergency-stop", active=False)
        w.tap("marie")
        w.tap("tom")
        assert w.is_in == "Fault"
        w.tap("laure")
        assert w.is_in == "Idle"
        w.lay("marie")
        assert w.closed()


@pytest.mark.parametrize(("clears", "who"), [("user", "marie"), ("trainer", "tom"), ("maintainer", "laure")])
def test_a_released_emergency_stop_does_not_close_a_self_service_sunday(clears, who):
    with Workshop(machine(inputs=[STOP.replace("true }", f'true, clears = "{clears}" }}')])) as w:
        w.input("emergency-stop")
        w.input("emergency-stop", active=False)
        w.tap("paul")
        assert w.is_in == "Fault"
        w.tap(who)
        assert w.is_in == "Idle"
        assert w.entries("fault_cleared")[0].by == who


def test_a_cause_that_its_release_clears_needs_nobody_and_nothing_starts_by_itself():
    with Workshop(machine(inputs=[STOP.replace("true }", 'true, clears = "release" }')])) as w:
        w.lay("marie")
        w.input("emergency-stop")
        w.input("emergency-stop", active=False)
        assert w.is_in == "Idle"
        w.wait(60)
        assert not w.closed(), "the badge still lies there"
        w.take("marie")
        w.lay("marie")
        assert w.closed()


def test_an_emergency_stop_that_is_pressed_at_start_up_latches():
    with Workshop(machine(inputs=[STOP])) as w:
        w.kill()
        w.inputs["laser", "emergency-stop"] = True
        w.start()
        assert w.is_in == "Fault"
        w.lay("marie")
        assert w.refusals() == ["machine_fault"]


LID = 'lid = { driver = "gpio", pin = 12, does = "open", output = "beam" }'


def test_a_lid_opened_thirty_times_an_hour_cuts_neither_session_nor_controller():
    with Workshop(machine(TAP, [LID], [BEAM])) as w:
        w.tap("marie")
        for _time in range(30):
            assert w.closed("beam")
            w.input("lid")
            assert (w.closed(), w.closed("beam")) == (True, False)
            w.wait(60)
            w.input("lid", active=False)
            w.wait(60)
        w.tap("marie")
        assert w.sessions()[0].powered_s == 3600


def test_a_session_that_begins_with_the_lid_open_begins_without_the_beam():
    with Workshop(machine(TAP, [LID], [BEAM])) as w:
        w.input("lid")
        w.tap("marie")
        assert (w.closed(), w.closed("beam")) == (True, False)
        w.input("lid", active=False)
        assert w.closed("beam")


CHILLER = 'chiller = { driver = "gpio", pin = 16, does = "refuse", normally_closed = true }'


def test_an_interlock_refuses_the_start_and_cuts_nothing():
    with Workshop(machine(TAP, [CHILLER])) as w:
        w.input("chiller")
        w.tap("marie")
        assert (w.refusals(), w.entries("refused")[0].note) == (["interlock"], "chiller")
        w.input("chiller", active=False)
        w.tap("marie")
        w.input("chiller")
        assert w.closed()


FLOW = 'airflow = { driver = "gpio", pin = 16, does = "end", normally_closed = true, settle = "10 s" }'


def test_the_laser_needs_its_extractor_running_within_ten_seconds():
    with Workshop(machine(TAP, [FLOW])) as w:
        w.input("airflow")  # no air moves before the extractor has power
        w.tap("marie")
        assert w.closed()
        w.wait(5)
        w.input("airflow", active=False)
        w.wait(60)
        assert w.closed()
        w.input("airflow")
        assert (w.ends(), w.sessions()[0].cause) == (["input"], "airflow")
        w.tap("marie")
        w.wait(9.9)
        assert w.closed()
        w.wait(0.2)
        assert not w.closed(), "it never began to blow"


def test_what_only_tells_is_told_and_does_nothing():
    with Workshop(machine(TAP, ['smoke = { driver = "gpio", pin = 16, does = "tell" }'])) as w:
        w.tap("marie")
        w.input("smoke")
        w.input("smoke", active=False)
        assert w.closed()
        assert [(entry.name, entry.active) for entry in w.entries("sensed")] == [("smoke", True), ("smoke", False)]


SENSED = machine(TAP + '\ncoast_down = "10 s"', [RUNNING])


def test_a_machine_that_runs_without_power_from_us_is_bypassed():
    with Workshop(SENSED) as w:
        w.wait(60)
        w.input("running")
        w.wait(1)
        assert w.is_in == "Idle", "a flutter of the sensor is none"
        w.wait(2)
        assert (w.is_in, w.state.told) == ("Fault", "bypass")


def test_a_machine_that_runs_on_after_off_has_a_welded_contact():
    with Workshop(SENSED) as w:
        w.tap("marie")
        w.input("running")
        w.wait(60)
        w.tap("marie")
        w.wait(11)
        assert w.is_in == "Idle", "it coasts down"
        w.wait(2)
        assert (w.is_in, w.state.told) == ("Fault", "welded")
        w.tap("laure")
        assert w.is_in == "Fault", "it still runs"
        assert w.entries("fault_cleared") == []
        w.input("running", active=False)
        w.tap("laure")
        assert w.is_in == "Idle"


def test_a_machine_that_coasts_down_is_no_fault():
    with Workshop(SENSED) as w:
        w.tap("marie")
        w.input("running")
        w.tap("marie")
        w.wait(9)
        w.input("running", active=False)
        w.wait(3600)
        assert w.is_in == "Idle"


def test_activity_at_start_up_is_a_fault():
    """As in RATT."""
    with Workshop(SENSED) as w:
        w.kill()
        w.inputs["laser", "running"] = True
        w.start()
        w.wait(13)
        assert (w.is_in, w.state.told) == ("Fault", "ran_at_start")


def test_the_off_button_cuts_a_running_job_at_once():
    """Defects seen: an OFF button waiting 5.8 s for an authorisation."""
    off = 'off-button = { driver = "gpio", pin = 13, does = "end" }'
    with Workshop(JOB.replace("inputs = {", f"inputs = {{ {off},")) as w:
        w.tap("marie")
        w.input("running")
        w.press("off-button")
        assert not w.closed()
        assert w.sessions()[0].cause == "off-button"


def test_nothing_starts_under_a_button_that_is_held():
    with Workshop(machine(TAP, ['off-button = { driver = "gpio", pin = 13, does = "end" }'])) as w:
        w.input("off-button")
        w.tap("marie")
        assert not w.closed()
        assert w.refusals() == ["interlock"]


# --- nothing administrative cuts a running job ---


def ended_membership(w):
    from datetime import timedelta

    from fixed import TODAY

    w.replace("members", "marie", until=TODAY - timedelta(days=1))


def ended_certification(w):
    from datetime import timedelta

    from fixed import TODAY

    w.replace("certifications", ("marie", "safety"), until=TODAY - timedelta(days=1))


def revoked_certification(w):
    w.edit(drop=[w.row("certifications", ("marie", "safety"))])


def excluded(w):
    w.replace("members", "marie", excluded=True)


def blocked_badge(w):
    import msgspec

    w.edit([msgspec.structs.replace(badge, blocked=True) for badge in w.badges.whitelist.badges_of("marie")])


def shorter_sessions(w):
    w.replace("machines", "laser", longest=60)


def another_training(w):
    w.replace("machines", "laser", requires=("safety", "another"))


def locked(w):
    w.replace("machines", "laser", locked="inventory")


def replaced_whitelist(w):
    from controller.store.edits import Edit
    from controller.store.whitelist import Change

    edit = Edit(Change((), (), replace=True), "root", w.clock.now(), lambda *_: None)
    w.loop.writes.edit(edit)
    w.settle()


ADMINISTRATION = [
    ended_membership,
    ended_certification,
    revoked_certification,
    excluded,
    blocked_badge,
    shorter_sessions,
    another_training,
    locked,
    replaced_whitelist,
]


@pytest.mark.parametrize("cause", ADMINISTRATION, ids=lambda cause: cause.__name__)
def test_nothing_administrative_cuts_a_running_job(cause):
    """'Six o'clock, and the professional's ten-hour job is scrap?' Never."""
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        cause(w)
        w.wait(10 * 3600)
        assert w.closed()
        w.input("running", active=False)
        w.wait(60)
        assert w.ends() == ["rested"]
        if cause is not shorter_sessions:
            w.tap("marie")
            assert not w.closed(), "the next start is refused"


def test_a_lock_now_does_cut():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.replace("machines", "laser", locked="fire", cut=True)
        assert not w.closed()
        assert w.ends() == ["locked"]


def test_a_revocation_now_ends_the_session_it_means_and_no_other():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        revoked_certification(w)
        w.ask(EndAsked("another session", "root"))
        assert w.closed()
        w.ask(EndAsked(w.state.session.id, "root"))
        assert not w.closed()
        assert w.sessions()[0].ended_by == "root"


# --- restart ---

RESUME = machine(TAP + '\nrestart = "resume"')


def test_a_resumed_job_is_one_session_and_its_output_never_opened():
    """acnode-cl#18: a watchdog reset cuts the tool in mid-job."""
    with Workshop(RESUME) as w:
        w.tap("marie")
        w.wait(100)
        w.kill()
        w.wait(20)
        assert w.closed()
        w.start()
        w.wait(60)
        w.tap("marie")
        (session,) = w.sessions()
        assert (session.powered_s, session.why) == (180, "badge_tapped")
        assert len(w.contacts["laser", "machine"].history) == 2
        assert len(w.entries("resumed")) == 1


def test_a_restart_that_never_comes_opens_when_the_lease_runs_out():
    with Workshop(RESUME) as w:
        w.tap("marie")
        w.wait(100)
        w.kill()
        w.wait(59)
        assert w.closed()
        w.wait(2)
        assert not w.closed()
        w.start()
        assert not w.closed()
        assert w.ends() == ["interrupted"]
        assert 40 <= w.sessions()[0].powered_s <= 100, "at most 60 s are lost"


def test_without_resume_a_crash_opens_at_once():
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        w.kill()
        assert not w.closed()
        w.start()
        assert w.ends() == ["interrupted"]


def test_a_new_boot_ends_a_session_that_would_resume():
    with Workshop(RESUME) as w:
        w.tap("marie")
        w.power_cut()
        w.start()
        assert not w.closed()
        assert w.ends() == ["interrupted"]


def test_a_stop_in_good_order_ends_a_session_that_would_resume():
    with Workshop(RESUME) as w:
        w.tap("marie")
        w.stop()
        assert not w.closed()
        w.start()
        assert w.ends() == ["stopped"]


def test_an_emergency_stop_pressed_while_the_daemon_was_away_ends_what_would_resume():
    with Workshop(machine(TAP + '\nrestart = "resume"', [STOP])) as w:
        w.tap("marie")
        w.kill()
        w.inputs["laser", "emergency-stop"] = True
        w.start()
        assert not w.closed()
        assert (w.is_in, w.ends()) == ("Fault", ["fault"])


def test_a_badge_taken_while_the_daemon_was_away_ends_what_resumes():
    with Workshop(machine('restart = "resume"\ngrace = "5 s"')) as w:
        w.lay("marie")
        w.kill()
        w.take("marie")
        w.start()
        assert w.closed(), "it is looked for"
        w.wait(16)
        assert not w.closed()


def test_a_badge_that_stayed_while_the_daemon_was_away_goes_on():
    with Workshop(machine('restart = "resume"\ngrace = "5 s"')) as w:
        w.lay("marie")
        w.kill()
        w.start()
        w.wait(600)
        assert w.closed()


def test_the_longest_session_counts_what_was_before_the_restart():
    with Workshop(machine('mode = "tap"\nlongest = "10 min"\nrestart = "resume"')) as w:
        w.tap("marie")
        w.wait(300)
        w.kill()
        w.wait(10)
        w.start()
        w.wait(289)
        assert w.closed()
        w.wait(1)
        assert w.ends() == ["longest"]


def test_a_badge_left_in_the_reader_starts_nothing_when_the_power_comes_back():
    """'And the saw starts by itself?' Never."""
    for text in (machine(), RESUME):
        with Workshop(text) as w:
            w.lay("marie")
            w.power_cut()
            w.start()
            w.wait(3600)
            assert not w.closed()


# --- telling people ---


def test_every_signal_has_a_rhythm_of_its_own_whatever_its_colour():
    from controller.indication.signals import LOOKS

    shown = {signal: look.rhythm for signal, look in LOOKS.items() if signal is not Signal.GRANTED}
    assert set(LOOKS) == set(Signal)
    assert len(set(shown.values())) == len(shown)
    assert LOOKS[Signal.GRANTED] == LOOKS[Signal.RUNNING], "what was granted runs"


def test_whatever_sounds_is_seen_too_and_sounds_differ():
    from controller.indication.signals import LOOKS, SOUNDS

    assert set(SOUNDS) <= set(LOOKS)
    assert len(set(SOUNDS.values())) == len(SOUNDS)


def test_a_light_plays_its_rhythm():
    with Workshop() as w:
        w.lights["laser"].shown.clear()
        for _tenth in range(62):
            w.wait(0.1)
        lit = [colour != (0, 0, 0) for colour in w.lights["laser"].shown]
        assert lit in ([True, False, True, False], [False, True, False, True, False], [True, False, True, False, True])


def test_a_display_says_who_for_how_long_and_what_is_left():
    with Workshop(machine('longest = "2 h"')) as w:
        w.lay("marie")
        w.wait(1800)
        assert w.display == ["laser", "Marie", "used 30 min", "left 1 h 30"]


@pytest.mark.parametrize(
    ("names", "shown"), [("full", "Marie Curie"), ("first", "Marie"), ("initials", "M.C."), ("none", None)]
)
def test_a_display_shows_the_name_as_the_settings_allow(names, shown):
    with Workshop(machine(f'display_names = "{names}"')) as w:
        w.lay("marie")
        assert (shown in w.display) is (shown is not None)
        assert names == "full" or "Marie Curie" not in w.display


def test_a_display_that_breaks_is_a_warning_and_comes_back():
    with Workshop() as w:
        w.displays["laser"].broken = True
        w.lay("marie")
        assert w.closed()
        w.displays["laser"].broken = False
        w.wait(20)
        assert w.display[1] == "Marie"


def test_a_refusal_stays_on_the_display_until_it_is_read():
    with Workshop() as w:
        w.tap("paul")
        w.wait(7)
        assert w.display[0] == "you need the"
        w.wait(4)
        assert w.display[0] == "laser"


# --- counting ---


def test_the_hour_counter_is_never_reset():
    """rit#675: not by a correction, not by a purge of the journal, not by a restart."""
    from controller.store import machine_counters

    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.wait(3600)
        w.input("running", active=False)
        w.wait(60)
        w.stop()
        w.start()
        w.db.execute("delete from journal")
        counter = machine_counters.counters(w.db)["laser"]
        assert (counter.powered, counter.busy, counter.sessions) == (3_660_000, 3_600_000, 1)


def test_powered_seconds_are_those_of_the_contact():
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        w.wait(1234.5)
        w.tap("marie")
        assert w.entries("ended")[0].powered == w.contacts["laser", "machine"].closed_ms() == 1_234_500


# --- what an enemy found ---


def test_a_restart_closes_nothing_that_a_lid_had_opened():
    with Workshop(machine(TAP + '\nrestart = "resume"', [LID], [BEAM])) as w:
        w.tap("marie")
        w.input("lid")
        before = len(w.contacts["laser", "beam"].history)
        w.kill()
        w.start()
        assert (w.closed(), w.closed("beam")) == (True, False)
        assert len(w.contacts["laser", "beam"].history) == before, "no pulse"


def test_a_group_ends_within_the_day_where_nothing_else_ends_it():
    with Workshop(machine(inputs=[GROUP])) as w:
        w.press("class")
        w.tap("tom")
        w.wait(12 * 3600)
        assert w.ends() == ["longest"]


@pytest.mark.parametrize("cause", [excluded, blocked_badge, locked], ids=lambda cause: cause.__name__)
def test_whoever_may_not_start_gets_no_more_time(cause):
    with Workshop(machine('mode = "timed"\nperiod = "1 h"')) as w:
        w.tap("marie")
        cause(w)
        w.wait(50 * 60)
        w.tap("marie")
        w.wait(10 * 60)
        assert w.ends() == ["time_up"]


def test_a_part_that_is_missing_is_cleared_by_nobody():
    with Workshop() as w:
        w.loop.stations.fail("laser", "GPIO 6 cannot be claimed")
        w.ask(ClearAsked("root"))
        w.tap("laure")
        assert w.is_in == "Fault"


def test_pulling_the_plug_clears_no_fault():
    with Workshop(machine(inputs=[STOP])) as w:
        w.input("emergency-stop")
        w.input("emergency-stop", active=False)
        w.power_cut()
        w.start()
        w.tap("marie")
        assert w.refusals() == ["machine_fault"]
        w.tap("laure")
        assert w.is_in == "Idle"
        w.power_cut()
        w.start()
        assert w.is_in == "Idle"


def test_a_job_that_pauses_while_the_daemon_restarts_is_not_done():
    with Workshop(JOB.replace('coast_down = "60 s"', 'coast_down = "60 s"\nrestart = "resume"')) as w:
        w.tap("marie")
        w.input("running")
        w.wait(600)
        w.input("running", active=False)
        w.wait(5)
        w.kill()
        w.start()
        w.wait(50)
        assert w.closed()
        w.input("running")
        w.wait(600)
        assert w.closed()


def test_of_two_faults_each_has_to_be_cleared():
    released = 'limiter = { driver = "gpio", pin = 22, does = "fault", normally_closed = true, clears = "release" }'
    with Workshop(machine(inputs=[released, STOP])) as w:
        w.kill()
        w.inputs["laser", "limiter"] = w.inputs["laser", "emergency-stop"] = True
        w.start()
        w.input("limiter", active=False)
        w.input("emergency-stop", active=False)
        assert (w.is_in, w.state.told) == ("Fault", "emergency-stop")


def test_nobody_alone_takes_over_where_two_are_asked_for():
    with Workshop(machine(TAP + "\ntakeover = true\nbuddy = true\ncoast_down = 0", [RUNNING])) as w:
        w.tap("marie")
        w.tap("jean")
        assert w.closed()
        w.tap("jean")
        assert w.refusals() == ["machine_in_use"]
        assert w.closed()


def test_a_tap_out_is_not_taken_back_by_a_reader_that_comes_back():
    with Workshop(machine(TAP + '\ncoast_down = 0\nwait_for_rest = "5 min"', [RUNNING])) as w:
        w.tap("marie")
        w.input("running")
        w.lay("marie")
        w.lose_reader()
        w.find_reader()
        assert w.is_in == "Leaving"


def test_whom_a_trainer_sends_off_does_not_come_back():
    with Workshop(machine(TAP + '\ncoast_down = 0\nwait_for_rest = "5 min"', [RUNNING])) as w:
        w.tap("marie")
        w.input("running")
        w.tap("tom")
        w.tap("marie")
        assert w.is_in == "Leaving"
        w.input("running", active=False)
        assert w.sessions()[0].ended_by == "tom"


def test_a_lock_by_badge_holds_although_the_disk_refuses_it_at_first():
    with Workshop(machine(inputs=[LOCK])) as w:
        w.db.execute("pragma query_only=1")
        w.press("lock")
        w.tap("laure")
        w.db.execute("pragma query_only=0")
        w.wait(30)
        w.replace("members", "marie", name="Marie S. Curie")
        w.tap("jean")
        assert w.refusals()[-1] == "machine_locked"
        assert w.row("machines", "laser").locked


def test_the_purpose_of_a_resumed_session_is_the_one_that_was_chosen_last():
    with Workshop(machine(TAP + '\nrestart = "resume"', [ORDER])) as w:
        w.tap("marie")
        w.press("order")
        w.kill()
        w.start()
        assert w.state.session.purpose is Purpose.ORDER


def test_the_extractor_runs_on_over_a_restart():
    with Workshop(machine('grace = 0\nrestart = "resume"\nrun_on = { extractor = "2 min" }', outputs=[EXTRACTOR])) as w:
        w.lay("marie")
        w.take("marie")
        w.kill()
        w.start()
        assert w.closed("extractor")
        w.wait(120)
        assert not w.closed("extractor")


def test_a_guard_that_is_gone_for_a_moment_needs_no_maintainer():
    from guard import leases as lease

    with Workshop(machine(TAP)) as w:
        lease.say_guarded(w.settings.run_dir, 1)
        w.tap("marie")
        assert (w.is_in, w.ends()) == ("Fault", ["fault"])
        lease.say_guarded(w.settings.run_dir, 10**15)
        w.tap("jean")
        assert w.is_in == "Idle", "any certified member goes on"


# --- what mutants showed that nobody had said ---

GRACE = machine('grace = "60 s"\ntakeover = true\ncoast_down = 0', [RUNNING])


def test_in_the_grace_another_takes_over_and_an_unknown_badge_does_nothing():
    with Workshop(GRACE) as w:
        w.lay("marie")
        w.take("marie")
        w.tap("nobody")
        assert w.is_in == "Leaving"
        assert w.refusals() == []
        w.input("running")
        w.tap("jean")
        assert w.refusals() == ["machine_in_use"]
        w.input("running", active=False)
        w.lay("jean")
        assert [(each.member, each.why) for each in w.sessions()] == [("marie", "taken_over"), ("jean", None)]


def test_a_lock_by_badge_in_the_grace_locks_afterwards():
    with Workshop(machine('grace = "60 s"', [LOCK])) as w:
        w.lay("marie")
        w.take("marie")
        w.press("lock")
        w.tap("laure")
        assert w.is_in == "Leaving"
        w.wait(60)
        assert w.is_in == "Locked"


TIMED = machine('mode = "timed"\nperiod = "1 h"\nrestart = "resume"')


def test_a_timed_session_resumes_with_the_time_that_was_tapped_for():
    with Workshop(TIMED) as w:
        w.tap("marie")
        w.wait(1800)
        w.tap("marie")
        w.kill()
        w.start()
        w.wait(3599)
        assert w.closed()
        w.wait(2)
        assert w.ends() == ["time_up"]


def test_a_tap_session_resumed_has_no_time_that_runs_out():
    with Workshop(RESUME.replace('longest = "4 h"', 'longest = "none"')) as w:
        w.tap("marie")
        w.kill()
        w.start()
        w.wait(24 * 3600)
        assert w.closed()


def test_a_group_resumes_without_a_badge_and_a_single_member_only_with_the_same():
    with Workshop(machine('restart = "resume"\ngrace = 0', [GROUP])) as w:
        w.press("class")
        w.tap("tom")
        w.kill()
        w.start()
        w.wait(600)
        assert w.closed()
        w.tap("tom")
        w.lay("marie")
        w.kill()
        w.start()
        w.wait(30)
        w.take("marie")
        assert not w.closed(), "it is still this badge that holds it"


def test_busy_time_and_the_end_of_a_job_survive_a_restart():
    with Workshop(JOB.replace('coast_down = "60 s"', 'coast_down = "60 s"\nrestart = "resume"')) as w:
        w.tap("marie")
        w.input("running")
        w.wait(100)
        w.kill()
        w.wait(10)
        w.start()
        w.wait(100)
        w.input("running", active=False)
        w.wait(10)
        w.kill()
        w.start()
        w.wait(60)
        assert w.ends() == ["rested"], "it ran before, and rests"
        assert 150 <= w.sessions()[0].busy_s <= 210


def test_a_session_that_was_idle_at_the_restart_was_not_busy():
    with Workshop(machine(TAP + '\nrestart = "resume"\ncoast_down = 0', [RUNNING])) as w:
        w.tap("marie")
        w.wait(60)
        w.kill()
        w.start()
        w.tap("marie")
        assert w.sessions()[0].busy_s == 0


def test_powered_and_busy_seconds_go_through_restart_grace_and_back():
    text = machine('grace = "60 s"\nrestart = "resume"\ncoast_down = 0', [RUNNING])
    with Workshop(text) as w:
        w.lay("marie")
        w.input("running")
        w.wait(100)
        w.input("running", active=False)
        w.wait(100)
        w.kill()
        w.start()
        w.wait(100)
        w.take("marie")
        w.wait(30)
        w.lay("marie")
        w.wait(70)
        w.take("marie")
        w.wait(60)
        (session,) = w.sessions()
        assert (session.powered_s, session.busy_s) == (460, 100)


def test_a_job_that_is_tapped_out_and_taken_back_still_ends_when_it_is_done():
    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.tap("marie")
        w.tap("marie")
        assert w.is_in == "Running"
        w.input("running", active=False)
        w.wait(60)
        assert w.ends() == ["rested"]


def test_more_time_in_the_last_moment_is_more_time_and_in_the_journal():
    text = machine('mode = "timed"\nperiod = "10 min"\nwait_for_rest = "5 min"\ncoast_down = 0', [RUNNING])
    with Workshop(text) as w:
        w.tap("marie")
        w.input("running")
        w.wait(601)
        assert w.is_in == "Leaving"
        w.tap("marie")
        assert w.is_in == "Running"
        assert len(w.entries("extended")) == 1
        w.wait(599)
        assert w.is_in == "Running"


def test_a_maintainer_gets_more_time_on_a_locked_machine_and_nobody_else():
    with Workshop(machine('mode = "timed"\nperiod = "1 h"', [LOCK])) as w:
        w.tap("laure")
        w.press("lock")
        w.tap("laure")
        assert w.entries("locked")
        w.tap("laure")
        assert len(w.entries("extended")) == 1
        w.wait(3600)
    with Workshop(machine('mode = "timed"\nperiod = "1 h"', [LOCK])) as w:
        w.tap("marie")
        w.press("lock")
        w.tap("laure")
        w.loop.badges.whitelist.put(w.row("machines", "laser").__class__("laser", requires=("safety",)))
        w.tap("marie")
        (refused,) = w.entries("refused")
        assert (refused.reason.value, refused.note) == ("machine_locked", "locked at the machine")


def test_the_purpose_can_be_chosen_while_the_second_badge_is_waited_for():
    with Workshop(machine(TAP + "\nbuddy = true", [ORDER])) as w:
        w.tap("marie")
        w.press("order")
        w.tap("jean")
        assert w.sessions()[0].purpose == "order"


def test_every_refusal_names_badge_member_and_what_stands_against():
    with Workshop(machine(TAP, [CHILLER])) as w:
        w.input("chiller")
        w.tap("marie")
        (entry,) = w.entries("refused")
        (badge,) = w.badges.whitelist.badges_of("marie")
        assert (entry.member, entry.badge, entry.note) == ("marie", badge.hash, "chiller")
    with Workshop() as w:
        w.lay("lea")
        w.wait(20)
        (entry,) = w.entries("refused")
        (badge,) = w.badges.whitelist.badges_of("lea")
        assert (entry.member, entry.badge) == ("lea", badge.hash)


def test_a_badge_laid_on_during_the_run_on_is_not_made_old_by_its_end():
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min" }', [LOCK], [EXTRACTOR])) as w:
        w.lay("marie")
        w.take("marie")
        w.wait(110)
        w.press("lock")
        w.wait(15)
        assert w.is_in == "Idle"
        w.tap("laure")
        assert w.is_in == "Locked", "the button's word outlives the run-on"


def test_two_run_ons_end_each_in_its_time():
    both = [EXTRACTOR, BEAM]
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min", beam = "1 min" }', outputs=both)) as w:
        w.lay("marie")
        w.take("marie")
        w.wait(60)
        assert (w.closed("extractor"), w.closed("beam"), w.is_in) == (True, False, "RunOn")
        w.wait(60)
        assert not w.closed("extractor")


def test_after_a_fault_what_lay_there_opens_nothing_and_a_wish_is_forgotten():
    with Workshop(machine(inputs=[STOP.replace("true }", 'true, clears = "release" }'), GROUP])) as w:
        w.press("class")
        w.tap("nobody")
        w.lay("marie")
        w.input("emergency-stop")
        w.input("emergency-stop", active=False)
        w.lay("nobody")
        assert w.refusals()[-1] == "badge_was_lying"
        w.take("marie")
        w.take("nobody")
        w.lay("tom")
        assert not w.sessions()[0].group


def test_a_fault_ends_the_run_on():
    with Workshop(machine('grace = 0\nrun_on = { extractor = "2 min" }', [STOP], [EXTRACTOR])) as w:
        w.lay("marie")
        w.take("marie")
        w.input("emergency-stop")
        assert not w.closed("extractor")
        w.input("emergency-stop", active=False)
        w.tap("laure")
        assert (w.is_in, w.closed("extractor")) == ("Idle", False)


def test_a_machine_rests_after_a_fault_too_and_running_on_after_one_is_a_welded_contact():
    text = machine(TAP + '\nshortest_off = "3 min"\ncoast_down = "10 s"', [STOP, RUNNING])
    with Workshop(text) as w:
        w.wait(180)
        w.tap("marie")
        w.input("running")
        w.wait(60)
        w.input("emergency-stop")
        w.wait(11)
        assert w.state.told == "emergency-stop"
        w.wait(2)
        assert w.state.told == "emergency-stop, welded"
        w.input("running", active=False)
        w.input("emergency-stop", active=False)
        w.tap("laure")
        w.tap("marie")
        assert w.refusals()[-1] == "too_soon"


def test_a_second_badge_that_only_lay_there_or_under_an_obstacle_opens_nothing():
    with Workshop(machine(TAP + "\nbuddy = true")) as w:
        w.tap("marie")
        w.lying["laser"]["jean"] = Card(bytes.fromhex("04A3C6112233FF"))
        w.lose_reader()
        w.find_reader()
        assert w.is_in == "Awaiting"
        w.take("jean")
        w.guard_lives = False
        w.tap("jean")
        assert (w.is_in, w.refusals()) == ("Awaiting", ["no_guard"])
        w.guard_lives = True
        w.tap("jean")
        assert w.closed()


def test_a_longest_session_that_is_over_at_rest_ends_at_once():
    text = machine('mode = "tap"\nlongest = "10 min"\nwait_for_rest = "5 min"\ncoast_down = 0', [RUNNING])
    with Workshop(text) as w:
        w.tap("marie")
        w.wait(600)
        assert w.ends() == ["longest"]


def test_a_lost_output_names_each_cause_once():
    with Workshop() as w:
        w.loop.stations.fail("laser", "one")
        w.loop.stations.fail("laser", "one")
        w.loop.stations.fail("laser", "two")
        w.settle()
        assert w.state.told == "one, two"
        assert [entry.cause for entry in w.entries("fault")] == ["one", "two"]
