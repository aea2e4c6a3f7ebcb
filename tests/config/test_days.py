"""A day in the life of each shipped configuration: what its comments promise, through the shipped loop and journal."""

from pathlib import Path

import pytest
from workshop import Workshop

import config

HERE = Path(config.__file__).parent


def workshop(name):
    return Workshop((HERE / name).read_text(encoding="utf-8"))


# The first settings and the demo have stories elsewhere.
LIVED = {"controller.toml", "controller.fr.toml", "demo.toml", "demo-wood.toml", "eight.toml"}


def test_the_keypad():
    with workshop("keypad.toml") as w:
        w.give_pin("marie", "4711")
        w.tap("marie")
        assert not w.closed()
        w.type("4711#")
        assert w.closed()
        w.tap("marie")
        assert not w.closed(), "a badge alone switches off"
        w.tap("jean")
        assert w.refusals() == ["pin_missing"]


def test_the_laser():
    with workshop("laser.toml") as w:
        w.input("chiller")  # nothing flows and blows before the laser has power
        w.input("airflow")
        w.lay("marie")
        assert w.closed()
        assert w.closed("extractor")
        w.wait(5)
        w.input("chiller", active=False)
        w.input("airflow", active=False)
        w.input("cutting")
        for _piece in range(10):
            w.wait(120)
            w.input("lid")
            assert (w.closed(), w.closed("beam")) == (True, False)
            w.input("lid", active=False)
        w.take("marie")
        w.wait(300)
        assert w.closed(), "the cut goes on to its end"
        w.input("cutting", active=False)
        w.wait(5)
        assert (w.closed(), w.closed("extractor")) == (False, True)
        w.wait(120)
        assert not w.closed("extractor")
        (session,) = w.sessions()
        assert (session.why, session.busy_s) == ("badge_removed", 1500)
        w.input("chiller")
        w.input("airflow")
        w.lay("jean")
        w.wait(11)
        assert not w.closed(), "the chiller never came on"
        w.input("emergency-stop")
        w.input("emergency-stop", active=False)
        w.take("jean")
        w.lay("jean")
        assert w.is_in == "Idle", "any certified member clears a released stop"


def test_the_mill():
    with workshop("mill.toml") as w:
        w.press("order")
        w.tap("marie")
        w.input("spindle")
        w.wait(3600)
        w.tap("marie")
        w.wait(600)
        assert w.closed(), "the job goes on to its end"
        w.input("spindle", active=False)
        w.wait(15)
        assert (w.closed(), w.closed("vacuum")) == (False, True)
        w.tap("marie")
        w.wait(60)
        w.tap("jean")
        assert [session.why for session in w.sessions()] == ["badge_tapped", "taken_over", None]
        w.wait(1200)
        assert w.ends()[-1] == "idle"
        assert w.sessions()[0].purpose == "order"
        w.press("class")
        w.tap("tom")
        w.input("spindle")
        w.press("off-button")
        assert not w.closed()
        assert w.sessions()[-1].group


def test_the_saw():
    with workshop("saw.toml") as w:
        w.wait(10)
        w.lay("marie")
        assert not w.closed()
        w.tap("jean")
        assert w.closed()
        w.input("motor")
        w.wait(60)
        w.take("marie")
        assert not w.closed(), "badge gone, power off"
        assert w.closed("dust")
        w.wait(5)
        w.input("motor", active=False)
        w.wait(60)
        assert w.is_in == "Idle"
        w.lay("marie")
        w.wait(20)
        assert w.refusals()[-1] == "buddy_needed"
        w.take("marie")
        w.press("lock")
        w.tap("laure")
        assert w.is_in == "Locked"


def test_the_printer():
    with workshop("printer.toml") as w:
        w.tap("marie")
        w.input("current")
        w.wait(15 * 3600)
        w.kill()
        w.wait(20)
        w.start()
        w.wait(15 * 3600)
        assert w.closed()
        w.input("current", active=False)
        w.wait(15 * 60)
        assert w.closed(), "a change of filament is no end"
        w.input("current")
        w.wait(600)
        w.input("current", active=False)
        w.wait(21 * 60)
        assert "about to end" in w.display
        w.wait(9 * 60)
        assert not w.closed()
        (session,) = w.sessions()
        assert session.why == "rested"
        assert session.powered_s == 30 * 3600 + 20 + 15 * 60 + 600 + 30 * 60


def test_the_kiln():
    with workshop("kiln.toml") as w:
        w.wait(300)
        w.input("door")
        w.tap("tom")
        assert w.refusals() == ["interlock"]
        w.input("door", active=False)
        w.tap("marie")
        assert not w.closed()
        w.tap("tom")
        assert w.closed()
        w.wait(10 * 3600)
        w.kill()
        w.wait(30)
        w.start()
        w.wait(4 * 3600 - 30)
        assert w.ends() == ["time_up"]
        w.wait(3600)
        w.tap("tom")
        w.input("over-temperature")
        assert not w.closed()
        w.input("over-temperature", active=False)
        w.tap("tom")
        assert w.is_in == "Fault", "that takes a maintainer"


def test_the_sewing_machine():
    with workshop("sewing.toml") as w:
        w.tap("marie")
        for _seam in range(5):
            w.input("pedal")
            w.wait(20)
            w.input("pedal", active=False)
            w.wait(100)
        w.tap("jean")
        w.wait(20 * 60)
        assert [(each.member, each.why) for each in w.sessions()] == [("marie", "taken_over"), ("jean", "idle")]
        assert w.sessions()[0].busy_s == 100


def test_the_compressor_runs_while_either_machine_needs_air():
    with workshop("compressor.toml") as w:
        air = w.contacts["compressor", "service"]
        w.lay("marie", "spray-booth")
        assert air.is_on
        w.tap("jean", "sandblaster")
        w.wait(60)
        w.take("marie", "spray-booth")
        w.wait(5)
        assert not w.closed(machine="spray-booth")
        assert air.is_on, "the sandblaster still needs it"
        w.tap("jean", "sandblaster")
        assert air.is_on, "it fills its tank once more"
        w.wait(30)
        assert not air.is_on
        assert len(air.history) == 2
        w.wait(300)
        assert not w.closed("fan", "spray-booth")
        assert len(w.sessions()) == 2, "nobody is billed for the compressor"


def test_a_killed_daemon_leaves_no_compressor_running():
    with workshop("compressor.toml") as w:
        w.lay("marie", "spray-booth")
        w.kill()
        assert not w.contacts["compressor", "service"].is_on


def test_a_machine_whose_service_fails_is_out_of_order_and_the_other_too_once_it_is_used():
    with workshop("compressor.toml") as w:
        w.contacts["compressor", "service"].breaks = True
        w.lay("marie", "spray-booth")
        assert not w.closed(machine="spray-booth")
        assert w.ends() == ["fault"]


@pytest.mark.parametrize("path", sorted(HERE.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_configuration_has_its_day(path):
    stories = {name.removeprefix("test_the_") for name in globals() if name.startswith("test_the_")}
    stem = {"sewing.toml": "sewing_machine", "compressor.toml": "compressor_runs_while_either_machine_needs_air"}
    assert path.name in LIVED or stem.get(path.name, path.stem) in stories
