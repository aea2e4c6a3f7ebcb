"""Relays and meters on a line, on twins written from their data sheets alone."""

import contextlib
import termios

import independent_relays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import RELAYS, coil, lcus, tell_lost_and_found, until, within

from drivers.bus import modbus, ports
from drivers.contracts import DriverError, OutputError, ReaderLostError
from drivers.inputs.pzem004t import PZEM004T, MeterSettings
from drivers.outputs import lcus as lcus_board
from drivers.readers.em4100 import EM4100Settings, RDM6300Reader
from drivers.readers.pn532 import PN532Reader, PN532Settings


def meter(line, **said):
    return PZEM004T(MeterSettings(port=line.path, **said))


@pytest.mark.parametrize(("twin", "driver", "contact"), RELAYS)
@pytest.mark.parametrize("how", [{}, {"chunk": 1, "chunk_pause": 0.0005}, {"latency": 0.02}], ids=str)
def test_a_relay_is_as_it_was_told_when_it_says_so(line, twin, driver, contact, how):
    board = twin(line)
    for name, value in how.items():
        setattr(line, name, value)
    with contextlib.closing(driver(line)) as relay:
        relay.open()
        for closed in (True, True, False, True, False):
            relay.switch(closed=closed)
            assert board.closed[contact] is closed
            assert relay.look().closed is closed
        assert [on for _at, _n, on in board.switch_log] == [True, False, True, False]
        assert line.baud() == 9600


@pytest.mark.parametrize(("twin", "driver", "contact"), RELAYS)
@pytest.mark.parametrize("what", ["truncate_next", "corrupt_next"])
@pytest.mark.parametrize("where", [0, 3])
def test_a_damaged_answer_of_a_relay_is_no_answer(line, monkeypatch, twin, driver, contact, what, where):
    board = twin(line)
    with contextlib.closing(driver(line)) as relay:
        relay.open()
        setattr(line, what, where)
        with within(3), contextlib.suppress(OutputError), monkeypatch.context() as hurry:
            hurry.setattr(modbus, "ANSWER_S", 0.05)
            hurry.setattr(lcus_board, "ANSWER_S", 0.05)
            relay.switch(closed=True)
            assert board.closed[contact]
        relay.switch(closed=False)
        assert not board.closed[contact] and relay.look().closed is False


def a_relay_that_did_not_switch_raises(board, relay, fault, contact):
    relay.open()
    setattr(board, fault, True)
    with within(3), pytest.raises(OutputError):
        relay.switch(closed=True)
    assert not board.closed[contact]
    setattr(board, fault, False)
    relay.open()
    relay.switch(closed=True)
    assert board.closed[contact]
    setattr(board, fault, True)
    with within(3), pytest.raises(OutputError):
        relay.switch(closed=False)


def test_an_lcus_that_answers_and_does_not_switch_raises(line, monkeypatch):
    board = independent_relays.LCUS(line, feedback=True)
    with contextlib.closing(lcus(line, answers=True)) as relay:
        a_relay_that_did_not_switch_raises(board, relay, "stuck", 1)
        board.mute, board.stuck = True, False
        monkeypatch.setattr(lcus_board, "ANSWER_S", 0.1)
        with within(2), pytest.raises(OutputError):
            relay.switch(closed=False)
        with within(2), pytest.raises(OutputError):
            relay.look()


def test_a_modbus_relay_that_says_yes_and_does_not_switch_raises(line):
    board = independent_relays.ModbusRelay(line)
    with contextlib.closing(coil(line)) as relay:
        a_relay_that_did_not_switch_raises(board, relay, "lies", 0)


def test_a_modbus_relay_that_refuses_or_is_silent_raises_within_bounds(line, monkeypatch):
    board = independent_relays.ModbusRelay(line)
    with contextlib.closing(coil(line)) as relay:
        relay.open()
        with monkeypatch.context() as hurry, within(3):
            hurry.setattr(modbus, "ANSWER_S", 0.03)
            hurry.setattr(modbus, "LATE_S", 0.03)
            for code in (1, 2, 3):
                board.fail_next = code
                with pytest.raises(OutputError):
                    relay.switch(closed=True)
            for other in ({"unit": 9}, {"coil": 99}):
                with pytest.raises(OutputError), contextlib.closing(coil(line, **other)) as another:
                    another.open()
            board.mute = True
            with pytest.raises(OutputError):
                relay.look()
        board.mute = False
        relay.switch(closed=True)
        assert board.closed[0]


def test_an_lcus_that_never_answers_is_told_and_believed(line):
    board = independent_relays.LCUS(line, channels=4)
    with contextlib.closing(lcus(line, relay=3)) as relay:
        relay.open()
        relay.switch(closed=True)
        until(lambda: board.closed == {1: False, 2: False, 3: True, 4: False})
        assert relay.look().closed is True
        relay.switch(closed=False)
        until(lambda: not any(board.closed.values()))
        line.unplug()
        with within(1), pytest.raises(OutputError):
            relay.look()


def test_the_relays_of_a_board_and_the_units_of_a_line_share_it(line):
    relays, power = (
        independent_relays.ModbusRelay(line, unit=1),
        independent_relays.PZEM004T(line, unit=2, power=7000.5, energy=100_000),
    )
    parts = [coil(line, coil=n) for n in (0, 3)]
    with contextlib.closing(meter(line, unit=2)) as watts, contextlib.ExitStack() as stack:
        for part in parts:
            stack.enter_context(contextlib.closing(part))
            part.open()
        parts[1].switch(closed=True)
        assert watts.read() == 7000.5 and watts.counted_wh == 100_000
        assert relays.closed == {0: False, 1: False, 2: False, 3: True}
        parts[0].close()
        power.power = 12.3
        assert watts.read() == 12.3
        assert parts[1].look().closed is True


def switched(relay):
    relay.open()
    relay.switch(closed=False)
    return relay.look().closed


@pytest.mark.parametrize(("twin", "driver", "contact"), RELAYS)
def test_a_relay_whose_plug_is_pulled_at_any_byte_raises_and_works_again(line, twin, driver, contact):
    twin(line)
    assert tell_lost_and_found(line, lambda: driver(line), switched, OutputError) >= 12
    assert not ports._held


def test_a_meter_whose_plug_is_pulled_at_any_byte_raises_and_reads_again(line):
    independent_relays.PZEM004T(line, power=230.5)
    assert tell_lost_and_found(line, lambda: meter(line), PZEM004T.read, DriverError) == 25


def test_a_meter_without_mains_or_with_noise_raises_a_driver_error_and_reads_again(line, monkeypatch):
    monkeypatch.setattr(modbus, "ANSWER_S", 0.08)
    power = independent_relays.PZEM004T(line, power=230.5)
    with contextlib.closing(meter(line)) as watts:
        assert watts.read() == 230.5
        power.mains = False
        with within(2), pytest.raises(DriverError):
            watts.read()
        monkeypatch.undo()
        power.mains = True
        line.corrupt_next = 7
        assert watts.read() == 230.5

        @settings(max_examples=12)
        @given(st.binary(min_size=1, max_size=8), st.booleans())
        def holds(noise, inside):
            line.noise_before, line.noise_inside = (None, noise) if inside else (noise, None)
            with contextlib.suppress(DriverError):
                assert watts.read() == 230.5

        holds()
        line.noise_before = line.noise_inside = None
        assert watts.read() == 230.5


def test_a_port_that_vanishes_while_it_is_opened_is_a_driver_error(line, monkeypatch):
    def gone(*_arguments):
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, "tcflush", gone)
    for part, loss in (
        (PN532Reader(PN532Settings(port=line.path)), ReaderLostError),
        (RDM6300Reader(EM4100Settings(port=line.path)), ReaderLostError),
        (lcus(line), OutputError),
        (coil(line), OutputError),
    ):
        with pytest.raises(loss):
            part.open()
