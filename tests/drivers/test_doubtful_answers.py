"""Answers that arrive late, from elsewhere, or one byte short: none of them is believed."""

import contextlib
import os
import queue
import threading
import time
import tty

import independent_plugs
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.bus.modbus import crc
from drivers.bus.plug_http import in_short
from drivers.contracts import DriverError, OutputError
from drivers.outputs.modbus import ModbusRelay, RelaySettings
from drivers.outputs.shelly import Shelly, ShellySettings
from drivers.outputs.tasmota import Tasmota, TasmotaSettings
from drivers.readers.em4100 import EM4100Settings, RDM6300Reader
from drivers.readers.pn532_frames import FROM_CHIP, Frames


@pytest.fixture
def line(tmp_path):
    """A pseudo-terminal: our end, and the path of theirs."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    path = tmp_path / "line"
    path.symlink_to(os.ttyname(theirs))
    yield ours, str(path)
    os.close(ours)
    os.close(theirs)


@example(uid=[0x04, 0x00, 0xC6, 0x80], lost=14)
@given(st.lists(st.sampled_from([0x00, 0x04, 0xC6, 0x80, 0xFF]), min_size=4, max_size=7), st.integers(0, 30))
def test_a_pn532_answer_that_lost_one_byte_is_the_same_answer_or_none(uid, lost):
    said = bytes((FROM_CHIP, 0x4B, 1, 1, 0, 4, 8, len(uid), *uid))
    whole = b"\x00\x00\xff" + bytes((len(said), -len(said) & 0xFF)) + said + bytes((-sum(said) & 0xFF, 0))
    short = whole[:lost] + whole[lost + 1 :]
    assert {arrived.data for arrived in Frames().feed(short) if arrived.kind == "answer"} <= {said[1:]}
    assert [arrived.data for arrived in Frames().feed(whole)] == [said[1:]]


class SlowUnit:
    """A Modbus unit, one thing after another: its relay 0 is closed, its relay 1 open. *late*: once, by 0.4 s."""

    def __init__(self, ours):
        self.late = False
        self._ours, self._asked = ours, queue.Queue()
        for work in (self._hear, self._answer):
            threading.Thread(target=work, daemon=True).start()

    def _hear(self):
        heard = b""
        with contextlib.suppress(OSError):
            while True:
                heard += os.read(self._ours, 64)
                while len(heard) >= 8:
                    self._asked.put((heard[:8], self.late))
                    heard, self.late = heard[8:], False

    def _answer(self):
        with contextlib.suppress(OSError):
            while True:
                asked, late = self._asked.get()
                time.sleep(0.4 if late else 0.01)  # it is what is tested: longer than an answer is waited for
                said = bytes((1, 1, 1, asked[3] == 0))
                os.write(self._ours, said + crc(said))


def test_a_reply_that_comes_late_is_not_taken_for_the_next_relays(line):
    ours, path = line
    unit = SlowUnit(ours)
    closed, opened = (ModbusRelay(RelaySettings(port=path, coil=coil)) for coil in (0, 1))
    with contextlib.closing(closed), contextlib.closing(opened):
        closed.open()
        opened.open()
        unit.late = True
        assert [closed.look().closed, opened.look().closed, closed.look().closed] == [True, False, True]


def test_tags_that_waited_while_nobody_looked_are_no_taps(line):
    ours, path = line
    seconds = [100.0]
    with contextlib.closing(RDM6300Reader(EM4100Settings(port=path), lambda: seconds[0])) as reader:
        reader.open()
        reader.look()
        os.set_blocking(ours, False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(1000):
                os.write(ours, b"\x020C004A2F1970\x03")  # 14 kB or as much as waits
        seconds[0] += 60
        for _ in range(5):
            assert not reader.look().cards
            seconds[0] += 0.1


@pytest.mark.parametrize(
    ("what", "matches"), [({"id": 1}, "id 1"), ({"timer_duration": 86_400}, "timer"), ({"timer_duration": -5}, "timer")]
)
def test_a_shelly_that_tells_of_another_switch_or_another_timer_is_not_taken_for_closed(what, matches):
    class Strange(independent_plugs.Shelly):
        def _status(self):
            return super()._status() | what

    with Strange() as plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
        output.open()
        with pytest.raises(OutputError, match=matches):
            output.switch(closed=True)


@pytest.mark.parametrize("state", [5, "5"])
def test_a_tasmota_that_inverts_its_timer_may_not_be_closed_and_opens(state):
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        ask = output._ask
        output._ask = lambda command: {"PowerOnState": state} if command == "PowerOnState" else ask(command)
        output.open()
        assert "PowerOnState" in str(output.look().unfit)
        with pytest.raises(OutputError, match="PowerOnState"):
            output.switch(closed=True)
        assert output.switch(closed=False).closed is False
        output._ask = lambda command: {"PowerOnState": 0} if command == "PowerOnState" else ask(command)
        output.look()
        assert output.look().unfit is None


def test_the_timer_of_a_tasmotas_other_relay_is_not_taken_for_its_own():
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output._ask = lambda _command: {"PulseTime2": {"Set": 190}, "PulseTime1": {"Set": 0}}
        assert output._pulse("") == (0, None)


def test_a_shelly_whose_auto_on_was_switched_on_may_not_be_closed_and_opens():
    with independent_plugs.Shelly() as plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
        output.open()
        plug.config["auto_on"] = True
        with pytest.raises(OutputError, match="auto-on"):
            output.switch(closed=True)
        seen = output.switch(closed=False)
        assert seen.closed is False
        assert isinstance(seen.unfit, DriverError)
        plug.config["auto_on"] = False
        output.look()
        assert output.look().unfit is None
        assert output.switch(closed=True).closed


def test_a_shelly_whose_settings_cannot_be_asked_for_is_not_closed(monkeypatch):
    def unreachable():
        raise OutputError("cannot be reached")

    with independent_plugs.Shelly() as plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
        monkeypatch.setattr(output, "_config", unreachable)
        output.open()
        with pytest.raises(OutputError, match="reached"):
            output.switch(closed=True)
        assert not plug.on
        assert output.switch(closed=False).closed is False


@given(st.text())
def test_what_a_plug_calls_itself_is_one_line_that_can_be_printed(name):
    shown = in_short(name)
    assert len(shown) <= 80
    assert shown.isprintable()
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown
