"""Remote outputs as the loop sees them, on independent twins."""

import contextlib

import independent_plugs
import independent_relays
import pytest
from parts import (
    KeepsItsSupply,
    Loop,
    a_lie_is_a_fault,
    coil,
    driver_of,
    lcus,
    stays_closed,
    until,
)

from controller.outputs.remote import HANGS_MS
from drivers.bus import plug_http
from drivers.bus.plug_http import Plug
from drivers.outputs.tasmota import Tasmota, TasmotaSettings


def test_a_plugs_own_timer_is_begun_anew_while_the_loop_lends(plug, output, seconds):
    stays_closed(plug, output, seconds)


def test_a_plug_opens_by_itself_when_nobody_is_there_any_more(plug, output, seconds):
    stays_closed(plug, output, seconds)
    seconds.ms += 90_000
    assert not plug.on and plug.switch_log[-1][2] == "timer"
    seconds.ms += 3_600_000
    assert not plug.on


def test_a_plug_opens_when_the_loop_hangs_and_the_thread_does_not(plug, output, seconds):
    loop = stays_closed(plug, output, seconds)
    loop.live(35, lends=False)
    assert not plug.on and not loop.remote.is_on


def test_a_tasmotas_flash_is_written_once(seconds):
    with independent_plugs.Tasmota(now=seconds.plug) as plug:
        output = Tasmota(TasmotaSettings(host=plug.address, interval=30.0))
        for _ in range(3):
            loop = Loop(output, seconds)
            loop.remote.on()
            loop.live(100)
            loop.remote.off()
            loop.live(5)
            assert not plug.on
            plug.unreachable = True
            loop.live(60)
            plug.unreachable = False
        assert plug.flash_writes == 1


def test_a_plug_that_says_yes_and_does_not_close_is_one_fault(plug, output, seconds):
    a_lie_is_a_fault(plug, output, seconds)


def test_off_is_tried_until_the_plug_says_that_it_is_open(plug, output, seconds):
    loop = stays_closed(plug, output, seconds)
    plug.lies = True
    loop.remote.off()
    loop.live(8)
    assert len(loop.faults) == 1 and not loop.remote.is_settled and not loop.remote.answers
    plug.lies = False
    loop.live(2)
    assert not plug.on and loop.remote.is_settled and not loop.remote.is_on
    assert loop.remote.answers


def test_off_is_tried_until_a_plug_that_went_away_is_back_and_open(plug, output, seconds):
    loop = stays_closed(plug, output, seconds)
    plug.unreachable = True
    loop.remote.off()
    loop.live(20)
    assert not loop.remote.is_settled and len(loop.faults) == 1
    assert plug.on
    plug.unreachable = False
    loop.live(2)
    assert not plug.on and loop.remote.is_settled


def test_a_plug_out_of_reach_for_less_than_its_timer_goes_on(plug, output, seconds):
    loop = stays_closed(plug, output, seconds)
    plug.unreachable = True
    loop.live(20)
    plug.unreachable = False
    loop.live(60)
    assert plug.on and loop.remote.is_on and not loop.faults


@pytest.mark.parametrize("interval", [7.0, 30.0], ids=["between two looks", "just before its timer is begun anew"])
def test_what_a_hand_opened_at_the_plug_stays_open_and_is_told(make, plug, seconds, interval):
    with contextlib.closing(driver_of(make, plug, interval=interval)) as output:
        loop = Loop(output, seconds)
        loop.remote.on()
        loop.live(61)
        plug.press_button()
        loop.live(35)
        assert not plug.on and [on for _at, on, _source in plug.switch_log] == [True, False]
        assert len(loop.faults) == 1 and not loop.remote.is_on
        plug.press_button()
        loop.live(35)
        assert not plug.on  # it closed by itself, and was opened again


def test_no_step_takes_longer_than_the_loop_waits_for_one(make, plug, output, monkeypatch):
    asked, ask = [], Plug.ask
    monkeypatch.setattr(Plug, "ask", lambda *a, **n: (asked.append(a), ask(*a, **n))[1])
    output.open()
    output.switch(closed=True)
    assert len(asked) * plug_http.PATIENCE_S * 1000 <= HANGS_MS


@pytest.mark.parametrize("answers", [False, True])
def test_a_board_that_was_unplugged_is_open_and_told_so(line, seconds, answers):
    board = independent_relays.LCUS(line, feedback=answers)
    loop = Loop(lcus(line, answers=answers), seconds)
    loop.remote.on()
    loop.live(2)
    until(lambda: board.closed[1])
    line.unplug()
    line.plug()
    loop.live(5)
    assert not board.closed[1]
    assert not loop.remote.is_on and len(loop.faults) == 1
    loop.remote.worker._let_go()


def test_a_board_that_kept_its_supply_while_its_port_was_lost_is_opened_not_believed(line, seconds):
    board = KeepsItsSupply(line)
    loop = Loop(lcus(line), seconds)
    loop.remote.on()
    loop.live(2)
    until(lambda: board.closed[1])
    line.unplug()
    line.plug()
    loop.live(5)
    loop.remote.off()
    loop.live(5)
    until(lambda: not board.closed[1], 1)
    loop.remote.worker._let_go()


@pytest.mark.parametrize("pulled", [False, True], ids=["lies", "unplugged"])
def test_off_is_tried_until_a_relay_on_a_line_confirms_it(line, seconds, pulled):
    board = independent_relays.ModbusRelay(line)
    loop = Loop(coil(line), seconds)
    loop.remote.on()
    loop.live(2)
    assert board.closed[0]
    line.unplug() if pulled else setattr(board, "lies", True)
    loop.remote.off()
    loop.live(10)
    assert board.closed[0] and not loop.remote.is_settled and len(loop.faults) == 1
    line.plug() if pulled else setattr(board, "lies", False)
    loop.live(3)
    assert not board.closed[0] and loop.remote.is_settled
    loop.remote.worker._let_go()
