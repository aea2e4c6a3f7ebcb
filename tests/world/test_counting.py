"""Counting and correcting through the commands: hours, maintenance, groups, forgotten tap-outs."""

import pytest
from commands import told
from taps import LAURE, MARIE, journal, lay_and_wait, opens

from simulator.stage import until

pytestmark = pytest.mark.process


def sessions(stage):
    return told(stage, "sessions")


def machines(stage):
    return {each["machine"]: each for each in told(stage, "machine", "list")}


def used(stage):
    """Marie uses the printer for a moment."""
    stage.start_daemon()
    lay_and_wait(stage, "printer")
    stage.take("printer", MARIE)
    until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    stage.lay("printer", MARIE)
    opens(stage, "printer")
    until(lambda: journal(stage, "ended"), "the end is written")
    return sessions(stage)[0]


@pytest.mark.parametrize("running", [True, False], ids=["through the daemon", "without it"])
def test_a_forgotten_tap_out_is_corrected_by_a_second_entry_and_the_counter_stays(stage, running):
    recorded = used(stage)
    counted = machines(stage)["printer"]
    if not running:
        stage.kill("daemon", 15)
    done = stage.loquet("correct", recorded["session"][:6], "--powered", "45 min", "--reason", "forgot to tap out")
    assert done.returncode == 0, done.stderr
    (corrected,) = until(lambda: [each for each in sessions(stage) if each["note"]], "the correction is written")
    assert (corrected["powered_s"], corrected["note"]) == (2700, "forgot to tap out")
    assert corrected["corrected_by"]
    assert journal(stage, "ended")[0]["powered"] < 60_000, "what was recorded stays"
    assert machines(stage)["printer"] == counted
    again = stage.loquet("correct", recorded["session"], "--purpose", "order", "--reason", "it was an order")
    assert again.returncode == 0
    (both,) = until(lambda: [each for each in sessions(stage) if each["purpose"] == "order"], "and the second")
    assert both["powered_s"] == 2700


def test_what_cannot_be_corrected_is_said(stage):
    stage.start_daemon()
    lay_and_wait(stage, "printer")
    running = sessions(stage)[0]["session"]
    for arguments, words in (
        ((running, "--powered", "1 h", "--reason", "x"), "not over yet"),
        (("ffff", "--powered", "1 h", "--reason", "x"), "no session"),
        ((running, "--powered", "soon", "--reason", "x"), "'soon'"),
        ((running, "--reason", "x"), "--powered"),
        ((running, "--people", "3", "--reason", " "), "why"),
    ):
        done = stage.loquet("correct", *arguments)
        assert done.returncode != 0
        assert words in done.stderr, done.stderr


def test_maintenance_is_due_by_hours_and_counted_from_when_it_was_done(stage):
    used(stage)
    before = machines(stage)["printer"]
    assert before["sessions"] == 1
    assert before["maintenance_in_s"] <= 200 * 3600
    done = stage.loquet("machine", "maintained", "printer", "--note", "nozzle")
    assert done.returncode == 0, done.stderr
    (entry,) = until(lambda: journal(stage, "maintained"), "it is written")
    assert entry["note"] == "nozzle"
    assert machines(stage)["printer"]["maintenance_in_s"] == 200 * 3600
    assert machines(stage)["printer"]["powered_s"] == before["powered_s"]


def test_a_group_is_let_in_by_the_shell_and_a_badge(stage):
    stage.start_daemon()
    done = stage.loquet("machine", "group", "laser", "--organisation", "Collège", "--people", "12")
    assert done.returncode == 0, done.stderr
    stage.lay("laser", LAURE)
    until(lambda: stage.closed("laser"), "it opens for her")
    stage.take("laser", LAURE)
    until(lambda: stage.state("laser")["badges_lying"] == 0, "the badge is gone")
    assert stage.closed("laser")
    (session,) = sessions(stage)
    assert (session["organisation"], session["people"], session["purpose"]) == ("Collège", 12, "training")
    busy = stage.loquet("machine", "group", "laser")
    assert busy.returncode == 1
    assert "not free" in busy.stderr


def test_a_machine_asks_for_a_second_person_by_the_whitelist(stage):
    stage.start_daemon()
    assert stage.loquet("whitelist", "require", "printer", "printer", "--buddy").returncode == 0
    stage.lay("printer", MARIE)
    until(lambda: stage.state("printer")["state"] == "awaiting", "a buddy is waited for")
    explained = stage.loquet("whitelist", "explain", "marie", "printer")
    assert "nobody works here alone" in explained.stdout
    assert stage.loquet("whitelist", "require", "printer", "printer", "--alone").returncode == 0
