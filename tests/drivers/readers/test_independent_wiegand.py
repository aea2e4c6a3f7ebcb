"""Readers that speak Wiegand, on a twin written from their manuals alone."""

import contextlib
import tracemalloc

import gpiozero.pins.mock
import independent_wiegand
import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import example, given
from hypothesis import strategies as st
from independent_wiegand import (
    FRAMES,
    KEY_FRAMES,
    KEY_NIBBLES,
    flipped,
    frame26,
    frame34,
    frame37,
    h10301,
    h10304,
    in_time,
    inverted,
    key4,
    key8,
    ones_first,
    zeros_first,
)

from drivers.contracts import Card, ReaderLostError, SettingsMismatchError
from drivers.readers import wiegand
from drivers.readers.wiegand import GAP_S, LATE, MOST_BITS, WiegandReader, WiegandSettings

D0, D1 = 5, 6
OVER = GAP_S + 0.005  # s after which a frame is over
SETTLED = 0.45  # s after which nothing more is waited for, of what is no whole badge

# technology, bits, whole: what its badges are known as, and how many bytes they have
KINDS = {
    ("iso14443a", 26, False): ("iso14443a-3", 3),
    ("em4100", 26, False): ("em4100-3", 3),
    ("hid", 26, False): ("hid-26", 3),
    ("iso14443a", 34, False): ("iso14443a-4", 4),
    ("em4100", 34, False): ("em4100-4", 4),
    ("hid", 34, False): ("hid-34", 4),
    ("iso14443a", 34, True): ("iso14443a", 4),
    ("hid", 37, False): ("hid-37", 5),
}
NUMBER_BITS = {26: 24, 34: 32, 37: 35}

formats = st.sampled_from([26, 34, 37])
kinds = st.sampled_from(list(KINDS))
orders = st.sampled_from(["big", "little"])
spacings = st.floats(*independent_wiegand.SPACINGS)
widths = st.floats(*independent_wiegand.WIDTHS)
tellings = st.sampled_from([in_time, zeros_first, ones_first])
keys = st.sampled_from("0123456789*#")


def numbers(bits):
    return st.integers(0, 2 ** NUMBER_BITS[bits] - 1)


numbered = formats.flatmap(lambda bits: st.tuples(st.just(bits), numbers(bits)))


class Desk:
    """A driver, and what stands at the other end of its two lines."""

    def __init__(self, bits=26, technology="", **said):
        self.clock = independent_wiegand.Clock()
        self.header = independent_wiegand.Header()
        self.sender = independent_wiegand.Sender(self.header, self.clock, D0, D1)
        self.send, self.wait = self.sender.send, self.clock.wait
        self.settings = WiegandSettings(
            d0=D0, d1=D1, bits=bits, technology=technology or ("hid" if bits == 37 else "em4100"), **said
        )
        self.reader = WiegandReader(self.settings, self.clock)

    def look(self):
        return self.reader.look()

    def sent(self, *frames, pause=OVER, **how):
        """What one look gives of frames with a pause after each."""
        for frame in frames:
            self.send(frame, **how)
            self.wait(pause)
        last = len(frames[-1]) if frames else 0
        if last != self.settings.bits:
            self.wait(max(0.0, (0.12 if last in {4, 8} else SETTLED) - pause))
        return self.look()


@contextlib.contextmanager
def desk(*args, opened=True, **said):
    made = Desk(*args, **said)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(made.reader):
        patch.setattr(wiegand, "factory", lambda: made.header)
        if opened:
            made.reader.open()
            assert made.look().cards == frozenset()
        yield made


def card(bits, number, technology=""):
    kind = (technology or ("hid" if bits == 37 else "em4100"), bits, False)
    return Card(number.to_bytes(KINDS[kind][1]), KINDS[kind][0])


def is_nothing(sighting):
    """Hold a look to no badge and no key, and to a sentence about what came."""
    assert sighting.cards == frozenset() and sighting.typed is None
    assert sighting.garbled and "{" not in str(sighting.why) and len(str(sighting.why)) > 20
    return str(sighting.why)


# What manuals print, bit for bit: the frame, its number.
PRINTED = [
    # CIVINTEC CN56 series, "Wiegand26 Format" and "Wiegand34 Format"
    pytest.param("1 11010100 00011011 10000001 0", 0xD41B81, id="CN56, 26"),
    pytest.param("1 10001001 11010100 00011011 10000001 1", 0x89D41B81, id="CN56, 34"),
    # CDVI DGLIMWLC, installation manual: the badge 0100166A37
    pytest.param("1 0001 0110 0110 1010 0011 0111 0", 0x166A37, id="DGLIMWLC"),
    # DMP 9000 series, installation and programming guide, figure 7
    pytest.param("0 11101011 0110101000110011 1", 0xEB6A33, id="DMP 9000"),
    # Hikvision DS-2CD7A26G0-P, "Coding Process": the card 1234567890
    pytest.param("1 0100 1001 1001 0110 0000 0010 1101 0010 0", 1_234_567_890, id="Hikvision"),
    # ZK's "Instruction to Wiegand input configuration": facility code 1, number 1
    pytest.param("1 00000001 0000000000000001 0", 1 << 16 | 1, id="ZK"),
    # H10301 as programs for it print it: wiegand-26bit-calculator, wiegand-encoder, wiegand for Elixir
    pytest.param("0 11100011 1110000100000000 0", 227 << 16 | 57_600, id="227, 57600"),
    pytest.param("0 01011010 0000000101000100 0", 90 << 16 | 324, id="90, 324"),
    pytest.param("0 01100101 0000000011111011 0", 101 << 16 | 251, id="101, 251"),
    pytest.param(f"{0x0CA1440:026b}", 101 << 16 | 2592, id="101, 2592"),
    pytest.param(f"{0x1FFFFFF:026b}", 255 << 16 | 65_535, id="255, 65535"),
    pytest.param(f"{1:026b}", 0, id="0, 0"),
    # A badge that was read and posted with its two parities: facility code 13, number 13067
    pytest.param(f"{0x21A6616:026b}", 13 << 16 | 13_067, id="13, 13067"),
]


@pytest.mark.parametrize(("printed", "number"), PRINTED)
def test_a_frame_that_a_manual_prints_is_the_number_beside_it(printed, number):
    frame = printed.replace(" ", "")
    assert frame == FRAMES[len(frame)](number), "the twin disagrees with the manual"
    with desk(len(frame)) as at:
        seen = at.sent(frame)
        assert seen.cards == {card(len(frame), number)} and not seen.garbled and seen.why is None


@given(st.integers(0, 255), st.integers(0, 65_535))
def test_facility_code_and_number_of_26_bits_follow_each_other(facility, number):
    with desk(26, "hid") as at:
        seen = at.sent(h10301(facility, number))
        assert seen.cards == {Card(bytes([facility]) + number.to_bytes(2), "hid-26")}


@given(st.integers(0, 65_535), st.integers(0, 524_287))
def test_facility_code_and_number_of_37_bits_follow_each_other(facility, number):
    with desk(37, "hid") as at:
        seen = at.sent(h10304(facility, number))
        assert seen.cards == {Card((facility * 524_288 + number).to_bytes(5), "hid-37")}


@given(st.data(), kinds, orders, spacings, widths, tellings)
def test_every_number_is_the_badge_that_was_sent(data, kind, order, spacing, width, told):
    technology, bits, whole = kind
    number = data.draw(numbers(bits))
    name, size = KINDS[kind]
    order = "big" if bits == 37 else order  # 35 bits are no bytes to turn round
    with desk(bits, technology, whole=whole, byte_order=order) as at:
        assert at.settings.kind == name
        seen = at.sent(FRAMES[bits](number), spacing=spacing, width=width, told=told)
        assert seen.cards == {Card(number.to_bytes(size, order), name)}
        assert not seen.garbled and seen.why is None and seen.typed is None


@pytest.mark.parametrize("bits", [26, 34, 37])
def test_every_bit_of_a_number_has_its_place(bits):
    with desk(bits, hold=0.2) as at:
        for place in range(NUMBER_BITS[bits]):
            for number in (1 << place, 2 ** NUMBER_BITS[bits] - 1 - (1 << place)):
                assert at.sent(FRAMES[bits](number)).cards == {card(bits, number)}
                at.wait(0.3)


@given(numbered)
def test_a_frame_with_a_flipped_bit_is_no_badge(what):
    bits, number = what
    frame = FRAMES[bits](number)
    with desk(bits) as at:
        for place in range(bits):
            is_nothing(at.sent(flipped(frame, place)))
        assert at.sent(frame).cards == {card(bits, number)}


@given(numbered)
def test_a_frame_with_a_missing_bit_is_no_badge(what):
    bits, number = what
    frame = FRAMES[bits](number)
    with desk(bits) as at:
        for place in range(bits):
            assert str(bits) in is_nothing(at.sent(frame[:place] + frame[place + 1 :]))


@given(numbered)
def test_a_frame_with_an_added_bit_is_no_badge(what):
    bits, number = what
    frame = FRAMES[bits](number)
    with desk(bits) as at:
        for place in range(bits + 1):
            for bit in "01":
                assert str(bits) in is_nothing(at.sent(frame[:place] + bit + frame[place:]))


@given(numbered)
def test_two_lines_that_are_exchanged_give_no_badge_and_are_told(what):
    bits, number = what
    with desk(bits) as at:
        why = is_nothing(at.sent(inverted(FRAMES[bits](number))))
        assert "D0" in why and "D1" in why


@given(numbered, formats)
@example((34, 0), 26)
def test_a_frame_of_another_known_length_names_the_setting(what, expected):
    bits, number = what
    with desk(expected) as at:
        seen = at.sent(FRAMES[bits](number))
        if bits == expected:
            assert seen.cards
        else:
            assert f"bits = {bits}" in is_nothing(seen)


@given(st.text("01", min_size=1, max_size=200).filter(lambda bits: len(bits) not in {4, 8, 26, 34, 37}), formats)
@example("1", 26)
@example("0" * 32, 34)  # CIVINTEC CN56: "Wiegand32e" has no parities
@example("01" * 22, 26)  # CDVI: 44 bits
def test_a_frame_of_a_length_that_nobody_sends_is_nothing(frame, bits):
    with desk(bits) as at:
        assert f"a frame of {len(frame)} where {bits} bits" in is_nothing(at.sent(frame))


# HID PINPad (rev. E), table 1; its 7 is misprinted there as 1000 1111, and is 0x87 in CDVI KCPROXWLC's table.
EIGHT = dict(zip("0123456789*#", bytes.fromhex("F0 E1 D2 C3 B4 A5 96 87 78 69 5A 4B"), strict=True))


@given(st.lists(keys, min_size=1, max_size=6), st.sampled_from([4, 8]), spacings, tellings)
@example(list("0123456789*#"), 4, 0.001, in_time)
@example(list("0123456789*#"), 8, 0.001, in_time)
def test_every_key_is_the_one_that_was_pressed(pressed, bits, spacing, told):
    with desk() as at:
        seen = at.sent(*map(KEY_FRAMES[bits], pressed), spacing=spacing, told=told, pause=0.05)
        assert seen.typed.keys == "".join(pressed)
        assert not seen.cards and not seen.garbled and seen.why is None
        assert at.look().typed is None


@pytest.mark.parametrize("reader", [26, 34, 37])
def test_twelve_frames_of_four_bits_are_keys_and_the_others_none(reader):
    # Rosslare AYC-Q and Keyking 6630KE print the twelve
    with desk(reader) as at:
        for value in range(16):
            seen = at.sent(f"{value:04b}")
            if value < 12:
                assert seen.typed.keys == "0123456789*#"[value] and not seen.garbled
            else:
                is_nothing(seen)


@pytest.mark.parametrize("reader", [26, 34, 37])
def test_twelve_frames_of_eight_bits_are_keys_and_the_others_none(reader):
    meant = {value: key for key, value in EIGHT.items()}
    assert {key: f"{value:08b}" for key, value in EIGHT.items()} == {key: key8(key) for key in KEY_NIBBLES}
    with desk(reader) as at:
        for value in range(256):
            seen = at.sent(f"{value:08b}")
            if value in meant:
                assert seen.typed.keys == meant[value] and not seen.garbled
            else:
                is_nothing(seen)


def test_a_key_of_eight_bits_with_a_flipped_bit_is_none_and_nothing_is_said_of_which():
    with desk() as at:
        said = {is_nothing(at.sent(flipped(key8(key), place))) for key in KEY_NIBBLES for place in range(8)}
        assert len(said) == 1 and not any(letter.isdigit() for letter in said.pop().replace("D0", "").replace("D1", ""))


@given(numbered, st.floats(0.0002, GAP_S - 0.001))
def test_two_frames_with_too_short_a_pause_are_one_and_no_badge(what, pause):
    bits, number = what
    frame = FRAMES[bits](number)
    with desk(bits) as at:
        at.send(frame)
        at.wait(pause)
        at.send(frame)
        at.wait(SETTLED)
        assert f"a frame of {2 * bits} " in is_nothing(at.look())


@given(st.tuples(keys, keys), st.floats(GAP_S + 0.001, 0.5), st.sampled_from([4, 8]))
def test_two_frames_with_a_long_enough_pause_are_two(pressed, pause, bits):
    with desk() as at:
        seen = at.sent(*map(KEY_FRAMES[bits], pressed), pause=pause)
        assert seen.typed.keys == "".join(pressed) and not seen.garbled


@given(formats.flatmap(lambda bits: st.tuples(st.just(bits), numbers(bits), numbers(bits))))
def test_the_badge_that_was_sent_last_is_the_one_that_is_there(what):
    bits, first, last = what
    with desk(bits) as at:
        seen = at.sent(FRAMES[bits](first), FRAMES[bits](last))
        assert card(bits, last) in seen.cards <= {card(bits, first), card(bits, last)} and not seen.garbled
    with desk(bits) as at:
        assert at.sent(FRAMES[bits](first)).cards == {card(bits, first)}
        assert card(bits, last) in at.sent(FRAMES[bits](last)).cards


@given(numbered, st.floats(0.0002, 0.005), st.tuples(st.floats(0, 0.02), st.floats(0, 0.02)), st.data())
def test_a_frame_whose_lines_are_told_of_late_and_apart_is_read_whenever_one_looks(what, spacing, delays, data):
    bits, number = what
    with desk(bits) as at:
        began = at.clock()
        pulses = [(began + place * spacing, bit) for place, bit in enumerate(FRAMES[bits](number))]
        looks = data.draw(st.lists(st.floats(0, bits * spacing + 0.02), max_size=10))
        happens = [(time + delays[bit == "1"], bit, time) for time, bit in pulses]
        happens += [(began + look, "look", 0.0) for look in looks]
        seen = set()
        for now, what_, time in sorted(happens):
            at.clock.seconds = now
            if what_ == "look":
                sighting = at.look()
                assert not sighting.garbled and sighting.typed is None
                seen |= sighting.cards
            else:
                at.sender.pulse(what_, time)
        at.wait(OVER)
        seen |= at.look().cards
        assert seen == {card(bits, number)}


@given(numbered, st.randoms(use_true_random=False))
def test_the_times_of_pulses_say_their_order_whatever_order_they_are_told_in(what, chance):
    bits, number = what
    with desk(bits) as at:
        seen = at.sent(FRAMES[bits](number), told=lambda pulses: chance.sample(pulses, len(pulses)))
        assert seen.cards == {card(bits, number)} and not seen.garbled


@given(numbered, spacings, st.data())
def test_a_frame_is_one_however_often_one_looks_meanwhile(what, spacing, data):
    bits, number = what
    looks = data.draw(st.sets(st.integers(0, bits - 1)))
    with desk(bits) as at:
        for place, _bit in enumerate(at.sender.bits(FRAMES[bits](number), spacing)):
            if place in looks:
                seen = at.look()
                assert not seen.cards and not seen.garbled and seen.typed is None
        at.wait(OVER)
        assert at.look().cards == {card(bits, number)}


@given(numbered, st.text("0123456789*#", max_size=6), st.text("0123456789*#", max_size=6), st.sampled_from([4, 8]))
def test_a_badge_and_keys_come_in_one_look(what, before, after, size):
    bits, number = what
    press = KEY_FRAMES[size]
    with desk(bits) as at:
        seen = at.sent(*map(press, before), FRAMES[bits](number), *map(press, after))
        assert seen.cards == {card(bits, number)} and not seen.garbled
        assert (seen.typed.keys if seen.typed else "") == before + after


def test_a_garbled_frame_among_good_ones_is_told_and_they_are_read():
    with desk() as at:
        seen = at.sent(key4("1"), flipped(frame26(7), 3), frame26(8), key4("2"))
        assert seen.cards == {card(26, 8)} and seen.typed.keys == "12" and seen.garbled and seen.why


@given(numbered, st.floats(0.2, 5.0))
def test_a_badge_is_there_for_as_long_as_is_said_and_longer_where_it_is_repeated(what, hold):
    bits, number = what
    frame, one = FRAMES[bits](number), {card(bits, number)}
    with desk(bits, hold=hold) as at:
        assert at.sent(frame).cards == one
        at.wait(hold - OVER - 0.01)
        assert at.look().cards == one
        at.wait(OVER + 0.02)
        assert at.look().cards == frozenset()
        assert at.sent(frame).cards == one
        if hold < LATE:
            at.wait(hold - bits * 0.001 - OVER - 0.05)
            assert at.sent(frame).cards == one
            at.wait(hold - OVER - 0.01)
            assert at.look().cards == one


@given(numbered, st.text("0123456789*#", max_size=6), st.floats(LATE + 0.01, 1e6))
def test_what_waited_while_nobody_looked_is_nobodys(what, pressed, away):
    bits, number = what
    with desk(bits) as at:
        at.sent(frame26(1))  # so that somebody has looked
        at.wait(6.0)
        at.look()
        for frame in (*map(key4, pressed), FRAMES[bits](number)):
            at.send(frame)
            at.wait(OVER)
        at.wait(away)
        for _again in range(2):
            seen = at.look()
            assert seen.cards == frozenset() and seen.typed is None
            at.wait(0.1)
        assert at.sent(FRAMES[bits](number)).cards == {card(bits, number)}


@given(numbered, st.floats(LATE + 0.01, 100.0))
def test_what_came_between_claiming_the_lines_and_a_late_first_look_is_nobodys(what, away):
    bits, number = what
    with desk(bits, opened=False) as at:
        at.reader.open()
        at.send(FRAMES[bits](number))
        at.wait(away)
        assert at.look().cards == frozenset()


@given(numbered, st.floats(OVER, 1.9))
def test_what_waited_for_less_than_that_is_read(what, away):
    bits, number = what
    with desk(bits) as at:
        at.send(FRAMES[bits](number))
        at.wait(away - bits * 0.001 if away > 1 else away)
        assert at.look().cards == {card(bits, number)}


@given(numbered, st.data())
def test_a_frame_of_which_a_part_came_while_nobody_looked_is_never_another_badge_or_a_key(what, data):
    bits, number = what
    with desk(26) as at:
        frame = FRAMES[bits](number)
        cut = data.draw(st.integers(1, bits - 1))
        at.wait(LATE + 1.0)
        at.send(frame[:cut])
        assert at.look().cards == frozenset()
        at.wait(0.001)
        seen = at.sent(frame[cut:])
        assert seen.cards <= ({card(26, number)} if bits == 26 else set()) and seen.typed is None


@given(st.integers(MOST_BITS, 6000), st.integers(0, 2**64), formats)
@example(5000, 0, 26)
@example(6000, 2**64, 37)
def test_a_flood_of_pulses_is_no_badge_and_the_next_one_is_read(many, pattern, bits):
    flood = (f"{pattern:065b}" * 100)[:many]
    with desk(bits) as at:
        at.send(flood, spacing=0.0002)
        is_nothing(at.sent("1", spacing=0.0002))
        assert at.sent(FRAMES[bits](5)).cards == {card(bits, 5)}


@pytest.mark.parametrize("bits", [26, 34, 37])
@pytest.mark.parametrize("end", ["frame", "4", "8"])
def test_the_end_of_a_flood_that_was_too_long_to_keep_is_no_badge_and_no_key(bits, end):
    last = FRAMES[bits](0x123456) if end == "frame" else KEY_FRAMES[int(end)]("7")
    with desk(bits) as at:
        at.send("0" * 1000 + last, spacing=0.0003)
        at.wait(OVER)
        seen = at.sent("0" * (MOST_BITS - len(last)), spacing=0.0003)
        assert seen.cards == frozenset() and seen.typed is None and seen.garbled


def test_two_lines_that_flutter_for_ever_take_no_more_room_for_it():
    with desk() as at:
        tracemalloc.start()
        try:
            for _look in range(1000):
                at.send("0110" * 50, spacing=0.0002)
                at.wait(0.0002)
                seen = at.look()
                assert not seen.cards and seen.typed is None
            assert tracemalloc.get_traced_memory()[0] < 500_000
        finally:
            tracemalloc.stop()
        at.wait(OVER)
        at.look()
        assert at.sent(frame26(5)).cards == {card(26, 5)}


def frame_means(frame, bits):
    """What a frame is, by the manuals: a badge's number, or a key; else None."""
    if len(frame) == bits and frame == FRAMES[bits](int(frame[1:-1], 2)):
        return int(frame[1:-1], 2)
    return {KEY_FRAMES[size](key): key for size in (4, 8) for key in KEY_NIBBLES}.get(frame)


pieces = st.one_of(
    st.sampled_from([0.0002, 0.001, 0.02, 0.028, 0.032, 0.1, "look"]),
    st.text("01", max_size=40),
    numbers(26).map(frame26),
    numbers(34).map(frame34),
    numbers(37).map(frame37),
    keys.map(key4),
    keys.map(key8),
)


@given(formats, st.lists(pieces, max_size=15))
def test_of_whatever_comes_only_what_a_manual_calls_so_is_a_badge_or_a_key(bits, what):
    with desk(bits, hold=0.2) as at:
        seen, typed, frames, last = set(), "", [""], None
        for piece in (*what, SETTLED, "look"):
            if isinstance(piece, float):
                at.wait(piece)
            elif piece == "look":
                sighting = at.look()
                seen |= sighting.cards
                typed += sighting.typed.keys if sighting.typed else ""
            elif piece:
                if last is not None and at.clock() - last > GAP_S:
                    frames.append("")
                frames[-1] += piece
                at.wait(0.0002)
                at.send(piece, spacing=0.0005)
                last = at.clock()
        meanings = [frame_means(frame, bits) for frame in frames]
        assert seen <= {card(bits, one) for one in meanings if isinstance(one, int)}
        assert typed == "".join(one for one in meanings if isinstance(one, str))


@given(st.text("0123456789*#", min_size=4, max_size=8), st.sampled_from([4, 8]))
def test_what_was_typed_is_seen_in_no_print(pressed, size):
    with desk() as at:
        seen = at.sent(*map(KEY_FRAMES[size], pressed), "1111")
        assert seen.typed.keys == pressed and seen.garbled
        for shown in (seen, seen.typed, seen.why, at.reader, at.settings):
            for text in (repr(shown), str(shown), f"{shown}", f"{shown!r:s}", f"{[shown]}"):
                assert pressed not in text


def test_lines_are_claimed_as_inputs_that_nothing_smooths():
    for pull_up, pull in ((True, "up"), (False, "floating")):
        with desk(pull_up=pull_up) as at:
            for number in (D0, D1):
                pin = at.header.pins[number]
                assert pin.function == "input" and pin.pull == pull and not pin.bounce
                assert pin.edges in {"falling", "both"} and pin.when_changed is not None
            assert set(at.header.reserved) == {D0, D1} == set(at.settings.pins().values())


def test_lines_are_named_and_let_go_and_claimed_again():
    with desk(opened=False) as at:
        with pytest.raises(ReaderLostError):
            at.look()
        name = at.reader.open()
        assert "5" in name and "6" in name
        assert at.sent(frame26(5)).cards == {card(26, 5)}
        pins = [at.header.pins[number] for number in (D0, D1)]
        at.reader.close()
        at.reader.close()
        assert all(pin.when_changed is None for pin in pins) and not at.header.reserved
        at.send(frame26(6))
        with pytest.raises(ReaderLostError):
            at.look()
        assert at.reader.open() == name
        at.wait(OVER)
        assert at.look().cards == frozenset()
        assert at.sent(frame26(7)).cards == {card(26, 7)}
        assert at.reader.open() == name  # as after a loss, without a close
        assert at.sent(frame26(8)).cards == {card(26, 8)}


@pytest.mark.parametrize("taken", [D0, D1])
def test_a_line_that_somebody_else_has_is_a_reader_that_is_lost_until_it_is_free(taken):
    with desk(opened=False) as at:
        at.header.taken = {taken}
        with pytest.raises(ReaderLostError, match="busy"):
            at.reader.open()
        assert not at.header.reserved
        at.header.taken = set()
        at.reader.open()
        assert at.sent(frame26(5)).cards == {card(26, 5)}


@pytest.mark.parametrize(
    "said",
    [
        {"d1": D0},
        {"bits": 37},
        {"bits": 37, "technology": "iso14443a"},
        {"whole": True},
        {"whole": True, "bits": 34},
        {"whole": True, "technology": "iso14443a"},
        {"whole": True, "bits": 37, "technology": "hid"},
    ],
)
def test_settings_that_no_reader_has_are_refused(said):
    with pytest.raises(SettingsMismatchError):
        WiegandSettings(**{"d0": D0, "d1": D1, "bits": 26, "technology": "em4100", **said})


@pytest.mark.parametrize("bits", [26, 34, 37])
def test_a_badge_and_keys_are_read_on_gpiozeros_own_pins(monkeypatch, bits):
    clock, pins = independent_wiegand.Clock(), MockFactory()
    monkeypatch.setattr(gpiozero.pins.mock, "monotonic", clock)
    monkeypatch.setattr(wiegand, "factory", lambda: pins)
    technology = "hid" if bits == 37 else "em4100"
    reader = WiegandReader(WiegandSettings(d0=D0, d1=D1, bits=bits, technology=technology), clock)
    with contextlib.closing(reader):
        reader.open()
        for frame in (key4("4"), FRAMES[bits](0xA5C396), key8("#")):
            for bit in frame:
                line = pins.pin(D1 if bit == "1" else D0)
                line.drive_low()
                clock.wait(50e-6)
                line.drive_high()
                clock.wait(0.002)
            clock.wait(OVER)
        clock.wait(SETTLED)
        seen = reader.look()
        assert seen.cards == {card(bits, 0xA5C396)} and seen.typed.keys == "4#" and not seen.garbled
    pins.close()
