"""Restarts with real processes: what resumes keeps its contact closed, and nothing else does."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
from commands import told
from taps import MARIE, idle, journal, lay_and_wait, opens

from guard import leases as lease
from simulator.stage import Stage, until

pytestmark = pytest.mark.process


def printing(stage):
    """Marie prints: the printer of the demo resumes, the laser does not."""
    daemon = stage.start_daemon()
    lay_and_wait(stage, "printer")
    stage.take("printer", MARIE)
    until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    stage.set_amount("printer", "current", 3.0)
    until(lambda: stage.state("printer")["inputs"]["current"], "it prints")
    return daemon


def moves(stage, since, pin=5):
    return [level for _at, line, level in stage.hand.do("history")[since:] if line == pin]


def usage(stage):
    return told(stage, "sessions")


def test_a_killed_daemon_cuts_no_print_and_it_stays_one_session(stage):
    printing(stage)
    since = stage.hand.do("changes")
    stage.kill("daemon", signal.SIGKILL)
    stage.start_daemon()
    assert stage.state("printer")["state"] == "running"
    assert moves(stage, since) == [], "the relay never moved"
    stage.lay("printer", MARIE)
    until(lambda: stage.state("printer")["state"] == "leaving", "she taps out, and it waits for the print")
    stage.set_amount("printer", "current", 0.0)
    opens(stage, "printer")
    (session,) = usage(stage)
    assert (session["why"], session["member"]) == ("badge_tapped", "marie")
    assert session["powered_s"] >= session["busy_s"] > 0
    assert len(journal(stage, "resumed")) == 1


def test_a_killed_daemon_resumes_one_machine_and_opens_the_other(stage):
    printing(stage)
    lay_and_wait(stage, "laser")
    stage.kill("daemon", signal.SIGKILL)
    opens(stage, "laser")
    assert stage.closed("printer")


def test_a_daemon_that_hangs_is_killed_by_the_watchdog_and_the_print_goes_on(stage):
    daemon = printing(stage)
    daemon.send_signal(signal.SIGSTOP)
    since = stage.hand.do("changes")
    stage.kill("daemon", signal.SIGKILL)  # as systemd's watchdog does
    stage.start_daemon()
    assert stage.state("printer")["state"] == "running"
    assert moves(stage, since) == []


@pytest.fixture
def plain_kernel(stage_folder, members):
    """The same workshop under a kernel that makes an input of a line whose holder is gone."""
    shutil.copytree(members, stage_folder / "data")
    with Stage(stage_folder / "demo.toml", keeps=False) as made:
        made.start_board()
        made.start_guard()
        yield made


def test_where_the_kernel_keeps_no_level_nothing_resumes_and_nothing_closes_by_itself(plain_kernel):
    stage = plain_kernel
    printing(stage)
    assert lease.read(stage.settings.run_dir / lease.LEASES / "printer.machine")["resume"] is False
    (warned,) = [line for line in journal(stage, "warned") if line["machine"] == "printer"]
    assert "no session resumes" in warned["detail"]
    assert stage.state("printer")["resumes"] is False
    assert "no session resumes" in stage.loquet("check").stdout
    since = stage.hand.do("changes")
    stage.kill("daemon", signal.SIGKILL)
    opens(stage, "printer")
    stage.start_daemon()
    until(lambda: stage.state("printer")["state"] == "idle", "it is at rest")
    assert moves(stage, since) == [1], "open, and it stays so"
    assert [each["why"] for each in usage(stage)] == ["interrupted"]


def test_where_the_kernel_keeps_levels_a_machine_says_that_it_resumes(stage):
    printing(stage)
    assert stage.state("printer")["resumes"] is True
    assert "resumes" not in stage.state("laser")
    assert not journal(stage, "warned")


def run_out(stage, name="printer.machine"):
    """Let a lease run out without waiting for it."""
    path = stage.settings.run_dir / lease.LEASES / name
    lease.write(str(path), json.dumps(lease.read(path) | {"until": lease.boottime_ms()}).encode())


def test_a_restart_that_never_comes_opens_the_relay_with_its_lease(stage):
    printing(stage)
    stage.kill("daemon", signal.SIGKILL)
    assert stage.closed("printer")
    run_out(stage)
    opens(stage, "printer")
    stage.start_daemon()
    assert [each["why"] for each in usage(stage)] == ["interrupted"]


def test_a_daemon_that_hangs_for_good_is_killed_with_its_lease(stage):
    daemon = printing(stage)
    daemon.send_signal(signal.SIGSTOP)
    run_out(stage)
    opens(stage, "printer")
    until(lambda: daemon.poll() is not None, "the hung daemon is killed")


def test_sigterm_ends_what_would_resume(stage):
    printing(stage)
    assert stage.kill("daemon", signal.SIGTERM) == 0
    assert not stage.closed("printer")
    stage.start_daemon()
    assert [each["why"] for each in usage(stage)] == ["stopped"]
    idle(stage, "printer")


def test_another_boot_ends_what_would_resume(stage):
    printing(stage)
    stage.kill("daemon", signal.SIGKILL)
    path = stage.settings.run_dir / lease.LEASES / "printer.machine"
    lease.write(str(path), json.dumps(lease.read(path) | {"boot": "another"}).encode())
    stage.start_daemon()
    assert not stage.closed("printer")
    assert [each["why"] for each in usage(stage)] == ["interrupted"]


@pytest.mark.parametrize(
    ("result", "stays"), [("watchdog", True), ("signal", True), ("success", False), ("timeout", False)]
)
def test_what_systemd_does_after_the_end_opens_all_if_the_service_was_told_to_stop(stage, result, stays):
    printing(stage)
    stage.kill("guard")
    stage.kill("daemon", signal.SIGKILL)
    done = subprocess.run(
        [sys.executable, "-m", "guard.process", "--once", "--run-dir", str(stage.settings.run_dir)],
        env=stage.environment | {"SERVICE_RESULT": result},
        check=False,
    )
    assert done.returncode == 0
    assert stage.closed("printer") is stays


def test_a_relay_that_was_wired_elsewhere_meanwhile_is_opened_where_it_was(stage):
    printing(stage)
    stage.kill("daemon", signal.SIGKILL)
    text = stage.config.read_text()
    moved = text.replace('buzzer = { driver = "gpio", pin = 27 }\n', "")
    moved = moved.replace('{ driver = "gpio", pin = 5, active_low = true }', '{ driver = "gpio", pin = 27 }')
    stage.config.write_text(moved)
    stage.start_daemon()
    until(lambda: stage.hand.do("pins")[5] == 1, "the guard opens what nobody has any more")
    assert stage.hand.do("pins")[27] == 0, "the new pin stands open"
    assert [each["why"] for each in usage(stage)] == ["interrupted"]


def test_an_off_button_works_again_as_soon_as_the_daemon_is_back(stage):
    printing(stage)
    stage.kill("daemon", signal.SIGKILL)
    stage.set_input("printer", "off-button", active=True)
    stage.start_daemon()
    opens(stage, "printer")
    assert [each["why"] for each in usage(stage)] == ["input"]
