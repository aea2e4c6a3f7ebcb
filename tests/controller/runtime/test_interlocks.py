"""What inputs do: emergency stops, lids, interlocks, machines that run without power from us."""

import pytest
from machines import BEAM, CHILLER, EXTRACTOR, JOB, LID, RUNNING, STOP, TAP, machine
from workshop import ClearAsked, Workshop


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
