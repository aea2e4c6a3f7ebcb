"""Drivers on twins of their parts that were written from the data sheets alone."""

import contextlib
import re
import time

import independent_plugs
import independent_readers
import independent_relays
import independent_serial
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.outputs.remote import RemoteHandle
from drivers.contracts import OutputError, ReaderLostError
from drivers.inputs.plugs import ShellyMeter, ShellyMeterSettings, TasmotaMeter, TasmotaMeterSettings
from drivers.outputs.lcus import LCUSRelay, LCUSSettings
from drivers.outputs.modbus import ModbusRelay, RelaySettings
from drivers.outputs.shelly import Shelly, ShellySettings
from drivers.outputs.tasmota import Tasmota, TasmotaSettings
from drivers.readers import pn532_frames
from drivers.readers.em4100 import Tags
from drivers.readers.pn532 import PN532Reader, PN532Settings
from drivers.readers.pn532_frames import Frames

MARIE = bytes.fromhex("04A3C6CAE26180")
JEAN = bytes.fromhex("01020304")
LAURE = bytes.fromhex("0102030405060708090A")
SECRET = "open sesame"
DEFAULT = settings()


def until(holds, seconds=5.0):
    """Wait for something, within bounds; give what it is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)
    return found


def uids(sighting):
    return {card.uid for card in sighting.cards}


BUSY = 20  # times as long as it takes here: what has no bound takes for ever, whatever the machine


@contextlib.contextmanager
def within(seconds):
    """Hold what is done to a bound, not to a speed."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds * BUSY


def opened(output):
    """Whether a part is found; on a busy machine its twin may need a moment to listen again."""
    try:
        output.open()
    except OutputError:
        return False
    return True


class CutLine(independent_serial.Line):
    """A line whose plug is pulled after so many bytes of all that its devices say."""

    left = None

    def send(self, frame, delay=0.0):
        if self.left is not None:
            if self.left < len(frame):
                self.cut_after, self.left = self.left, None
            else:
                self.left -= len(frame)
        super().send(frame, delay)


def read_through_noise(line, chip, reader, how=DEFAULT):
    @settings(how, max_examples=25)
    @given(
        st.lists(st.sampled_from([JEAN, MARIE, LAURE]), unique=True, max_size=2),
        st.binary(max_size=9).map(lambda noise: noise.replace(b"\x00", b"\x01")),
        st.sampled_from([0, 1, 7]),
    )
    def holds(numbers, noise, chunk):
        line.chunk, line.chunk_pause = chunk, 0.0002
        line.noise_before = noise
        chip.remove()
        for number in numbers:
            chip.place(independent_readers.Card(number))
        assert uids(reader.look()) == set(numbers)

    holds()


def lost_in(part, exchange, wanted, loss, is_gone):
    """Tell whether an exchange fails as it should, or, where all of it got through, the next one."""
    try:
        assert exchange(part) == wanted
        until(is_gone)
        exchange(part)
    except loss:
        return True
    return False


def tell_lost_and_found(line, make, exchange, loss):
    """Pull the plug after each byte of an exchange: nothing is made up, and all is well once it is in again."""
    with contextlib.closing(make()) as part:
        before = sum(map(len, line.sent))
        wanted = exchange(part)
        line.wait_idle()
        total = sum(map(len, line.sent)) - before
    for place in range(total):
        with contextlib.closing(make()) as part:
            line.left = place
            assert lost_in(part, exchange, wanted, loss, lambda: not line.plugged)
            line.left = None
            line.plug()
            assert exchange(part) == wanted
    return total


def answer_frame(data):
    body = b"\xd5" + data
    size = len(body)
    head = bytes((size, -size & 255)) if size < 256 else bytes((255, 255, 1, size & 255, -1 - (size & 255) & 255))
    return b"\x00\x00\xff" + head + body + bytes((-sum(body) & 255, 0))


def answers_in(stream):
    """Every answer that those bytes hold at any place, by the manual's table."""
    for at in range(len(stream)):
        if stream[at : at + 2] != b"\x00\xff":
            continue
        size, begins = (stream[at + 2 : at + 3] or b"\0")[0], at + 4
        sound = not sum(stream[at + 2 : at + 4]) & 255
        if stream[at + 2 : at + 4] == b"\xff\xff":
            size, begins = int.from_bytes(stream[at + 4 : at + 6], "big"), at + 7
            sound = not sum(stream[at + 4 : at + 7]) & 255
        body = stream[begins : begins + size + 1]
        if sound and size and len(body) == size + 1 and not sum(body) & 255 and body[0] == 0xD5:
            yield body[1:-1]


whole_answers = st.binary(max_size=12).map(answer_frame)
streams = st.lists(
    st.one_of(
        whole_answers,
        st.builds(lambda frame, at: frame[:at], whole_answers, st.integers(0, 20)),
        st.builds(
            lambda frame, at, wrong: frame[:at] + bytes((wrong,)) + frame[at + 1 :],
            whole_answers,
            st.integers(0, 20),
            st.integers(0, 255),
        ),
        st.sampled_from([b"\x00\xff", b"\xff\xff", pn532_frames.ACK, b"\x00", b"\x00\x00\xff\xff\xff"]),
        st.binary(max_size=8),
    ),
    max_size=6,
).map(b"".join)


def no_answer_is_made_up(how=DEFAULT):
    @how
    @given(streams, st.lists(st.integers(1, 9), max_size=30))
    def holds(stream, sizes):
        whole = Frames().feed(stream)
        assert [each.data for each in whole if each.kind == "answer"] == [
            data for data in (each.data for each in whole if each.kind == "answer") if data in set(answers_in(stream))
        ]
        frames, found, at = Frames(), [], 0
        for size in [*sizes, len(stream)]:
            found += frames.feed(stream[at : at + size])
            at += size
        assert found == whole

    holds()


def tag_frame(tag, tail=b"\x03", case=str.upper):
    check = 0
    for each in tag:
        check ^= each
    return b"\x02" + case((tag + bytes((check,))).hex()).encode() + tail


def tags_in(stream, tail):
    """Every tag that those bytes hold at any place, by the data sheet."""
    for found in re.finditer(rb"(?=\x02([0-9A-Fa-f]{12})" + tail + rb")", stream):
        *tag, check = bytes.fromhex(found[1].decode())
        if tag[0] ^ tag[1] ^ tag[2] ^ tag[3] ^ tag[4] == check:
            yield bytes(tag)


def no_tag_is_made_up(how=DEFAULT):
    noise = st.one_of(st.binary(max_size=8), st.text("0123456789ABCDEF\x02\x03\r\n", max_size=16).map(str.encode))
    tag_frames = st.builds(
        tag_frame, st.binary(min_size=5, max_size=5), st.sampled_from([b"\x03", b"\r\n\x03"]), st.just(str.lower)
    )
    spoilt = st.builds(lambda frame, at, new: frame[:at] + new + frame[at:], tag_frames, st.integers(0, 16), noise)
    changed = st.builds(
        lambda frame, at, new: frame[:at] + bytes((new,)) + frame[at + 1 :],
        tag_frames,
        st.integers(0, 16),
        st.sampled_from(b"0123456789ABCDEF"),
    )
    many = st.lists(st.one_of(noise, tag_frames, spoilt, changed), max_size=6).map(b"".join)

    @how
    @given(many, st.sampled_from([b"\x03", b"\r\n\x03"]), st.lists(st.integers(1, 9), max_size=20))
    def holds(stream, tail, sizes):
        tags, found, at = Tags(tail), [], 0
        for size in [*sizes, len(stream)]:
            found += tags.feed(stream[at : at + size])
            at += size
        assert found == list(tags_in(stream, tail))

    holds()


def lcus(line, **said):
    return LCUSRelay(LCUSSettings(port=line.path, **said))


def coil(line, **said):
    return ModbusRelay(RelaySettings(port=line.path, **said))


RELAYS = [
    pytest.param(
        lambda line: independent_relays.LCUS(line, feedback=True), lambda line: lcus(line, answers=True), 1, id="LCUS"
    ),
    pytest.param(independent_relays.ModbusRelay, coil, 0, id="Modbus"),
]


class KeepsItsSupply(independent_relays.LCUS):
    """A board whose port is lost and whose supply is not, as when a hub begins anew."""

    def _power_off(self):
        self._buffer.clear()


class Seconds:
    """A clock that both the plug and the loop go by."""

    def __init__(self):
        self.ms = 1_000_000

    def plug(self):
        return self.ms / 1000

    def loop(self):
        return self.ms


PLUGS = {
    "Shelly": (independent_plugs.Shelly, Shelly, ShellySettings, ShellyMeter, ShellyMeterSettings),
    "Tasmota": (independent_plugs.Tasmota, Tasmota, TasmotaSettings, TasmotaMeter, TasmotaMeterSettings),
}


def driver_of(make, plug, **said):
    return make[1](make[2](host=plug.address, **{"password": SECRET, **said}))


def a_plug_that_lies_raises(plug, output):
    output.open()
    plug.lies = True
    with pytest.raises(OutputError, match="did not"):
        output.switch(closed=True)
    plug.lies = False
    output.switch(closed=True)
    plug.lies = True
    with pytest.raises(OutputError, match="did not"):
        output.switch(closed=False)
    assert plug.on


class Loop:
    """A loop that lends, and the steps of the thread, on one clock that nobody waits for."""

    def __init__(self, output, seconds, **how):
        self.told = []
        self.seconds = seconds
        self.remote = RemoteHandle(output, self.told.append, seconds.loop, **how)

    def live(self, seconds, *, lends=True):
        end = self.seconds.ms + seconds * 1000
        while self.seconds.ms < end:
            if lends:
                self.remote.lend(self.seconds.ms + 2_000)
            waited = int(self.remote.worker.step() * 1000)
            if lends:  # a step comes whenever it is due; the loop lends all the while
                self.remote.lend(self.seconds.ms + waited + 2_000)
            self.seconds.ms += max(waited, 10)

    @property
    def faults(self):
        return [str(told.detail) for told in self.told if told.fault]


def stays_closed(plug, output, seconds):
    loop = Loop(output, seconds)
    loop.remote.on()
    loop.live(200)
    assert plug.on and loop.remote.is_on and not loop.faults
    assert [on for _at, on, _source in plug.switch_log] == [True]
    return loop


def a_lie_is_a_fault(plug, output, seconds):
    loop = Loop(output, seconds)
    loop.live(1)
    plug.lies = True
    loop.remote.on()
    loop.live(8)
    assert len(loop.faults) == 1 and not loop.remote.is_on


def a_pulled_plug_is_told(line, chip):
    """A reader on a line that is cut at any byte is lost, and found again."""
    chip.place(independent_readers.Card(MARIE))

    def exchange(reader):
        reader.open()
        return uids(reader.look())

    total = tell_lost_and_found(line, lambda: PN532Reader(PN532Settings(port=line.path)), exchange, ReaderLostError)
    assert total > 80
