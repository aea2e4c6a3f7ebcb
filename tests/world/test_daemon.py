"""The whole, as processes: board, guard and the shipped daemon, on a shipped configuration."""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import told
from taps import JEAN, LAURE, MARIE, idle, journal, lay_and_wait, opens

from controller.control.server import user_name
from guard import leases as lease
from simulator.stage import until

pytestmark = pytest.mark.process


def test_a_badge_closes_the_relay_and_its_minutes_are_kept(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    assert stage.state("laser")["member"] == "marie"
    assert not stage.closed("printer")
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    (session,) = told(stage, "sessions")
    assert (session["member"], session["machine"], session["why"]) == ("marie", "laser", "badge_removed")


def test_a_badge_without_the_training_is_refused_and_why_is_journalled(stage):
    stage.start_daemon()
    stage.lay("laser", JEAN)
    (refused,) = until(lambda: journal(stage, "refused"), "a refusal")
    assert (refused["reason"], refused["wants"], refused["member"]) == ("training_missing", ["laser"], "jean")
    assert not stage.closed("laser")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_opens_every_relay_ends_every_session_and_exits_in_good_order(stage, number):
    stage.start_daemon()
    lay_and_wait(stage)
    lay_and_wait(stage, "printer", LAURE)
    assert stage.kill("daemon", number) == 0
    assert not stage.closed("laser")
    assert not stage.closed("printer")
    assert {each["why"] for each in journal(stage, "ended")} == {"stopped"}
    assert journal(stage)[-1]["kind"] == "daemon_stopped"


def test_a_killed_daemon_leaves_nothing_closed_and_its_session_ends_as_interrupted(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.kill("daemon", signal.SIGKILL)
    opens(stage)
    until(lambda: not lease.held(stage.settings.run_dir), "its lease is given back, once the relay is open")
    stage.start_daemon()
    assert not stage.closed("laser"), "the badge still lies there, and opens nothing"
    assert [each["why"] for each in journal(stage, "ended")] == ["interrupted"]
    until(lambda: "badge_was_lying" in {each["reason"] for each in journal(stage, "refused")}, "it is told why")
    stage.take("laser", MARIE)
    until(lambda: stage.state("laser")["badges_lying"] == 0, "the badge is gone")
    lay_and_wait(stage)


def test_without_a_guard_the_kernel_would_keep_the_relay_closed(stage):
    """The control: what the guard is for."""
    stage.start_daemon()
    lay_and_wait(stage)
    stage.kill("guard")
    stage.kill("daemon", signal.SIGKILL)
    assert stage.closed("laser")
    done = subprocess.run(
        [sys.executable, "-m", "guard.process", "--once", "--run-dir", str(stage.settings.run_dir)],
        env=stage.environment,
        check=False,
    )
    assert done.returncode == 0
    assert not stage.closed("laser"), "ExecStopPost opens it"


def test_a_machine_that_stood_still_for_a_while_goes_on_with_its_session(stage):
    """As one that swaps, or is paused: guard and daemon stand still together, and the lease is past when they go on."""
    stage.start_daemon()
    lay_and_wait(stage)
    mine = (stage.process("guard"), stage.process("daemon"))
    for process in mine:
        process.send_signal(signal.SIGSTOP)
    until(
        lambda: [each for _, each in lease.held(stage.settings.run_dir) if each["until"] < lease.boottime_ms()], "past"
    )
    for process in mine:
        process.send_signal(signal.SIGCONT)
    until(lambda: stage.status()["guard"], "the guard goes on, and has looked at the leases")
    assert mine[1].poll() is None
    assert stage.closed("laser")
    assert stage.state("laser")["state"] == "running"


def test_a_daemon_that_hangs_is_killed_and_its_relay_opened(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    daemon.send_signal(signal.SIGSTOP)
    opens(stage)
    until(lambda: daemon.poll() is not None, "the hung daemon is killed")


def test_without_a_live_guard_nothing_closes(stage):
    stage.start_daemon()
    stage.kill("guard")
    until(lambda: not stage.status()["guard"], "the guard's word is past")
    stage.lay("laser", MARIE)
    (refused,) = until(lambda: journal(stage, "refused"), "a refusal")
    assert refused["reason"] == "no_guard"
    assert not stage.closed("laser")


def test_a_session_goes_on_while_the_guard_restarts(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.kill("guard")
    stage.start_guard()
    assert stage.closed("laser")
    assert stage.state("laser")["state"] == "running"


def test_a_pulled_reader_is_journalled_once_and_found_again(stage):
    stage.start_daemon()
    stage.hand.do("chip", silent=255, **stage.address("laser"))
    until(lambda: stage.state("laser")["reader"] is None, "the reader is lost")
    assert stage.state("printer")["reader"] == "MFRC522 v2"
    stage.hand.do("chip", silent=None, brownout=True, **stage.address("laser"))
    until(lambda: stage.state("laser")["reader"], "the reader is found")
    assert [each["kind"] for each in journal(stage, "reader_lost", "reader_found")] == ["reader_lost", "reader_found"]
    lay_and_wait(stage)


def test_a_second_daemon_on_the_same_folder_ends_and_the_first_goes_on(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    second = stage.loquet("run")
    assert second.returncode == 1
    assert "in use" in second.stderr
    assert stage.closed("laser")


def test_no_number_of_a_badge_is_on_disk_or_in_a_log(stage, stage_folder):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.take("laser", MARIE)
    idle(stage)
    stage.kill("daemon", signal.SIGTERM)
    members = stage_folder / "members.csv"
    members.unlink()
    number = bytes.fromhex(MARIE)
    for path in stage_folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert number not in content and MARIE.encode() not in content.upper(), path


def test_a_revoked_badge_is_refused_at_the_next_tap_and_its_running_session_goes_on(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    assert stage.loquet("whitelist", "revoke", "marie", "laser").returncode == 0
    assert stage.closed("laser")
    stage.take("laser", MARIE)
    idle(stage)
    until(lambda: stage.state("laser")["badges_lying"] == 0, "the badge is gone")
    stage.lay("laser", MARIE)
    until(lambda: journal(stage, "refused"), "a refusal")
    assert not stage.closed("laser")


def test_a_lock_waits_for_the_session_and_now_cuts_it(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    assert stage.loquet("machine", "lock", "laser", "--reason", "mirror").returncode == 0
    assert stage.closed("laser")
    assert stage.loquet("machine", "unlock", "laser").returncode == 0
    assert stage.loquet("machine", "lock", "laser", "--reason", "fire", "--now").returncode == 0
    opens(stage)
    assert stage.state("laser")["locked"] == "fire"
    assert [each["why"] for each in journal(stage, "ended")] == ["locked"]


def test_an_end_from_the_shell_names_its_session(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    session = stage.state("laser")["session"]
    stage.loquet("machine", "end", "laser", "another")
    assert stage.closed("laser")
    assert stage.loquet("machine", "end", "laser", session).returncode == 0
    opens(stage)
    assert [(each["why"], each["by"]) for each in journal(stage, "ended")] == [("remote", user_name())]


@contextlib.contextmanager
def begun(stage, *command):
    """A process in a stage's world, which is gone afterwards, whatever was found."""
    with subprocess.Popen(command, env=stage.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_reading_while_the_daemon_runs_goes_through_it(stage):
    stage.start_daemon()
    with begun(stage, sys.executable, "-m", "controller", "read", "--json") as reading:
        found = {json.loads(reading.stdout.readline())["machine"] for _ in range(2)}
        assert found == {"laser", "printer"}
        stage.lay("laser", MARIE)
        line = json.loads(reading.stdout.readline())
        assert (line["event"], line["uid"], line["technology"], line["machine"]) == (
            "presented",
            MARIE,
            "iso14443a",
            "laser",
        )
        stage.take("laser", MARIE)
        assert json.loads(reading.stdout.readline())["event"] == "removed"
        reading.send_signal(signal.SIGINT)
        assert reading.wait(30) == 0
    assert stage.state("laser")["reader"] == "MFRC522 v2"


ANOTHER_THREAD_IS_HIT = """
import signal, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
from controller.commands import main
main()
"""


def sleeps(pid):
    """Whether a process's first thread does (proc(5), stat)."""
    return Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.parametrize("daemon", [True, False])
def test_reading_ends_at_a_signal_that_interrupts_nothing(stage, daemon):
    """As one does that comes just before a call that waits: here another thread is hit by it."""
    if daemon:
        stage.start_daemon()
    with begun(stage, sys.executable, "-c", ANOTHER_THREAD_IS_HIT, "read", "--json") as reading:
        for _ in range(2):
            assert json.loads(reading.stdout.readline())["event"] == "reader_found"
        until(lambda: sleeps(reading.pid), "it waits")
        reading.send_signal(signal.SIGINT)
        assert reading.wait(30) == 0


def test_reading_without_a_daemon_claims_the_readers_own_pins_alone(stage):
    before = stage.hand.do("changes")
    stage.lay("laser", MARIE)
    done = stage.loquet("read", "--json", "--once", "--machine", "laser")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"] for each in events] == ["reader_found", "presented"]
    assert events[1]["uid"] == MARIE
    touched = {line for _, line, _ in stage.hand.do("history")[before:]}
    assert touched <= {25}
    assert not stage.settings.data_dir.joinpath("log").exists()


def test_check_says_part_by_part_what_it_found(stage):
    before = stage.hand.do("changes")
    done = stage.loquet("check", "--json")
    assert done.returncode == 0, done.stdout
    parts = {each["part"]: each["found"] for each in json.loads(done.stdout)}
    assert parts["laser, reader"].startswith("MFRC522 v2, SPI bus 0, device 0, ")
    assert "open at power-on" in parts["laser, relay"]
    assert parts["laser, lid"] == "GPIO 4: closed"
    assert parts["printer, current"] == "0.0 A"
    stage.hand.do("chip", silent=0, **stage.address("laser"))
    done = stage.loquet("check")
    assert done.returncode == 1
    assert "dtparam=spi=on" in done.stdout
    touched = {line for _, line, _ in stage.hand.do("history")[before:]}
    outputs = set()
    for station in stage.settings.stations:
        for name, part in station.parts():
            outputs |= set(part.settings.pins().values()) if name not in {"reader", *station.inputs} else set()
    assert len(outputs) > 8
    assert not touched & outputs, "no relay, light or buzzer is touched"


def test_a_board_whose_chip_is_missing_puts_one_machine_out_of_order_and_not_the_other(stage):
    stage.hand.do("claim_output", number=17, level=0)  # somebody else holds the laser's relay
    stage.start_daemon()
    assert stage.state("laser")["state"] == "fault"
    assert "busy" in stage.state("laser")["cause"]
    lay_and_wait(stage, "printer", JEAN)
    cleared = stage.loquet("machine", "clear", "laser")
    assert cleared.returncode == 1, "what is missing is cleared by nobody"
    assert "busy" in cleared.stderr
    stage.lay("laser", MARIE)
    until(lambda: journal(stage, "refused"), "it is told why")
    assert not stage.closed("laser")
    stage.take("laser", MARIE)
    stage.hand.do("free", number=17)  # whoever it was is done with it
    idle(stage)
    lay_and_wait(stage)


def test_a_named_output_closes_before_its_machine_opens_after_it_and_has_its_own_lease(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    leases = {path.name for path, _ in lease.held(stage.settings.run_dir)}
    assert leases == {"laser.machine", "laser.extractor", "laser.beam"}
    stage.take("laser", MARIE)
    until(lambda: not stage.hand.do("pins")[12], "the extractor opens")
    moves = [(line, level) for _, line, level in stage.hand.do("history") if line in {17, 12}]
    assert moves == [(12, 1), (17, 1), (17, 0), (12, 0)]
    ran_on = {line: at for at, line, _ in stage.hand.do("history") if line in {17, 12}}
    assert ran_on[12] - ran_on[17] > 4, "it ran on"
    idle(stage)
    until(lambda: stage.state("laser")["badges_lying"] == 0, "the badge is gone")
    lay_and_wait(stage)
    stage.kill("daemon", signal.SIGKILL)
    until(lambda: not (stage.closed("laser") or stage.hand.do("pins")[12]), "the guard opens both")


def test_two_members_badges_laid_at_once_are_refused(stage):
    daemon = stage.start_daemon()
    daemon.send_signal(signal.SIGSTOP)
    stage.lay("laser", MARIE)
    stage.lay("laser", LAURE)
    daemon.send_signal(signal.SIGCONT)
    until(lambda: stage.state("laser")["badges_lying"] == 2, "both are seen")
    assert {each["reason"] for each in journal(stage, "refused")} == {"several_badges"}
    assert not journal(stage, "granted")


def test_what_is_asked_of_the_socket_may_be_anything(stage):
    import socket

    stage.start_daemon()
    path = str(stage.settings.run_dir / "control")
    for raw in (
        b"",
        b"\n",
        b"[]\n",
        b"{}\n",
        b"\xff\n",
        b'{"do": "nothing"}\n',
        b'{"do": "clear", "machine": "x"}\n',
        b"x" * 100_000,
        b'{"do": "edit", "rows": -1, "replace": true}\n',
        b'{"do": "edit", "rows": 2, "replace": true}\n+{}\n',
        b'{"do": "hash", "uid": "zz", "technology": 1}\n',
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(30)
            link.connect(path)
            try:
                link.sendall(raw)
                link.shutdown(socket.SHUT_WR)
                answer = link.makefile("rb").readline()
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert not answer or b"error" in answer
    assert stage.state("laser")["state"] == "idle"
    lay_and_wait(stage)


def test_the_journal_survives_a_kill_at_any_time(stage, rng):
    """Taps go on while the daemon is killed again and again: no session is lost, none ends twice."""
    for _ in range(4):
        stage.start_daemon()
        lay_and_wait(stage)
        if rng.random() < 0.5:
            stage.take("laser", MARIE)
        time.sleep(rng.random() * 0.1)
        stage.kill("daemon", signal.SIGKILL)
        opens(stage)
        stage.take("laser", MARIE)
    stage.start_daemon()
    began = [each["session"] for each in journal(stage, "granted")]
    ended = [each["session"] for each in journal(stage, "ended")]
    assert len(began) == 4
    assert sorted(began) == sorted(ended)
    db = sqlite3.connect(stage.settings.data_dir / "loquet.db")
    assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
    db.close()


def test_the_off_button_opens_the_relay_and_the_badge_that_lies_there_does_not_close_it_again(stage):
    stage.start_daemon()
    lay_and_wait(stage)
    stage.hand.do("drive", number=6, level=0)
    opens(stage)
    stage.hand.do("drive", number=6, level=None)
    until(lambda: journal(stage, "ended"), "the end")
    assert [each["why"] for each in journal(stage, "ended")] == ["input"]
    assert not stage.closed("laser")
    stage.take("laser", MARIE)
    until(lambda: not stage.state("laser")["badges_lying"], "the badge is away")
    lay_and_wait(stage)


def test_a_stop_that_waits_leaves_a_session_alone_and_comes_at_its_end(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    refused = stage.loquet("stop", "--wait", "0 s")
    assert (refused.returncode, "laser" in refused.stderr) == (75, True)
    assert stage.closed("laser")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "controller", "stop"], env=stage.environment, stderr=subprocess.PIPE, text=True
    )
    assert "laser" in waiting.stderr.readline()
    stage.lay("printer", JEAN)  # the other machines stay usable meanwhile
    until(lambda: stage.closed("printer"), "the printer closes")
    stage.take("printer", JEAN)
    stage.take("laser", MARIE)
    idle(stage)
    assert daemon.poll() is None
    stage.lay("printer", JEAN)
    assert daemon.wait(60) == 10
    assert waiting.wait(60) == 0
    waiting.stderr.close()
    assert journal(stage)[-1]["kind"] == "daemon_stopped"
    assert {each["why"] for each in journal(stage, "ended")} == {"badge_removed", "badge_tapped"}


def test_wrong_settings_have_an_exit_status_of_their_own_and_a_disk_that_fails_has_not(stage):
    good = stage.config.read_text()
    stage.config.write_text(good.replace("pin = 17", "pin = 99"))
    done = stage.loquet("run")
    assert (done.returncode, "relay, pin" in done.stderr) == (78, True)
    stage.config.unlink()
    assert stage.loquet("run").returncode == 78
    stage.config.symlink_to("/proc/self/mem")  # an input/output error: the next start may have better luck
    assert stage.loquet("run").returncode == 1
    stage.config.unlink()
    stage.config.write_text(good)


def test_a_disk_that_does_not_answer_at_start_is_said_at_every_tap_until_it_does(stage):
    book = stage.settings.data_dir / "loquet.db"
    book.rename(book.with_name("elsewhere"))
    book.symlink_to("/dev/full")
    stage.start_daemon()
    assert "loquet.db" in stage.status()["storage"]
    stage.lay("laser", MARIE)
    pins = stage.settings.station("laser").light.settings
    until(lambda: stage.hand.do("pins")[pins.red] and not stage.hand.do("pins")[pins.green], "the light is red")
    until(lambda: stage.state("laser")["badges_lying"], "the badge is seen")
    assert not stage.closed("laser")
    stage.take("laser", MARIE)
    until(lambda: not stage.state("laser")["badges_lying"], "it is gone")
    book.unlink()
    book.with_name("elsewhere").rename(book)
    until(lambda: stage.status()["storage"] == "ok", "the disk answers again")
    lay_and_wait(stage)
    assert [each["reason"] for each in journal(stage, "refused")] == ["no_storage"]
