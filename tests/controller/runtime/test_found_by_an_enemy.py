"""What an enemy found, once."""

import pytest
from machines import (
    BEAM,
    EXTRACTOR,
    GROUP,
    JOB,
    LID,
    LOCK,
    ORDER,
    RUNNING,
    STOP,
    TAP,
    blocked_badge,
    excluded,
    locked,
    machine,
)
from workshop import ClearAsked, Workshop

from protocol.entries import Purpose


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
