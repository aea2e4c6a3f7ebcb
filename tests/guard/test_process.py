"""The guard: whatever became of the daemon, a lease that is past is opened."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from guard import leases as lease
from guard.process import OPENERS, Guard, main
from simulator.stage import until


def lend(board, folder, *, until, pid=None, started=None, resume=False, line=17, level=0):
    """Write a lease as a daemon does, for an output that is closed."""
    lease.prepare(folder)
    owner = pid or os.getpid()
    record = {
        "machine": "laser",
        "output": "machine",
        "opening": {"kind": "gpio", "chip": 0, "line": line, "level": level},
        "pid": owner,
        "started": lease.started(owner) if started is None else started,
        "resume": resume,
        "until": until,
    }
    lease.write(f"{folder}/leases/laser.machine", json.dumps(record).encode())
    board.board.pins.lines[line].output = True
    board.board.pins.lines[line].level = 1 - level


@pytest.fixture
def said():
    return []


@pytest.fixture
def guard(tmp_path, said):
    with contextlib.closing(Guard(tmp_path, said.append)) as made:
        yield made


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    process.stdin.close()


def gone(process):
    """A process that was, with the time at which it began."""
    began = lease.started(process.pid)
    process.kill()
    process.wait()
    return {"pid": process.pid, "started": began}


def test_a_lease_that_runs_is_left_alone(board, guard, tmp_path):
    lend(board, tmp_path, until=2_000)
    assert guard.step(1_999) == 0
    assert board.board.pins.lines[17].level == 1


def test_a_daemon_that_is_gone_leaves_nothing_closed(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, **gone(sleeper))
    guard.step(0)
    assert board.board.pins.lines[17].level == 0
    assert lease.held(tmp_path) == []


def test_an_active_low_output_is_opened_high(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, line=5, level=1, **gone(sleeper))
    guard.step(0)
    assert board.board.pins.lines[5].level == 1


def test_a_station_that_resumes_keeps_its_lease_until_it_is_past(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, resume=True, **gone(sleeper))
    guard.step(1_999)
    assert board.board.pins.lines[17].level == 1
    guard.step(2_000)
    assert board.board.pins.lines[17].level == 0


def test_a_daemon_that_hangs_on_without_renewing_is_killed(board, guard, tmp_path, sleeper, said):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(2_000)
    assert sleeper.wait() == -signal.SIGKILL
    assert board.board.pins.lines[17].level == 0
    assert "killed" in said[0]


def test_a_daemon_that_stood_still_together_with_the_guard_has_the_time_to_renew(board, guard, tmp_path, sleeper, said):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(200)
    guard.step(3_200)  # the whole machine swapped, or was paused
    assert sleeper.poll() is None
    lend(board, tmp_path, until=5_300, pid=sleeper.pid)
    guard.step(3_400)
    guard.step(5_000)
    assert sleeper.poll() is None
    assert board.board.pins.lines[17].level == 1
    assert not said


def test_one_that_hangs_all_the_same_is_killed_once_it_had_that_time(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(200)
    for now in range(3_200, 4_700, 200):
        guard.step(now)
        assert board.board.pins.lines[17].level == 1
    guard.step(4_700)
    assert sleeper.wait() == -signal.SIGKILL
    assert board.board.pins.lines[17].level == 0


def test_on_a_machine_that_is_late_all_the_time_one_that_hangs_is_killed_too(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    for now in range(0, 14_000, 1_000):
        guard.step(now)
    assert sleeper.wait() == -signal.SIGKILL
    assert board.board.pins.lines[17].level == 0


def test_after_a_stall_what_is_dead_or_asks_for_it_is_opened_at_once(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=0, pid=sleeper.pid)  # its driver could not open it
    guard.step(0)
    assert board.board.pins.lines[17].level == 0
    other = sleeper.wait()
    lend(board, tmp_path, until=9_000, pid=1, started=1)
    guard.step(5_000)
    assert board.board.pins.lines[17].level == 0
    assert other == -signal.SIGKILL


def test_another_process_with_the_same_pid_is_not_killed(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid, started=1)
    guard.step(2_000)
    assert sleeper.poll() is None
    assert board.board.pins.lines[17].level == 0


def test_once_opens_what_the_dead_left_and_touches_no_living(board, tmp_path, sleeper, capsys):
    lend(board, tmp_path, until=0, pid=sleeper.pid)
    assert main(["--run-dir", str(tmp_path), "--once"]) == 0
    assert sleeper.poll() is None
    lend(board, tmp_path, until=lease.boottime_ms() + 60_000, **gone(sleeper))
    assert main(["--run-dir", str(tmp_path), "--once"]) == 0
    assert board.board.pins.lines[17].level == 0
    assert "opened" in capsys.readouterr().err


def test_a_line_that_somebody_holds_is_tried_until_it_is_free_and_told_once(board, guard, tmp_path, sleeper, said):
    board.hand.do("claim_output", number=17, level=1)
    lend(board, tmp_path, until=0, **gone(sleeper))
    assert [guard.step(10), guard.step(20)] == [1, 1]
    assert len(said) == 1
    board.hand.do("free", number=17)
    assert guard.step(30) == 0
    assert board.board.pins.lines[17].level == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"pid": "x"}'])
def test_a_lease_that_makes_no_sense_does_not_keep_the_others_closed(board, guard, tmp_path, content, sleeper):
    lend(board, tmp_path, until=0, **gone(sleeper))
    (tmp_path / "leases" / "a.torn").write_bytes(content)
    guard.step(10)
    assert board.board.pins.lines[17].level == 0


def test_a_guard_is_alive_only_while_it_says_so(tmp_path):
    assert not lease.guard_alive(tmp_path, 0)
    word = lease.GuardWord(tmp_path)
    assert word.until(0) == 0
    lease.say_guarded(tmp_path, 100)
    assert lease.guard_alive(tmp_path, 99)
    assert not lease.guard_alive(tmp_path, 100)
    assert word.until(99) == 100
    lease.say_guarded(tmp_path, 200)
    assert word.until(150) == 200
    (tmp_path / "guard").unlink()
    assert word.until(250) == 0
    lease.say_guarded(tmp_path, 300)
    assert word.until(250) == 300
    (tmp_path / "guard").write_bytes(b"")
    assert word.until(0) == 0
    word.close()


def test_the_guard_names_a_folder_that_cannot_be_used(capsys):
    assert main(["--run-dir", "/proc/none"]) == 1
    assert "--run-dir" in capsys.readouterr().err


def test_what_a_lost_lease_lent_is_opened_with_its_owners_end(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(1_000)
    (tmp_path / "leases" / "laser.machine").unlink()
    guard.step(1_200)
    assert board.board.pins.lines[17].level == 1, "its owner lives, and may have given it back"
    sleeper.kill()
    sleeper.wait()
    guard.step(1_400)
    assert board.board.pins.lines[17].level == 0


def test_a_lease_that_was_garbled_ends_when_it_would_have(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(1_000)
    (tmp_path / "leases" / "laser.machine").write_bytes(b"\xff")
    guard.step(1_900)
    assert sleeper.poll() is None
    guard.step(2_000)
    assert sleeper.wait() == -signal.SIGKILL
    assert board.board.pins.lines[17].level == 0


def test_a_run_directory_that_cannot_be_read_is_told_and_ends_nothing(guard, tmp_path, said):
    (tmp_path / "leases").write_text("a file")
    assert guard.step(0) == 0
    assert guard.step(1) == 0
    assert len(said) == 1


def test_pins_are_opened_before_anybody_is_asked_on_a_line(tmp_path, said, monkeypatch):
    lease.prepare(tmp_path)
    opened = []
    for kind in ("gpio", "serial"):
        monkeypatch.setitem(OPENERS, kind, lambda opening: opened.append(opening["kind"]))
    for name, kind in (("a-saw", "serial"), ("b-mill", "serial"), ("z-laser", "gpio")):
        record = {"opening": {"kind": kind}, "pid": 0, "started": 1, "resume": False, "until": 0}
        lease.write(f"{tmp_path}/leases/{name}.machine", json.dumps(record).encode())
    assert Guard(tmp_path, said.append).step(1_000) == 0
    assert opened == ["gpio", "serial", "serial"]


def test_the_time_that_a_guard_takes_to_kill_one_daemon_spares_no_other(board, guard, tmp_path, sleeper, monkeypatch):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    clock = [1_800]
    monkeypatch.setattr("guard.process.lease.boottime_ms", lambda: clock[0])

    def slowly(pid):
        os.kill(pid, signal.SIGKILL)
        clock[0] += 2_000

    monkeypatch.setattr("guard.process.kill", slowly)
    guard.step(1_800)
    clock[0] = 2_000
    guard.step(2_000)
    assert sleeper.wait() == -signal.SIGKILL
    lend(board, tmp_path, until=4_100, pid=other.pid)
    guard.step(4_200)
    try:
        assert other.wait(10) == -signal.SIGKILL, "killed at once: the guard was at work, and not asleep"
    finally:
        other.kill()
        other.stdin.close()


def test_a_line_that_a_dead_daemon_had_is_held_open_until_a_daemon_lives(board, guard, tmp_path, sleeper):
    board.board.pins.keeps = False  # as a plain kernel: a line that is let go falls to its pull
    lend(board, tmp_path, until=2_000, line=5, level=1, **gone(sleeper))
    line = board.board.pins.lines[5]
    line.pulled = 0
    guard.step(0)
    assert (line.level, line.owner is not None) == (1, True), "held at its safe level"
    lend(board, tmp_path, until=0, line=5, level=1, pid=1, started=1)
    assert guard.step(100) == 0, "a second lease of the line that it holds is opened all the same"
    assert line.level == 1
    lease.say_daemon(tmp_path, sleep=lambda _seconds: guard.step(200))
    guard.step(300)
    until(lambda: line.owner is None, "let go, for whoever claims it next", 10)
    assert line.level == 0
    assert not (tmp_path / lease.HELD_FILE).exists()


def test_a_daemon_that_starts_waits_for_the_guard_to_let_its_lines_go_and_for_nobody_else(tmp_path):
    waits = []
    lease.prepare(tmp_path)
    lease.say_daemon(tmp_path, sleep=waits.append)
    assert waits == [], "nothing is held"
    (tmp_path / lease.HELD_FILE).touch()
    lease.say_daemon(tmp_path, sleep=waits.append)
    assert waits == [], "the guard is dead, and holds nothing"
    lease.say_guarded(tmp_path, lease.boottime_ms() + 60_000)
    lease.say_daemon(tmp_path, sleep=waits.append)
    assert sum(waits) == pytest.approx(lease.LINES_S), "and no longer than that"
    assert lease.daemon_lives(tmp_path)
    (tmp_path / lease.DAEMON_FILE).write_text("1 1")
    assert not lease.daemon_lives(tmp_path)
    (tmp_path / lease.DAEMON_FILE).write_bytes(b"\xff")
    assert not lease.daemon_lives(tmp_path)


def test_a_guard_that_starts_takes_back_the_word_of_one_that_was_killed(tmp_path, monkeypatch):
    lease.prepare(tmp_path)
    (tmp_path / lease.HELD_FILE).touch()
    monkeypatch.setattr("guard.process._stopped_by_signals", lambda: lambda: True)
    assert main(["--run-dir", str(tmp_path)]) == 0
    assert not (tmp_path / lease.HELD_FILE).exists()


def test_what_is_opened_once_is_left_to_a_guard_that_lives_to_be_held(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=10**15, resume=True, **gone(sleeper))
    lease.say_guarded(tmp_path, lease.boottime_ms() + 60_000)
    once = Guard(tmp_path, lambda _said: None, nobody_resumes=True, ends=True)
    assert once.step(0, orphans_only=True) == 0
    assert board.board.pins.lines[17].level == 0, "it waits for nobody"
    ((_path, record),) = lease.held(tmp_path)
    assert (record["resume"], record["closed"], record["until"]) == (False, False, 0)
    guard.step(200)
    assert board.board.pins.lines[17].owner is not None
    assert lease.held(tmp_path) == []


def test_a_line_whose_lease_was_given_back_is_held_by_nobody_once_its_daemon_has_ended(board, guard, tmp_path, sleeper):
    lend(board, tmp_path, until=2_000, pid=sleeper.pid)
    guard.step(1_000)
    (tmp_path / "leases" / "laser.machine").unlink()
    guard.step(1_200)
    gone(sleeper)
    guard.step(1_400)
    assert board.board.pins.lines[17].level == 0
    until(lambda: board.board.pins.lines[17].owner is None, "whoever looks next finds it free", 10)
    assert not (tmp_path / lease.HELD_FILE).exists()
