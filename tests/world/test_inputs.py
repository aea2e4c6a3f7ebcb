"""Inputs and displays with real processes, on pins, SPI bits and I²C bytes."""

import pytest
from taps import MARIE, idle, journal, lay_and_wait, opens

from simulator.stage import until

pytestmark = pytest.mark.process
BEAM, EXTRACTOR = 18, 12


def lcd(stage):
    return [line.rstrip() for line in stage.hand.do("display", bus=1, address=0x27)["lines"]]


def test_an_emergency_stop_opens_everything_and_any_member_clears_it(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.set_input("laser", "emergency-stop", active=True)
    opens(stage)
    until(lambda: not stage.hand.do("pins")[EXTRACTOR], "the extractor too: it does not run on")
    assert stage.state("laser")["cause"] == "emergency-stop"
    stage.set_input("laser", "emergency-stop", active=False)
    stage.take("laser", MARIE)
    until(lambda: stage.state("laser")["badges_lying"] == 0, "the badge is gone")
    stage.lay("laser", MARIE)
    idle(stage)
    assert [each["cause"] for each in journal(stage, "ended")] == ["emergency-stop"]


def test_a_cut_wire_is_a_pressed_emergency_stop_from_the_start(stage):
    stage.hand.do("drive", number=1, level=None)
    stage.start_daemon()
    assert stage.state("laser")["state"] == "fault"
    stage.lay("laser", MARIE)
    until(lambda: journal(stage, "refused"), "a refusal")
    assert not stage.closed("laser")


def test_the_lid_opens_the_beam_and_nothing_else(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.set_input("laser", "lid", active=True)
    until(lambda: not stage.hand.do("pins")[BEAM], "the beam opens")
    assert stage.closed("laser")
    stage.set_input("laser", "lid", active=False)
    until(lambda: stage.hand.do("pins")[BEAM], "the beam closes again")
    assert journal(stage, "ended") == []


def test_a_print_that_is_done_switches_its_printer_off(stage):
    stage.start_daemon()
    lay_and_wait(stage, "printer")
    stage.set_amount("printer", "current", 3.0)
    until(lambda: stage.state("printer")["inputs"]["current"], "it prints")
    stage.set_amount("printer", "current", 0.6)
    stage.set_amount("printer", "current", 0.1)
    until(lambda: not stage.state("printer")["inputs"]["current"], "it is done")
    opens(stage, "printer")
    assert [each["why"] for each in journal(stage, "ended")] == ["rested"]


def test_a_display_says_who_works_there_and_a_pulled_one_holds_up_nobody(stage):
    stage.start_daemon()
    until(lambda: lcd(stage)[0] == "Printer", "the display is on")
    lay_and_wait(stage, "printer")
    until(lambda: lcd(stage)[1] == "Marie", "it names her")
    stage.hand.do("unplug", bus=1, address=0x27)
    stage.take("printer", MARIE)
    until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    stage.lay("printer", MARIE)
    opens(stage, "printer")
    until(lambda: journal(stage, "warned"), "the display is missed")
    assert journal(stage, "warned")[0]["part"] == "display"


def test_a_daemon_without_its_display_starts_and_lets_in(stage):
    stage.hand.do("unplug", bus=1, address=0x27)
    stage.hand.do("unplug", bus=1, address=0x3C)
    stage.start_daemon()
    lay_and_wait(stage)
    lay_and_wait(stage, "printer")
