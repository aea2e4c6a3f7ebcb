"""How a session begins and ends in each mode."""

import pytest
from machines import EXTRACTOR, JOB, RUNNING, TAP, machine
from workshop import Workshop

from controller.station.events import Signal


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
        assert [told.signal for told in w.told if not told.lasting].count(Signal.WARNING) == 1
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


def test_a_card_that_is_being_read_changes_nothing_until_it_is_read():
    from controller.sensing.messages import CardNear

    with Workshop() as w:
        for who in ("paul", "marie"):
            w.loop.put(CardNear("laser"))
            w.settle()
            assert not w.closed()
            w.lay(who)
            assert w.closed() is (who == "marie")
            w.take(who)
        w.loop.put(CardNear("laser"))
        w.settle()
        assert w.closed(), "its grace runs"
        assert w.refusals() == ["training_missing"]
        assert [each.member for each in w.entries("granted")] == ["marie"]


def paused(w, seconds=31):
    """Marie's print stands still, for so long that people are warned."""
    w.tap("marie")
    w.input("running")
    w.wait(600)
    w.input("running", active=False)
    w.wait(seconds)


def test_a_job_that_stands_still_warns_well_before_it_ends_and_counts_what_is_left():
    with Workshop(JOB) as w:
        paused(w, 25)
        assert "about to end" not in w.display
        w.wait(6)
        assert "about to end" in w.display
        assert any(line.startswith("left") and line.endswith(" s") for line in w.display)
        w.wait(31)
        assert w.ends() == ["rested"]


def test_a_job_that_runs_again_is_about_to_end_no_more():
    with Workshop(JOB) as w:
        paused(w)
        w.input("running")
        w.wait(300)
        assert w.closed() and "about to end" not in w.display


@pytest.mark.parametrize("by", ["a tap", "a button"])
def test_a_pause_is_no_end_where_somebody_says_so(by):
    text = (
        JOB
        if by == "a tap"
        else machine(
            'mode = "job"\nlongest = "48 h"\nidle = "10 min"\ncoast_down = "60 s"',
            [RUNNING, 'pause = { driver = "gpio", pin = 12, does = "prolong" }'],
        )
    )
    with Workshop(text) as w:
        paused(w)
        for _longer in range(3):
            if by == "a tap":
                w.tap("marie")
            else:
                w.input("pause")
                w.input("pause", active=False)
            assert w.closed()
            assert "about to end" not in w.display
            w.wait(45)
            assert "about to end" in w.display, "and is warned of again"
        assert len(w.entries("extended")) == 3
        w.wait(20)
        assert w.ends() == ["rested"]


def test_whoever_taps_before_the_warning_or_twice_ends_their_job_as_always():
    with Workshop(JOB) as w:
        paused(w, 10)
        w.tap("marie")
        w.wait(61)
        assert w.ends() == ["badge_tapped"]
    with Workshop(JOB) as w:
        paused(w)
        w.tap("marie")
        assert w.closed(), "prolonged"
        w.tap("marie")
        w.wait(61)
        assert w.ends() == ["badge_tapped"]


def test_a_job_that_was_prolonged_is_not_idle_meanwhile():
    with Workshop(JOB.replace('idle = "10 min"', 'idle = "1 min"\nwarning = "20 s"')) as w:
        paused(w, 41)
        w.tap("marie")
        w.wait(50)
        assert w.closed()
