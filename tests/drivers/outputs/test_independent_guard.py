"""What the guard opens on twins written from the data sheets alone."""

import contextlib
import json

import independent_relays
import msgspec
import pytest
from parts import RELAYS, KeepsItsSupply, coil, lcus, until, within

from drivers.bus import ports
from drivers.contracts import OutputError
from guard import leases as lease
from guard import process as guard
from guard import raw_serial


def open_as_the_guard_does(relay):
    opening = json.loads(msgspec.json.encode(relay.opening))
    guard.OPENERS[opening["kind"]](opening)


@pytest.mark.parametrize("noise", [None, b"\x00\xa0\x01\xff"], ids=["clean", "noisy"])
@pytest.mark.parametrize(
    ("twin", "driver", "contact"),
    [*RELAYS, pytest.param(independent_relays.LCUS, lcus, 1, id="LCUS, silent")],
)
def test_the_guard_opens_what_a_dead_process_left_closed(line, twin, driver, contact, noise):
    board = twin(line)
    with contextlib.closing(driver(line)) as relay:
        relay.open()
        relay.switch(closed=True)
        until(lambda: board.closed[contact])
    line.noise_before = noise
    open_as_the_guard_does(relay)
    until(lambda: not board.closed[contact])


class Watchman:
    """A guard, and the lease of a process that is dead."""

    def __init__(self, run_dir, relay):
        lease.prepare(run_dir)
        self.lease = run_dir / lease.LEASES / "saw.relay"
        record = {"machine": "saw", "output": "relay", "opening": msgspec.to_builtins(relay.opening), "pid": 0}
        record |= {"started": 1, "resume": False, "boot": lease.boot_id(), "until": 0, "closed": True}
        self.lease.write_text(json.dumps(record))
        self.alive = 0
        self._guard = guard.Guard(run_dir, lambda _sentence: None, between=self._is_alive)

    def _is_alive(self):
        self.alive += 1

    def step(self, now):
        """Look once; tell whether all is open."""
        failures = self._guard.step(now)
        assert bool(failures) == self.lease.exists()
        return not failures


def test_a_line_that_is_silent_is_left_alone_for_longer_and_longer_and_the_guard_says_that_it_lives(
    line, tmp_path, monkeypatch
):
    monkeypatch.setattr(raw_serial, "ANSWER_S", 0.01)
    board = independent_relays.ModbusRelay(line)
    board.mute = True
    watchman = Watchman(tmp_path / "run", coil(line))
    asked = []
    monkeypatch.setattr(raw_serial, "say", lambda _opening, say=raw_serial.say: (asked.append(1), say(_opening)))
    for now in range(0, 20_000, 200):
        watchman.step(now)
    assert 5 <= len(asked) <= 9
    assert watchman.alive >= len(asked)
    board.mute = False
    assert watchman.step(40_000)


def test_one_parts_loss_of_a_line_locks_no_other_out_and_all_come_back(line):
    boards = [independent_relays.ModbusRelay(line, unit) for unit in (1, 2)]
    relays = [coil(line, unit=unit) for unit in (1, 2)]
    for relay in relays:
        relay.open()
        relay.switch(closed=True)
    relays[0]._unit._port.serial.close()  # what a write that timed out leads to
    for relay in relays:
        with pytest.raises(OutputError):
            relay.switch(closed=False)
    for relay, board in zip(relays, boards, strict=True):
        relay.open()
        relay.switch(closed=False)
        assert not board.closed[0]
        relay.close()
    assert ports._held == {}


@pytest.mark.parametrize("answers", [False, True])
def test_a_board_that_has_been_gone_for_long_is_open_as_its_supply_is_the_ports(line, tmp_path, answers):
    watchman = Watchman(tmp_path / "run", lcus(line, answers=answers))
    line.unplug()
    assert not watchman.step(0) and not watchman.step(29_000)
    assert watchman.step(31_000)


def test_a_relay_with_a_supply_of_its_own_is_open_once_it_said_so(line, tmp_path):
    board = independent_relays.ModbusRelay(line)
    board.coil[0] = board.closed[0] = True
    watchman = Watchman(tmp_path / "run", coil(line))
    line.unplug()
    assert not any(watchman.step(now) for now in (0, 40_000, 4_000_000))
    line.plug()
    assert watchman.step(4_010_000) and not board.closed[0]


def test_a_port_that_is_gone_for_a_moment_took_no_supply_with_it(line, tmp_path, monkeypatch):
    monkeypatch.setattr(raw_serial, "ANSWER_S", 0.05)
    board = KeepsItsSupply(line, feedback=True)
    board.closed[1] = board.commanded[1] = board.mute = True
    monkeypatch.setattr(board, "_operate", lambda *_arguments: None)
    watchman = Watchman(tmp_path / "run", lcus(line, answers=True))
    assert not watchman.step(0) and not watchman.step(40_000)
    line.unplug()
    assert not watchman.step(45_000)
    line.plug()
    board.mute = False
    monkeypatch.undo()
    assert watchman.step(50_000) and not board.closed[1]


@pytest.mark.parametrize(("twin", "driver", "contact"), RELAYS)
def test_the_guard_believes_no_silence(line, monkeypatch, twin, driver, contact):
    monkeypatch.setattr(raw_serial, "ANSWER_S", 0.05)
    twin(line).mute = True
    with within(3), pytest.raises(OSError):
        open_as_the_guard_does(driver(line))
