"""Four machines on four kinds of hardware, as processes: what one part does is no other machine's business."""

import contextlib
import json
import signal

import pytest
from commands import told
from fixed import EXAMPLES

from controller.control import client
from controller.store.whitelist import Change
from protocol.badge import parse_badge
from protocol.rows import Badge, Certification, Machine, Member, Training
from simulator.attached import at_home
from simulator.stage import Stage, until

MARIE, TAG = "04A3C6CAE26180", "0CCAE26180"
MACHINES = {"saw": TAG, "sander": MARIE, "cnc": MARIE, "vinyl": MARIE}
pytestmark = pytest.mark.process


@contextlib.contextmanager
def shop(folder, example):
    """A shipped configuration: board and guard run, Marie may do everything."""
    config = folder / "c.toml"
    config.write_text(at_home((EXAMPLES / example).read_text(), folder))
    with Stage(config) as made:
        made.start_board()
        badges = [parse_badge(each) for each in (MARIE, f"em4100:{TAG}", f"em4100-4:{TAG[2:]}")]
        with client.open_client(made.settings, write=True) as memory:
            rows = [Training("all"), Member("marie"), Certification("marie", "all")]
            rows += [Machine(station.machine, requires=("all",)) for station in made.settings.stations]
            rows += [Badge(each, "marie") for each in memory.hash(badges)]
            memory.edit(Change(put=tuple(rows)), lambda *_: None)
        made.start_guard()
        yield made


@pytest.fixture
def wood(tmp_path):
    """The wood shop of the demo."""
    with shop(tmp_path, "demo-wood.toml") as made:
        yield made


def journal(stage, *kinds):
    return [line for line in told(stage, "journal") if line["kind"] in kinds]


def reached(stage, *machines):
    for machine in machines:
        until(lambda machine=machine: stage.state(machine)["answers"], f"{machine}'s relay is found")


def begin(stage, *machines):
    reached(stage, *(machines or MACHINES))
    for machine in machines or MACHINES:
        stage.lay(machine, MACHINES[machine])
    for machine in machines or MACHINES:
        until(lambda machine=machine: stage.closed(machine), f"{machine} closes")


def opens(stage, *machines):
    for machine in machines:
        until(lambda machine=machine: not stage.closed(machine), f"{machine} opens")


def is_in(stage, machine, state):
    until(lambda: stage.state(machine)["state"] == state, f"{machine} is {state}")


def test_a_badge_starts_every_machine_and_what_a_plug_counts_is_in_its_session(wood):
    wood.start_daemon()
    wood.set_part("sander", "relay", "load", 1200.0)
    begin(wood)
    wood.do_part("sander", "relay", "do", name="use", watt_hours=250)
    wood.take("saw", TAG)
    opens(wood, "saw")
    for machine in ("sander", "cnc"):
        taken_off(wood, machine)
    until(lambda: wood.state("sander")["counted_wh"] >= 250, "it was counted")
    for machine in ("sander", "cnc"):
        wood.lay(machine, MARIE)
        opens(wood, machine)
        is_in(wood, machine, "idle")
    rows = told(wood, "sessions")
    used = {row["machine"]: (row["why"], row["energy_wh"]) for row in rows if row["why"]}
    assert used["saw"] == ("badge_removed", 0)
    assert used["cnc"] == ("badge_tapped", None)
    assert used["sander"][0] == "badge_tapped"
    assert 250 <= used["sander"][1] <= 260


def taken_off(stage, machine):
    stage.take(machine, MACHINES[machine])
    until(lambda: not stage.state(machine)["badges_lying"], f"{machine}: the badge is gone")


def test_a_badge_that_lies_there_at_the_start_opens_nothing_on_a_reader_that_senses_it(wood):
    for machine in ("saw", "cnc", "vinyl"):
        wood.lay(machine, MACHINES[machine])
    wood.start_daemon()
    until(lambda: all(wood.state(machine)["badges_lying"] for machine in ("saw", "cnc", "vinyl")), "they are seen")
    assert not any(wood.closed(machine) for machine in MACHINES)
    taken_off(wood, "saw")
    begin(wood, "saw")


def test_a_killed_daemon_leaves_no_relay_closed_and_a_job_in_a_plug_goes_on(wood):
    wood.start_daemon()
    begin(wood)
    wood.kill("daemon", signal.SIGKILL)
    opens(wood, "saw", "cnc")  # the guard, over RS-485 and USB
    assert wood.closed("sander") and wood.closed("vinyl"), "their own timers hold them yet"
    wood.do_part("sander", "relay", "do", name="pass_time", seconds=91)
    opens(wood, "sander")
    wood.start_daemon()
    is_in(wood, "vinyl", "running")
    assert wood.closed("vinyl")
    assert [line["why"] for line in journal(wood, "ended")] == ["interrupted"] * 3


def test_a_plug_that_nobody_looks_after_opens_by_itself(wood):
    wood.start_daemon()
    begin(wood, "vinyl")
    wood.kill("daemon", signal.SIGKILL)
    wood.do_part("vinyl", "relay", "do", name="pass_time", seconds=91)
    opens(wood, "vinyl")
    wood.start_daemon()
    is_in(wood, "vinyl", "fault")


def test_a_frozen_daemon_is_killed_and_every_relay_on_a_line_opens(wood):
    daemon = wood.start_daemon()
    begin(wood, "saw", "cnc")
    daemon.send_signal(signal.SIGSTOP)
    opens(wood, "saw", "cnc")


def test_a_stop_opens_everything_and_waits_until_it_is_open(wood):
    wood.start_daemon()
    begin(wood)
    assert wood.kill("daemon", signal.SIGTERM) == 0
    assert not any(wood.closed(machine) for machine in MACHINES)
    assert not list((wood.settings.run_dir / "leases").iterdir())


def test_readers_that_are_unplugged_are_lost_and_found_and_what_runs_goes_on(wood):
    wood.start_daemon()
    begin(wood, "cnc")
    for machine in MACHINES:
        wood.do_part(machine, "reader", "unplug")
    until(lambda: not any(each["reader"] for each in wood.status()["stations"]), "lost")
    assert wood.state("cnc")["state"] == "running"
    for machine in MACHINES:
        wood.do_part(machine, "reader", "plug")
    until(lambda: all(each["reader"] for each in wood.status()["stations"]), "found")
    begin(wood, "saw", "sander", "vinyl")
    assert wood.closed("cnc")


def test_a_reader_whose_service_was_started_anew_is_found_again_by_itself(wood):
    wood.start_daemon()
    for run in (0, 2):  # an upgrade, or a reader that hung
        wood.hand.do("pcscd", run=run)
        found = bool(run)
        until(lambda found=found: bool(wood.state("vinyl")["reader"]) is found, f"in its run {run}")
    begin(wood, "vinyl")


def test_a_relay_that_says_yes_and_does_not_switch_is_a_fault_of_its_machine_alone(wood):
    wood.start_daemon()
    wood.set_part("saw", "relay", "obeys", False, unit=1)
    for machine in ("sander", "vinyl"):
        wood.set_part(machine, "relay", "obeys", False)
    begin(wood, "cnc")
    for machine in ("saw", "sander", "vinyl"):
        wood.lay(machine, MACHINES[machine])
    for machine in ("saw", "sander", "vinyl"):
        is_in(wood, machine, "fault")
    assert wood.state("cnc")["state"] == "running"


def test_a_plug_that_cannot_be_reached_starts_nothing_and_is_back_by_itself(wood):
    wood.start_daemon()
    wood.do_part("sander", "relay", "unplug")
    until(lambda: not wood.state("sander")["answers"], "it does not answer")
    wood.lay("sander", MARIE)
    (refused,) = until(lambda: journal(wood, "refused"), "a refusal")
    assert refused["reason"] == "no_output"
    assert [line["part"] for line in journal(wood, "warned")] == ["machine"]
    wood.do_part("sander", "relay", "plug")
    until(lambda: wood.state("sander")["answers"], "it answers")
    until(lambda: not wood.state("sander")["badges_lying"], "the tap is over")
    begin(wood, "sander")


def test_off_is_tried_until_it_is_confirmed_and_shown_as_not_confirmed_until_then(wood):
    wood.start_daemon()
    begin(wood, "sander")
    wood.do_part("sander", "relay", "unplug")
    wood.set_input("sander", "off-button", active=True)
    until(lambda: wood.state("sander")["output"] == "switching_off", "told to open")
    is_in(wood, "sander", "fault")
    assert wood.closed("sander")
    wood.do_part("sander", "relay", "plug")
    opens(wood, "sander")
    until(lambda: wood.state("sander")["output"] == "off", "confirmed")


def test_a_plug_whose_button_is_pressed_is_put_back_and_it_is_told(wood):
    wood.start_daemon()
    reached(wood, "sander")
    wood.do_part("sander", "relay", "do", name="press")
    opens(wood, "sander")
    (warned,) = until(lambda: journal(wood, "warned"), "it is told")
    assert "button" in warned["detail"]
    begin(wood, "sander")
    until(lambda: wood.state("sander")["output"] == "on", "it was read back")
    wood.do_part("sander", "relay", "do", name="press")
    is_in(wood, "sander", "fault")


def test_a_usb_relay_that_is_pulled_out_in_a_session_is_a_fault_and_works_again(wood):
    wood.start_daemon()
    begin(wood, "cnc")
    wood.do_part("cnc", "relay", "unplug")
    assert not wood.closed("cnc"), "it has no supply"
    is_in(wood, "cnc", "fault")
    wood.do_part("cnc", "relay", "plug")
    until(lambda: wood.state("cnc")["answers"], "it answers")
    assert wood.loquet("machine", "clear", "cnc").returncode == 0
    taken_off(wood, "cnc")
    begin(wood, "cnc")


def test_a_plug_needs_no_guard_and_a_relay_does(wood):
    wood.start_daemon()
    wood.kill("guard")
    until(lambda: not wood.status()["guard"], "no guard")
    wood.lay("cnc", MARIE)
    (refused,) = until(lambda: journal(wood, "refused"), "a refusal")
    assert refused["reason"] == "no_guard"
    begin(wood, "sander")


def test_eight_machines_on_one_pi_and_one_that_fails_leaves_the_others_alone(tmp_path):
    with shop(tmp_path, "eight.toml") as made:
        made.start_daemon()
        uids = {"lathe": TAG, "drill": TAG, "saw": TAG[2:]}
        stations = [station.machine for station in made.settings.stations]
        reached(made, *stations)
        made.do_part("printer-2", "reader", "unplug")
        made.hand.do("chip", bus=0, device=1, silent=0xFF)
        until(lambda: made.state("printer-2")["reader"] is made.state("laser-2")["reader"] is None, "two are lost")
        well = [machine for machine in stations if machine not in {"printer-2", "laser-2"}]
        for machine in well:
            made.lay(machine, uids.get(machine, MARIE))
            until(lambda machine=machine: made.closed(machine), f"{machine} closes")
        assert [machine for machine in stations if made.closed(machine)] == well
        made.do_part("printer-2", "reader", "plug")
        until(lambda: made.state("printer-2")["reader"], "found")
        made.lay("printer-2", MARIE)
        until(lambda: made.closed("printer-2"), "it closes")


def test_check_tells_every_part_and_switches_nothing(wood):
    found = json.loads(wood.loquet("check", "--json").stdout)
    said = {}
    for each in found:
        said.setdefault(each["part"], []).append(each["found"])
    assert "PN532 1.6" in said["cnc, reader"][0]
    assert "lay a badge" in said["saw, reader"][1]
    for relay in ("saw, relay", "sander, relay", "cnc, relay", "vinyl, relay"):
        assert "open" in said[relay][0] and "ms" in said[relay][0]
    assert said["saw, power"] == ["0.0 W"]
    assert all(level == 0 for level in wood.hand.do("pins")[28:])
    assert "will be set to 190" in said["vinyl, relay"][1], "and it is not set by looking"
    wood.do_part("sander", "relay", "unplug")
    wood.do_part("cnc", "reader", "unplug")
    wood.set_part("vinyl", "relay", "power_on_state", 3)
    found = json.loads(wood.loquet("check", "--json").stdout)
    wrong = {each["part"]: each["found"] for each in found if not each["ok"]}
    assert wrong.keys() == {"sander, relay", "cnc, reader"}
    assert "cannot be reached" in wrong["sander, relay"] and "plugged in" in wrong["cnc, reader"]
    assert any("PowerOnState" in each["found"] for each in found if each["warning"])
