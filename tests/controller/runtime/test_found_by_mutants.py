"""What mutants showed that nobody had said."""

from machines import BEAM, CHILLER, EXTRACTOR, GROUP, JOB, LOCK, ORDER, RESUME, RUNNING, STOP, TAP, machine
from workshop import Workshop

from drivers.contracts import Card

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
