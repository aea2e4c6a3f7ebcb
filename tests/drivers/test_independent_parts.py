"""The drivers on a second set of hardware, which was written from data sheets by somebody who had not seen them."""

import contextlib
import json
import re
import socketserver
import termios
import threading
import time

import independent_plugs
import independent_serial
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from urllib3.connection import HTTPConnection

from controller.outputs.remote import HANGS_MS, RemoteHandle
from controller.outputs.remote_state import RemoteState
from controller.outputs.remote_worker import RemoteWorker
from drivers.bus import modbus, plug_http, ports
from drivers.bus.plug_http import Plug
from drivers.contracts import Card, DriverError, OutputError, ReaderLostError, Sighting
from drivers.inputs.plugs import ShellyMeter, ShellyMeterSettings, TasmotaMeter, TasmotaMeterSettings
from drivers.inputs.pzem004t import PZEM004T, MeterSettings
from drivers.outputs import lcus as lcus_board
from drivers.outputs.lcus import LCUSRelay, LCUSSettings
from drivers.outputs.modbus import ModbusRelay, RelaySettings
from drivers.outputs.shelly import Shelly, ShellySettings
from drivers.outputs.tasmota import Tasmota, TasmotaSettings
from drivers.readers import em4100, keyboard, pn532, pn532_frames
from drivers.readers.em4100 import EM4100Settings, ID12LAReader, OnceSettings, RDM6300Reader, Tags
from drivers.readers.keyboard import KeyboardSettings, Typed
from drivers.readers.pn532 import PN532Reader, PN532Settings
from drivers.readers.pn532_frames import Frames, targets
from drivers.readers.presence import Found, Lost, Presented, Removed, Watch
from guard import leases as lease
from guard import process as guard
from guard import raw_serial

MARIE = bytes.fromhex("04A3C6CAE26180")
JEAN = bytes.fromhex("01020304")
LAURE = bytes.fromhex("0102030405060708090A")
TAG = bytes.fromhex("0C004A2F19")
SECRET = "open sesame"


DEFAULT = settings()
ANY_EXAMPLE = settings(phases=(Phase.generate,))  # one that fails will do, the smallest is not sought


def until(holds, seconds=5.0):
    """Wait for something, within bounds; give what it is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)
    return found


def uids(sighting):
    return {card.uid for card in sighting.cards}


@contextlib.contextmanager
def within(seconds):
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


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


@pytest.fixture
def line(tmp_path):
    with CutLine(tmp_path) as made:
        yield made


@pytest.fixture
def chip(line, monkeypatch):
    for name, patience in (("ACK_S", 0.3), ("ANSWER_S", 0.6)):  # a busy machine is no silent reader
        monkeypatch.setattr(pn532, name, patience)
    return independent_serial.PN532(line)


@pytest.fixture
def reader(line, chip):
    with contextlib.closing(PN532Reader(PN532Settings(port=line.path))) as made:
        made.open()
        yield made


# --- PN532 ---


@pytest.mark.parametrize("uid", [JEAN, MARIE, LAURE], ids=len)
@pytest.mark.parametrize("how", [{}, {"chunk": 1, "chunk_pause": 0.0005}, {"chunk": 5, "latency": 0.01}], ids=str)
def test_a_uid_of_any_length_is_read_whole_however_slowly_it_comes(line, chip, reader, uid, how):
    for name, value in how.items():
        setattr(line, name, value)
    assert not uids(reader.look())
    chip.place(independent_serial.Card(uid))
    assert [uids(reader.look()) for _ in range(5)] == [{uid}] * 5
    chip.remove()
    assert not uids(reader.look())


def test_two_cards_are_two_until_one_is_taken(chip, reader):
    first, _second = chip.place(independent_serial.Card(MARIE)), chip.place(independent_serial.Card(LAURE))
    assert [uids(reader.look()) for _ in range(4)] == [{MARIE, LAURE}] * 4
    chip.remove(first)
    assert uids(reader.look()) == {LAURE}


class Talkative(independent_serial.PN532):
    """A chip that does not know SetParameters, so that it tells what cards answer to a RATS."""

    def _set_parameters(self, _data):
        return independent_serial._SYNTAX_ERROR


@pytest.mark.parametrize("uid", [JEAN, MARIE, LAURE], ids=len)
@pytest.mark.parametrize("length", [0, 1, 16, 63, 200, 233, 240])
def test_what_a_card_says_at_length_is_no_part_of_its_uid(line, uid, length):
    chip = Talkative(line)
    with contextlib.closing(PN532Reader(PN532Settings(port=line.path))) as reader:
        reader.open()
        chip.place(independent_serial.Card(uid, ats=bytes(range(length))))
        assert uids(reader.look()) == {uid}
        if length < 100:
            chip.place(independent_serial.Card(bytes(reversed(uid)), ats=b"\x01" * length))
            assert uids(reader.look()) == {uid, bytes(reversed(uid))}


@pytest.mark.parametrize("what", ["truncate_next", "corrupt_next"])
@pytest.mark.parametrize("where", [0, 2, 5])
@pytest.mark.parametrize("frame", ["ack", "answer"])
def test_a_frame_that_came_damaged_is_asked_for_again(line, chip, reader, monkeypatch, what, where, frame):
    monkeypatch.setattr(pn532, "ANSWER_S", 0.1)
    chip.place(independent_serial.Card(MARIE))
    assert uids(reader.look()) == {MARIE}
    spoil_only(line, what, where if frame == "ack" else where * 4, ("ack", "answer").index(frame))
    seen = uids(reader.look())
    # A garbled look is no look: debouncing counts it apart. It must not be somebody else.
    assert seen <= {MARIE}
    until(lambda: uids(reader.look()) == {MARIE})


def spoil_only(line, what, where, number):
    """Have one of the frames that come next damaged."""
    spoil, count = line._spoil, iter(range(1000))

    def spoilt(data):
        if next(count) == number:
            setattr(line, what, where)
        return spoil(data)

    line._spoil = spoilt


def test_no_card_can_name_another_in_what_it_says_at_length(line):
    listed = b"\x4b\x01\x01\x00\x04\x08\x04" + JEAN
    chip = Talkative(line)
    with contextlib.closing(PN532Reader(PN532Settings(port=line.path))) as reader:
        reader.open()
        chip.place(independent_serial.Card(MARIE, ats=answer_frame(listed)))
        assert uids(reader.look()) == {MARIE}
        spoil_only(line, "corrupt_next", 3, 1)
        assert uids(reader.look()) <= {MARIE}


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
            chip.place(independent_serial.Card(number))
        assert uids(reader.look()) == set(numbers)

    holds()


def test_every_card_is_read_through_noise_between_frames(line, chip, reader):
    read_through_noise(line, chip, reader)


def test_noise_of_any_shape_makes_no_card(line, chip, reader, monkeypatch):
    for name, seconds in (("ACK_S", 0.02), ("ANSWER_S", 0.02), ("FIRST_ACK_S", 0.05), ("SILENCE_S", 0.002)):
        monkeypatch.setattr(pn532, name, seconds)
    chip.place(independent_serial.Card(MARIE))
    pieces = st.sampled_from([b"\x00\xff", b"\x00\x00\xff\x04\xfc", b"\xd5\x4b\x01\x01", b"\xff\xff", pn532_frames.ACK])

    @settings(max_examples=8)
    @given(st.lists(st.one_of(pieces, st.binary(max_size=6)), min_size=1, max_size=4).map(b"".join), st.booleans())
    def holds(noise, inside):
        line.noise_before, line.noise_inside = (None, noise) if inside else (noise, None)
        with contextlib.suppress(ReaderLostError):
            assert uids(reader.look()) <= {MARIE}

    holds()
    line.noise_before = line.noise_inside = None
    monkeypatch.undo()
    reader.open()
    until(lambda: uids(reader.look()) == {MARIE})


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


def test_a_reader_whose_plug_is_pulled_at_any_byte_is_lost_and_found_again(line, chip):
    chip.place(independent_serial.Card(MARIE))

    def exchange(reader):
        reader.open()
        return uids(reader.look())

    total = tell_lost_and_found(line, lambda: PN532Reader(PN532Settings(port=line.path)), exchange, ReaderLostError)
    assert total > 80


def test_a_reader_that_is_not_there_or_says_nothing_is_lost_within_bounds(line, chip, monkeypatch):
    monkeypatch.setattr(pn532, "FIRST_ACK_S", 0.05)
    reader = PN532Reader(PN532Settings(port=line.path))
    chip.mute = True
    with within(2), pytest.raises(ReaderLostError):
        reader.open()
    line.unplug()
    with within(1), pytest.raises(ReaderLostError):
        reader.open()
    with pytest.raises(ReaderLostError):
        reader.look()


def test_a_chip_that_lost_its_supply_is_lost_and_woken_again(line, chip, reader):
    chip.place(independent_serial.Card(MARIE))
    assert uids(reader.look()) == {MARIE}
    chip.power_cycle()
    with within(3), pytest.raises(ReaderLostError):
        reader.look()
    reader.open()
    assert uids(reader.look()) == {MARIE}
    assert line.baud() == 115_200


@pytest.mark.parametrize("lost", ["lose_ack", "lose_response"])
def test_an_answer_that_never_came_hides_a_card_for_a_look_at_most(chip, reader, monkeypatch, lost):
    chip.place(independent_serial.Card(MARIE))
    setattr(chip, lost, 1)
    with within(2), monkeypatch.context() as hurry:
        hurry.setattr(pn532, "ACK_S", 0.1)
        hurry.setattr(pn532, "ANSWER_S", 0.1)
        assert uids(reader.look()) <= {MARIE}
    assert uids(reader.look()) == {MARIE}


def test_a_card_that_lies_there_while_the_reader_is_pulled_is_not_presented_afresh(line, chip):
    watch = Watch(PN532Reader(PN532Settings(port=line.path)))
    with contextlib.closing(watch):
        assert [type(event) for event in watch.step()[0]] == [Found]
        chip.place(independent_serial.Card(MARIE))
        assert watch.step()[0] == [Presented(Card(MARIE), fresh=True)]
        line.unplug()
        assert [type(event) for event in watch.step()[0]] == [Lost]
        assert watch.step()[0] == []
        line.plug()
        found, presented = watch.step()[0]
        assert isinstance(found, Found) and presented == Presented(Card(MARIE), fresh=False)
        chip.remove()
        assert until(lambda: watch.step()[0]) == [Removed(Card(MARIE))]


# --- the bytes themselves ---


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


def test_a_pn532_answer_is_one_that_the_bytes_hold_however_they_are_cut():
    no_answer_is_made_up()


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=300)), max_size=4))
def test_answers_among_noise_are_all_found(parts):
    parts = [(noise.translate(None, b"\x00\xff"), data[:263]) for noise, data in parts]
    arrived = Frames().feed(b"".join(noise + answer_frame(data) for noise, data in parts))
    assert [each.data for each in arrived] == [data for _noise, data in parts]


a_uid = st.one_of(*(st.binary(min_size=size, max_size=size) for size in (4, 7, 10)))
an_entry = st.tuples(a_uid, st.none() | st.binary(max_size=60), st.binary(min_size=2, max_size=2), st.booleans())


@given(st.lists(an_entry, max_size=2))
def test_cards_are_read_as_they_were_sent_or_not_at_all(entries):
    said = bytes((len(entries),))
    for number, (uid, ats, atqa, iso) in enumerate(entries, 1):
        said += bytes((number,)) + atqa + bytes((0x20 if iso or ats is not None else 0, len(uid))) + uid
        said += b"" if ats is None else bytes((len(ats) + 1,)) + ats
    read = targets(said)
    assert read is None or {card.uid for card in read} == {uid for uid, *_ in entries}
    if len(entries) < 2:
        assert read is not None


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=30).map(lambda rest: b"\x01\x01\x00\x44\x20\x07" + rest)))
def test_whatever_a_chip_lists_no_uid_is_made_up(said):
    for card in targets(said) or ():
        assert len(card.uid) in {4, 7, 10} and card.uid in said


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


def test_the_tags_found_are_those_that_the_bytes_hold_however_they_are_cut():
    no_tag_is_made_up()


# --- 125 kHz ---


TAG_READERS = [
    pytest.param(independent_serial.RDM6300, RDM6300Reader, EM4100Settings, id="RDM6300"),
    pytest.param(independent_serial.ID12LA, ID12LAReader, OnceSettings, id="ID-12LA"),
]


@pytest.mark.parametrize(("twin", "driver", "kind"), TAG_READERS)
@pytest.mark.parametrize(
    "how",
    [
        {"chunk": 1, "chunk_pause": 0.0005},
        {"noise_before": b"\x02\x02AF\x03\x00"},
        {"noise_before": independent_serial.random_noise(20, b"\x02"), "latency": 0.02},
    ],
    ids=["drips", "half a frame before", "noise"],
)
def test_a_tag_has_five_bytes_whatever_comes_with_it(line, twin, driver, kind, how):
    tags = twin(line)
    for name, value in how.items():
        setattr(line, name, value)
    with contextlib.closing(driver(kind(port=line.path))) as reader:
        reader.open()
        tags.present(TAG)
        assert until(lambda: reader.look().cards) == {Card(TAG, "em4100")}
        tags.remove()
        tags.present(MARIE[:5])
        until(lambda: uids(reader.look()) == {MARIE[:5]})
        assert line.baud() == 9600


@pytest.mark.parametrize("what", ["truncate_next", "corrupt_next"])
@pytest.mark.parametrize("where", range(14))
def test_a_tag_that_came_damaged_is_none_and_the_next_frame_tells(line, what, where):
    tags = independent_serial.RDM6300(line, period=0.005)
    with contextlib.closing(RDM6300Reader(EM4100Settings(port=line.path))) as reader:
        reader.open()
        setattr(line, what, where)
        tags.present(TAG)
        assert until(lambda: uids(reader.look())) == {TAG}


@pytest.mark.parametrize(("twin", "driver", "kind"), TAG_READERS)
def test_a_tag_is_there_for_as_long_as_is_said_after_its_last_frame(line, clock, twin, driver, kind):
    tags = twin(line)
    with contextlib.closing(driver(kind(port=line.path, hold=0.6), clock)) as reader:
        reader.open()
        tags.present(TAG)
        until(lambda: uids(reader.look()) == {TAG})
        tags.remove()
        line.wait_idle()
        assert uids(reader.look()) == {TAG}
        clock.sleep(0.59)
        assert uids(reader.look()) == {TAG}
        clock.sleep(0.02)
        assert not uids(reader.look())


@pytest.mark.parametrize(("twin", "driver", "kind"), TAG_READERS)
def test_a_tag_reader_whose_plug_is_pulled_at_any_byte_is_lost_and_found_again(line, twin, driver, kind):
    tags = twin(line)
    tags.present(TAG)
    reader = driver(kind(port=line.path))
    for place in range(len(tags._frame())):
        line.unplug()
        line.left = place
        line.plug()  # a tag that lies there is told of
        with contextlib.suppress(ReaderLostError):
            reader.open()
        with pytest.raises(ReaderLostError):
            until(lambda: uids(reader.look()) - {TAG})
        line.left = None
        line.plug()
        reader.open()
        tags.present(TAG)
        assert until(lambda: uids(reader.look())) == {TAG}
    reader.close()


def test_bytes_that_no_tag_reader_sends_are_told_as_another_device(line):
    with contextlib.closing(RDM6300Reader(EM4100Settings(port=line.path))) as reader:
        reader.open()
        line.inject(b"\x55\x00" * 400)
        with pytest.raises(ReaderLostError, match="another"):
            until(lambda: reader.look() is None)


# --- readers that type ---

KEYS = {digit: code for code, digit in keyboard.DIGITS.items()}
TYPISTS = [
    KeyboardSettings(port="/dev/input/one", technology="iso14443a", base=16, length=[4, 7], whole=True),
    KeyboardSettings(port="/dev/input/one", technology="iso14443a", base=10, length=4),
    KeyboardSettings(port="/dev/input/one", technology="em4100", base=10, length=5, byte_order="little"),
]
ENTER, SHIFT, SPACE = 28, 42, 57
strokes = st.one_of(
    st.sampled_from("0123456789ABCDEF"),
    st.sampled_from(["enter", "shift", "space", "dropped", "pause", "let go", "repeated"]),
    st.binary(min_size=4, max_size=4).map(lambda uid: [*uid.hex().upper(), "enter"]),
    st.binary(min_size=7, max_size=7).map(lambda uid: [*uid.hex().upper(), "enter"]),
    st.integers(0, 256**5).map(lambda number: [*f"{number:010}", "enter"]),
)


def flat(many):
    return [each for one in many for each in (one if isinstance(one, list) else [one])]


def type_(typed, stroke, at):
    event = {
        "enter": (1, ENTER, 1),
        "shift": (1, SHIFT, 1),
        "space": (1, SPACE, 1),
        "dropped": (0, 3, 0),
        "let go": (1, KEYS["7"], 0),
        "repeated": (1, KEYS["7"], 2),
    }.get(stroke) or (1, KEYS[stroke], 1)
    return typed.feed(*event, at)


@given(st.sampled_from(TYPISTS), st.lists(strokes, max_size=12).map(flat))
def test_a_typed_badge_is_one_whose_every_digit_was_typed_in_one_go(said, many):
    typed, at, since = Typed(said), 1.0, ""
    for stroke in many:
        at += 0.6 if stroke == "pause" else 0.01
        if stroke == "pause":
            since = ""
            continue
        card = type_(typed, stroke, at)
        if card is not None:
            assert stroke == "enter" and re.fullmatch("[0-9A-F]+", since)
            assert int(since, said.base) == int.from_bytes(card.uid, said.byte_order)
            assert len(card.uid) in said.lengths
            assert said.base == 10 or len(since) == 2 * len(card.uid)
        if stroke in {"space", "dropped"}:
            since += "?"
        elif stroke == "enter":
            since = ""
        elif len(stroke) == 1:
            since += stroke


@pytest.mark.parametrize("spoilt", ["space", "dropped", "1"])
def test_a_badge_that_is_typed_long_after_a_stray_key_is_read(spoilt):
    typed = Typed(TYPISTS[0])
    type_(typed, spoilt, 1.0)
    for stroke in MARIE.hex().upper():
        type_(typed, stroke, 100.0)
    assert type_(typed, "enter", 100.0) == Card(MARIE)


# --- relays and meters on a line ---


def lcus(line, **said):
    return LCUSRelay(LCUSSettings(port=line.path, **said))


def coil(line, **said):
    return ModbusRelay(RelaySettings(port=line.path, **said))


def meter(line, **said):
    return PZEM004T(MeterSettings(port=line.path, **said))


RELAYS = [
    pytest.param(
        lambda line: independent_serial.LCUS(line, feedback=True), lambda line: lcus(line, answers=True), 1, id="LCUS"
    ),
    pytest.param(independent_serial.ModbusRelay, coil, 0, id="Modbus"),
]


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
    board = independent_serial.LCUS(line, feedback=True)
    with contextlib.closing(lcus(line, answers=True)) as relay:
        a_relay_that_did_not_switch_raises(board, relay, "stuck", 1)
        board.mute, board.stuck = True, False
        monkeypatch.setattr(lcus_board, "ANSWER_S", 0.1)
        with within(2), pytest.raises(OutputError):
            relay.switch(closed=False)
        with within(2), pytest.raises(OutputError):
            relay.look()


def test_a_modbus_relay_that_says_yes_and_does_not_switch_raises(line):
    board = independent_serial.ModbusRelay(line)
    with contextlib.closing(coil(line)) as relay:
        a_relay_that_did_not_switch_raises(board, relay, "lies", 0)


def test_a_modbus_relay_that_refuses_or_is_silent_raises_within_bounds(line, monkeypatch):
    board = independent_serial.ModbusRelay(line)
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
    board = independent_serial.LCUS(line, channels=4)
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
        independent_serial.ModbusRelay(line, unit=1),
        independent_serial.PZEM004T(line, unit=2, power=7000.5, energy=100_000),
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
    independent_serial.PZEM004T(line, power=230.5)
    assert tell_lost_and_found(line, lambda: meter(line), PZEM004T.read, DriverError) == 25


def test_a_meter_without_mains_or_with_noise_raises_a_driver_error_and_reads_again(line, monkeypatch):
    monkeypatch.setattr(modbus, "ANSWER_S", 0.08)
    power = independent_serial.PZEM004T(line, power=230.5)
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


# --- the guard ---


def open_as_the_guard_does(relay):
    opening = json.loads(msgspec.json.encode(relay.opening))
    guard.OPENERS[opening["kind"]](opening)


@pytest.mark.parametrize("noise", [None, b"\x00\xa0\x01\xff"], ids=["clean", "noisy"])
@pytest.mark.parametrize(
    ("twin", "driver", "contact"),
    [*RELAYS, pytest.param(independent_serial.LCUS, lcus, 1, id="LCUS, silent")],
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


class KeepsItsSupply(independent_serial.LCUS):
    """A board whose port is lost and whose supply is not, as when a hub begins anew."""

    def _power_off(self):
        self._buffer.clear()


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
    board = independent_serial.ModbusRelay(line)
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
    boards = [independent_serial.ModbusRelay(line, unit) for unit in (1, 2)]
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
    board = independent_serial.ModbusRelay(line)
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


# --- plugs ---


class Seconds:
    """A clock that both the plug and the loop go by."""

    def __init__(self):
        self.ms = 1_000_000

    def plug(self):
        return self.ms / 1000

    def loop(self):
        return self.ms


@pytest.fixture
def seconds():
    return Seconds()


PLUGS = {
    "Shelly": (independent_plugs.Shelly, Shelly, ShellySettings, ShellyMeter, ShellyMeterSettings),
    "Tasmota": (independent_plugs.Tasmota, Tasmota, TasmotaSettings, TasmotaMeter, TasmotaMeterSettings),
}


@pytest.fixture(params=PLUGS)
def make(request):
    return PLUGS[request.param]


@pytest.fixture
def plug(make, seconds):
    with make[0](password=SECRET, now=seconds.plug, load=60.0) as made:
        yield made


def driver_of(make, plug, **said):
    return make[1](make[2](host=plug.address, **{"password": SECRET, **said}))


@pytest.fixture
def output(make, plug):
    with contextlib.closing(driver_of(make, plug, interval=30.0)) as made:
        yield made


@pytest.fixture
def hurried(monkeypatch):
    """Less patience than with real ones."""
    monkeypatch.setattr(plug_http, "READ_S", 0.12)
    monkeypatch.setattr(plug_http, "PATIENCE_S", 0.15)


def test_a_plug_is_as_it_was_told_and_tells_what_flows(make, plug, output, seconds):
    output.open()
    for closed in (True, True, False, True):
        output.switch(closed=closed)
        assert plug.on is closed
        seen = output.look()
        assert seen.closed is closed and seen.watts == (60.0 if closed else 0.0)
    seconds.ms += 60_000
    assert output.look().counted_wh == pytest.approx(1.0, abs=0.01)
    with contextlib.closing(make[3](make[4](host=plug.address, password=SECRET))) as watts:
        assert watts.read() == 60.0 and watts.counted_wh == pytest.approx(1.0, abs=0.01)
    plug.press_button()
    assert output.look().closed is False


FAULTS = {
    "drip": {"drip": True, "drip_interval": 0.02},
    "huge": {"huge": True},
    "garbage": {"garbage": True},
    "wrong types": {"wrong_types": True},
    "redirect": {"redirect": True},
    "500": {"status_500": True},
    "late": {"latency": 0.3},
    "unreachable": {"unreachable": True},
    "another password": {"password": "another"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plug_that_does_not_do_as_plugs_do_is_an_output_error_in_time(make, plug, output, hurried, fault):
    output.open()
    well = {name: getattr(plug, name) for name in FAULTS[fault]}
    asked = len(plug.received)
    for name, value in FAULTS[fault].items():
        setattr(plug, name, value)
    for act in (lambda: output.switch(closed=True), output.look):
        with within(3), pytest.raises(OutputError):
            act()
    with within(3), pytest.raises(DriverError), contextlib.closing(make[3](make[4](host=plug.address))) as watts:
        watts.read()
    assert all("elsewhere" not in request.target for request in plug.received[asked:])
    for name, value in well.items():
        setattr(plug, name, value)
    output.open()
    output.switch(closed=True)
    assert plug.on


def test_no_secret_is_in_what_a_plug_is_asked_for(plug, output):
    output.open()
    output.switch(closed=True)
    output.look()
    plug.password = "another"
    with pytest.raises(OutputError) as caught:
        output.look()
    assert SECRET not in str(caught.value) + repr(caught.value)
    for request in plug.received:
        assert not re.search("sesame|password", request.target)
        assert b"sesame" not in request.body


@pytest.mark.parametrize("what", ["redirect", "password"])
def test_a_plug_whose_answer_never_ends_fills_no_memory(make, plug, output, what):
    plug.huge, plug.huge_limit = True, 40_000_000
    setattr(plug, what, "/elsewhere" if what == "redirect" else "another")
    with within(6), pytest.raises(OutputError):
        output.look()
    plug.huge = False
    assert plug.huge_sent < 20_000_000  # what waits in sockets is not read


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


def test_a_plug_that_says_yes_and_does_not_switch_raises(plug, output):
    a_plug_that_lies_raises(plug, output)


def test_a_plug_that_forgot_who_asked_is_asked_again(plug, output):
    output.open()
    output.switch(closed=True)
    plug.reboot()  # a Shelly forgets its nonces
    assert output.look().closed in {True, False}
    if isinstance(plug, independent_plugs.Shelly):
        plug.nonce_reuse = False
        output.switch(closed=True)
        assert plug.on


KNOWN = """POWER POWER1 PulseTime1 Set PowerOnState StatusFWR Version StatusSNS ENERGY Power Total WARNING output apower
aenergy total was_on model ver gen initial_state auto_on timer_duration code message"""
keys = st.sampled_from(KNOWN.split())
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["ON", "OFF", "", "190"]), st.text(max_size=5)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=6,
)
bodies = st.one_of(
    st.dictionaries(keys, values, max_size=5).map(json.dumps).map(str.encode),
    values.map(json.dumps).map(str.encode),
    st.binary(max_size=20),
    st.sampled_from([b"[" * 50_000, b'{"POWER":' + b"[" * 990 + b"]" * 990 + b"}", b"1" * 5000, b" "]),
)


@pytest.mark.parametrize("act", ["open", "look", "notes", "on", "off", "measure"])
def test_whatever_a_plug_answers_only_our_errors_leave(make, monkeypatch, act):
    output = make[1](make[2](host="plug"))
    watts = make[3](make[4](host="plug"))
    acts = {
        "open": output.open,
        "look": output.look,
        "notes": output.notes,
        "on": lambda: output.switch(closed=True),
        "off": lambda: output.switch(closed=False),
        "measure": watts.read,
    }

    @settings(max_examples=30)
    @given(st.lists(bodies, min_size=1, max_size=3))
    def holds(many):
        said = iter(many)
        monkeypatch.setattr(Plug, "ask", lambda *_a, **_n: next(said, many[-1]))
        try:
            found = acts[act]()
        except DriverError as error:
            assert act == "measure" or isinstance(error, OutputError)
            assert str(error)
        else:
            assert act != "look" or found.closed in {True, False}
            assert act != "measure" or isinstance(found, float)

    holds()


HEADS = {
    "nothing": b"",
    "no HTTP": b"\xff" * 100,
    "a long line": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
    "many lines": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "no status": b"HTTP/1.1 999999 X\r\n\r\n",
    "nowhere": b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
    "no gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx",
    "bad digest": b'HTTP/1.1 401 X\r\nWWW-Authenticate: Digest qop="auth"\r\n\r\n',
    "another digest": b'HTTP/1.1 401 X\r\nWWW-Authenticate: Digest realm="a", nonce="b", algorithm=FOO\r\n\r\n',
    "too short": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
}


@pytest.mark.parametrize("head", HEADS)
def test_whatever_a_plug_sends_only_our_errors_leave(make, head):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65_536)
            with contextlib.suppress(OSError):
                self.request.sendall(HEADS[head])

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            said = make[2](host=f"127.0.0.1:{server.server_address[1]}", password=SECRET)
            with contextlib.closing(make[1](said)) as output, within(5), pytest.raises(OutputError):
                output.look()
        finally:
            server.shutdown()
            thread.join()


# Tasmota documentation and its sources: what PulseTime answers, from the oldest to the newest version.
@pytest.mark.parametrize(
    "told",
    [
        {"PulseTime1": "190 (Active 189)"},
        {"PulseTime1": {"190": {"Active": "189"}}},
        {"PulseTime1": {"Set": 190, "Remaining": 190}},
    ],
    ids=["6", "8", "9"],
)
def test_the_timer_of_every_tasmota_is_understood(told):
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        plug.wrong_types = lambda said: told if "PulseTime1" in said else said
        output.open()


@pytest.mark.parametrize("setting", ["auto_on", "initial_state"])
def test_a_shelly_that_closes_by_itself_is_refused_or_told_of(setting):
    with independent_plugs.Shelly() as plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
        output.open()
        assert not output.notes()
        plug.config[setting] = {"auto_on": True, "initial_state": "on"}[setting]
        output.open()
        assert output.notes() or output.look().unfit


def test_a_shelly_whose_timer_does_not_begin_is_told_of():
    class Timeless(independent_plugs.Shelly):
        def _switch(self, on, source, _toggle_after=None):
            super()._switch(on, source)

    for plug, is_told in ((independent_plugs.Shelly(), False), (Timeless(), True)):
        with plug, contextlib.closing(Shelly(ShellySettings(host=plug.address))) as output:
            output.open()
            assert bool(output.switch(closed=True).unfit) is is_told
            assert bool(output.look().unfit) is is_told
            assert output.switch(closed=False).closed is False, "it opens all the same"
            with pytest.raises(OutputError, match="timer") if is_told else contextlib.nullcontext():
                output.switch(closed=True)


def test_looking_at_a_tasmota_ends_no_timer_of_an_old_one(seconds):
    """Its firmware ends the timer when it is asked for `Power` without a value."""
    with independent_plugs.Tasmota(now=seconds.plug) as plug:
        plug.query_cancels_pulse = True
        with contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
            output.open()
            output.switch(closed=True)
            for _look in range(3):
                assert output.look().held
            assert plug.timer_left == pytest.approx(90, abs=2)
            output.notes()
            assert output.look().held
            assert not any(request.command.lower() in {"power", "power1"} for request in plug.received)


@pytest.mark.parametrize("ends", ["at once", "later"])
def test_a_tasmota_whose_timer_does_not_run_is_opened_and_not_closed_again(ends):
    class Timeless(independent_plugs.Tasmota):
        def _arm(self):
            if ends == "later":
                super()._arm()

    with Timeless() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        seen = output.switch(closed=True)
        assert seen.held is (ends == "later")
        if ends == "later":
            plug._timer = None
            seen = output.look()
        assert "would stay on" in str(seen.unfit)
        assert output.switch(closed=False).closed is False
        with pytest.raises(OutputError, match="would stay on"):
            output.switch(closed=True)
        assert not plug.on
        output.open()
        assert output.look().unfit is None, "found anew, it may have another firmware"


def test_a_tasmota_whose_timer_somebody_took_away_has_it_again_or_is_not_taken_for_closed():
    with independent_plugs.Tasmota() as plug, contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output:
        output.open()
        output.switch(closed=True)
        plug.pulse_time = 0
        output.switch(closed=True)
        assert plug.timer_left == pytest.approx(90, abs=5)


def test_a_connection_that_takes_its_time_makes_no_request_endless(plug, output, hurried, monkeypatch):
    connect = HTTPConnection.connect

    def slowly(connection):
        plug._closing.wait(0.2)
        connect(connection)

    output.open()
    monkeypatch.setattr(HTTPConnection, "connect", slowly)
    plug.drip, plug.drip_interval = True, 0.004
    with within(2), pytest.raises(OutputError):
        output.look()


def test_a_tasmota_that_inverts_its_timer_is_refused():
    with (
        independent_plugs.Tasmota(power_on_state=5) as plug,
        contextlib.closing(Tasmota(TasmotaSettings(host=plug.address))) as output,
    ):
        output.open()
        with pytest.raises(OutputError, match="PowerOnState"):
            output.switch(closed=True)


# --- remote outputs as the loop sees them ---


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


def a_lie_is_a_fault(plug, output, seconds):
    loop = Loop(output, seconds)
    loop.live(1)
    plug.lies = True
    loop.remote.on()
    loop.live(8)
    assert len(loop.faults) == 1 and not loop.remote.is_on


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
    board = independent_serial.LCUS(line, feedback=answers)
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
    board = independent_serial.ModbusRelay(line)
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


# --- these statements catch what they are there for ---


def test_control_a_parser_without_checksums_is_caught(monkeypatch):
    monkeypatch.setattr(em4100, "reduce", lambda _xor, tag: bytes.fromhex("00")[0] * len(tag))
    with pytest.raises(AssertionError):
        no_tag_is_made_up(ANY_EXAMPLE)


def test_control_frames_that_are_not_summed_are_caught(monkeypatch):
    first = Frames._first

    def unsummed(self):
        arrived, used = first(self)
        if arrived is None and used > 4:
            return pn532_frames.Arrived("answer", bytes(self._waiting[5 : used - 1])), used
        return arrived, used

    monkeypatch.setattr(Frames, "_first", unsummed)
    with pytest.raises(AssertionError):
        no_answer_is_made_up(ANY_EXAMPLE)


def test_control_a_reader_that_reads_one_cascade_level_is_caught(line, chip, reader, monkeypatch):
    monkeypatch.setattr(pn532, "targets", lambda data: frozenset(Card(card.uid[:4]) for card in targets(data) or ()))
    with pytest.raises(AssertionError):
        read_through_noise(line, chip, reader, ANY_EXAMPLE)


def test_control_a_reader_that_hides_its_loss_is_caught(line, chip, monkeypatch):
    look = PN532Reader.look

    def hiding(reader):
        try:
            return look(reader)
        except ReaderLostError:
            return Sighting()

    monkeypatch.setattr(PN532Reader, "look", hiding)
    with pytest.raises(AssertionError):
        test_a_reader_whose_plug_is_pulled_at_any_byte_is_lost_and_found_again(line, chip)


def test_control_a_plug_that_is_not_read_back_is_caught(make, plug, output, monkeypatch):
    unread = (
        (lambda self, *, closed: self._ask(f"Power1 {'ON' if closed else 'OFF'}"))
        if make[1] is Tasmota
        else (lambda self, *, closed: self._plug.ask("POST", "/rpc/Switch.Set", json={"id": 0, "on": closed}))
    )
    monkeypatch.setattr(make[1], "switch", unread)
    with pytest.raises(pytest.fail.Exception):
        a_plug_that_lies_raises(plug, output)


def test_control_a_timer_that_is_not_begun_anew_is_caught(plug, output, seconds, monkeypatch):
    monkeypatch.setattr(RemoteWorker, "_arm_every", lambda _self: 1 << 62)
    with pytest.raises(AssertionError):
        stays_closed(plug, output, seconds)


def test_control_a_fault_that_is_not_told_is_caught(plug, output, seconds, monkeypatch):
    monkeypatch.setattr(RemoteState, "fail", lambda _self, _error: None)
    with pytest.raises(AssertionError):
        a_lie_is_a_fault(plug, output, seconds)


# --- what was typed or told while nobody looked ---


def test_a_tag_that_was_told_of_while_nobody_looked_is_nobodys_tap(line):
    reader_twin = independent_serial.ID12LA(line)
    clock = [100.0]
    reader = ID12LAReader(OnceSettings(port=line.path), lambda: clock[0])
    reader.open()
    assert reader.look().cards == frozenset()
    reader_twin.present(TAG)
    line.wait_idle()
    clock[0] += 10
    assert reader.look().cards == frozenset()
    reader_twin.remove()
    reader_twin.present(TAG)
    assert eventually(lambda: reader.look().cards)
    reader.close()


def eventually(happened, seconds=5):
    end = time.monotonic() + seconds
    while not (found := happened()) and time.monotonic() < end:
        time.sleep(0.005)
    return found
