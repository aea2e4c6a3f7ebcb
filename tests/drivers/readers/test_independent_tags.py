"""125 kHz readers, and readers that type, on twins written from their data sheets alone."""

import contextlib
import re
import time

import independent_readers
import independent_serial
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import MARIE, uids, until

from drivers.contracts import Card, ReaderLostError, SettingsMismatchError
from drivers.readers import keyboard
from drivers.readers.em4100 import EM4100Settings, ID12LAReader, OnceSettings, RDM6300Reader
from drivers.readers.keyboard import KeyboardSettings, Typed

TAG = bytes.fromhex("0C004A2F19")
TAG_READERS = [
    pytest.param(independent_readers.RDM6300, RDM6300Reader, EM4100Settings, id="RDM6300"),
    pytest.param(independent_readers.ID12LA, ID12LAReader, OnceSettings, id="ID-12LA"),
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
    tags = independent_readers.RDM6300(line, period=0.005)
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


def test_a_tag_that_was_told_of_while_nobody_looked_is_nobodys_tap(line):
    reader_twin = independent_readers.ID12LA(line)
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


def typed_by(text, **said):
    """What one line of a reader that types comes to: a card, and what is said of it."""
    keys = {**KEYS, ",": 51, " ": SPACE, "\n": ENTER, "\t": 15}
    said["shape"] = keyboard.Shape(said.get("shape", "number"))
    typed, card = Typed(KeyboardSettings(port="/dev/input/one", technology="em4100", base=10, **said)), None
    for place, letter in enumerate(text):
        card = typed.feed(1, keys[letter], 1, 1.0 + place / 100) or card
    return card, str(typed.why or "")


@pytest.mark.parametrize(
    ("text", "said", "uid"),
    [
        ("0004861721\n", {"length": 4}, "004A2F19"),
        ("4861721\n", {"length": 4, "zeros": False}, "004A2F19"),
        ("0\n", {"length": 4, "zeros": False}, None),
        ("0004861721\t", {"length": 4, "end": "tab"}, "004A2F19"),
        ("074,12057\n", {"length": 3, "shape": "codes"}, "4A2F19"),
        ("74,12057\n", {"length": 3, "shape": "codes"}, "4A2F19"),
        ("0004861721 074,12057\n", {"length": 4, "shape": "both"}, "004A2F19"),
        ("0004861721 074,12057\t", {"length": 4, "shape": "both", "end": "tab"}, "004A2F19"),
        ("0004861721 074,12058\n", {"length": 4, "shape": "both"}, None),
        ("0004861721 999,12057\n", {"length": 4, "shape": "both"}, None),
        ("256,00000\n", {"length": 3, "shape": "codes"}, None),
        ("4861721\n", {"length": 4}, None),
        ("04861721\n", {"length": 4, "zeros": False}, None),
        ("4294967296\n", {"length": 4, "zeros": False}, None),
        ("0004861721\t", {"length": 4}, None),
        ("0004861721\n", {"length": 4, "end": "tab"}, None),
        ("074,12057\n", {"length": 4}, None),
        ("0004861721\n", {"length": 4, "shape": "both"}, None),
        ("0004861721 \n", {"length": 4}, None),
        (",\n", {"length": 4}, None),
    ],
)
def test_a_number_in_any_shape_is_a_badge_where_the_settings_say_so_and_else_a_sentence(text, said, uid):
    card, why = typed_by(text, **said)
    if uid is None:
        assert card is None and why
    else:
        assert card == Card(bytes.fromhex(uid), f"em4100-{len(uid) // 2}") and not why


@given(st.integers(0, 256**4 - 1))
def test_all_shapes_of_one_badge_are_one_badge(number):
    both = f"{number:010} {number >> 16 & 255:03},{number & 65_535:05}"
    cards = [
        typed_by(f"{number:010}\n", length=4)[0],
        typed_by(f"{number}\n", length=4, zeros=False)[0] if number else None,
        typed_by(f"{both}\n", length=4, shape="both")[0],
    ]
    assert {card for card in cards if card} == {Card(number.to_bytes(4), "em4100-4")}
    codes, _why = typed_by(f"{both.split()[1]}\n", length=3, shape="codes")
    assert codes == Card(number.to_bytes(4)[1:], "em4100-3")


@pytest.mark.parametrize(
    "said",
    [
        {"technology": "iso14443a", "base": 16, "length": [4, 7], "whole": True, "zeros": False},
        {"technology": "iso14443a", "base": 10, "length": 4, "shape": keyboard.Shape.BOTH},
        {"technology": "em4100", "base": 10, "length": 4, "shape": keyboard.Shape.CODES},
        {"technology": "em4100", "base": 10, "length": 5, "shape": keyboard.Shape.BOTH},
    ],
)
def test_shapes_that_no_reader_types_are_refused_with_the_settings(said):
    with pytest.raises(SettingsMismatchError):
        KeyboardSettings(port="/dev/input/one", **said)
