"""What a restart of the daemon or of the machine leaves of a session."""

import pytest
from machines import RESUME, STOP, TAP, machine
from workshop import PLAIN, Workshop


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


@pytest.mark.parametrize(("cut_after", "counted"), [(4, 0), (9, 5), (35, 5), (52, 50), (100, 95)])
def test_a_cut_leaves_of_a_session_what_its_last_heartbeat_knew_and_the_first_comes_early(cut_after, counted):
    with Workshop() as w:
        w.lay("marie")
        for _second in range(cut_after):
            w.wait(1)
        w.power_cut()
        w.start()
        (ended,) = w.entries("ended")
        assert ended.powered // 1000 == counted


def test_the_first_heartbeat_of_one_session_waits_for_no_other():
    saw = PLAIN.replace('"laser"', '"saw"').replace("pin = 17", "pin = 18").replace('"rc522"', '"rc522", device = 1')
    with Workshop(PLAIN + saw) as w:
        w.lay("marie", "laser")
        for _second in range(10):
            w.wait(1)
        w.lay("jean", "saw")
        for _second in range(6):
            w.wait(1)
        w.power_cut()
        w.start()
        counted = {each.machine: each.powered // 1000 for each in w.entries("ended")}
        assert counted == {"laser": 15, "saw": 5}
