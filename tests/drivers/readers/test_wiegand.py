"""A Wiegand reader on the board's lines, under the real gpiozero."""

import pytest

from controller.settings import Part
from drivers import registry
from drivers.contracts import Card, ReaderLostError, SettingsMismatchError
from drivers.readers.wiegand import WiegandReader, WiegandSettings
from simulator import attached
from simulator.stage import until

UID = "0C004A2F19"


@pytest.fixture
def wired(board):
    made = []

    def wired(**said):
        settings = WiegandSettings(**({"d0": 5, "d1": 6, "bits": 26, "technology": "em4100"} | said))
        (description,) = attached.descriptions([Part("wiegand", settings)])
        board.board.parts.add(**description)
        reader = registry.make("readers", "wiegand", settings)
        made.append(reader)
        return reader, lambda act, **what: getattr(board.board.parts, act)(description["at"], **what)

    yield wired
    for reader in made:
        reader.close()


def seen(reader):
    return until(lambda: (look := reader.look()) and (look.cards or look.typed or look.why) and look, "something", 10)


@pytest.mark.parametrize(
    ("said", "card"),
    [
        ({}, Card(bytes.fromhex("4A2F19"), "em4100-3")),
        ({"bits": 34}, Card(bytes.fromhex("004A2F19"), "em4100-4")),
        ({"bits": 34, "technology": "iso14443a", "whole": True}, Card(bytes.fromhex("0C004A2F"), "iso14443a")),
        ({"bits": 26, "technology": "hid"}, Card(bytes.fromhex("4A2F19"), "hid-26")),
        ({"bits": 37, "technology": "hid"}, Card(bytes.fromhex("04004A2F19"), "hid-37")),
        ({"byte_order": "little"}, Card(bytes.fromhex("192F4A"), "em4100-3")),
    ],
)
def test_a_badge_that_is_sent_on_two_lines_is_read(wired, said, card):
    reader, play = wired(**said)
    assert "GPIO 5 + 6" in reader.open()
    assert not reader.look().cards
    play("lay", uid=UID)
    assert seen(reader).cards == {card}


@pytest.mark.parametrize("key_bits", [4, 8])
def test_keys_are_told_of_and_nobody_who_prints_them_sees_which(wired, board, key_bits):
    reader, play = wired()
    board.board.parts._things["Wiegand 5/6"]._key_bits = key_bits
    reader.open()
    typed = ""
    for key in "0123456789*#":
        play("do", name="type", text=key)
        look = seen(reader)
        assert look.typed.keys == key
        assert repr(look.typed) == "Typed(…)"
        assert f"{key}" not in repr(look)
        typed += look.typed.keys
    assert typed == "0123456789*#"


def test_two_wires_that_are_swapped_are_said_to_be(wired):
    reader, play = wired(d0=5, d1=6)
    reader.open()
    swapped = registry.make("readers", "wiegand", WiegandSettings(d0=6, d1=5, bits=26, technology="em4100"))
    reader.close()
    swapped.open()
    play("lay", uid=UID)
    assert "swapped" in str(seen(swapped).why)
    swapped.close()


def test_a_reader_that_sends_more_bits_than_the_settings_say_is_told_of_in_a_sentence(wired):
    reader, play = wired(bits=26)
    reader.open()
    play("do", name="send", bits="0" * 34)
    look = seen(reader)
    assert "bits = 34" in str(look.why)
    assert look.garbled
    assert not look.cards


def test_a_pin_that_another_part_has_is_a_reader_lost_and_the_other_is_let_go(wired, board):
    reader, _play = wired(d0=5, d1=5 + 1)
    other = registry.make("inputs", "gpio", registry.find("inputs", "gpio").Settings(pin=6))
    with pytest.raises(ReaderLostError, match="pins 5 and 6"):
        reader.open()
    other.close()
    assert reader.open()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"d1": 5}, "d1"),
        ({"bits": 37}, "hid"),
        ({"bits": 37, "technology": "hid", "byte_order": "little"}, "byte_order"),
        ({"whole": True}, "whole"),
        ({"whole": True, "bits": 34}, "whole"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(said, word):
    with pytest.raises(SettingsMismatchError, match=word):
        WiegandSettings(**({"d0": 5, "d1": 6, "bits": 26, "technology": "em4100"} | said))


def test_the_hum_of_the_mains_is_told_of_and_the_next_badge_is_read(board):
    clock = [100.0]
    reader = WiegandReader(WiegandSettings(d0=5, d1=6, bits=26, technology="em4100"), lambda: clock[0])
    reader.open()
    told = []
    for _pulse in range(200):  # 50 Hz, and no pause
        clock[0] += 0.02
        reader._zero(clock[0], 0)
        look = reader.look()
        assert not look.cards and look.typed is None
        told += [str(look.why)] if look.why else []
    assert told and all("flutter" in each for each in told)
    clock[0] += 5
    reader.look()
    for place, bit in enumerate("1" + "0" * 24 + "0"):
        (reader._one if bit == "1" else reader._zero)(clock[0] + place * 0.001, 0)
    clock[0] += 1
    assert not reader.look().cards, "its parity is wrong"
    reader.close()


def test_nothing_is_read_from_a_closed_reader():
    reader = WiegandReader(WiegandSettings(d0=5, d1=6, bits=26, technology="em4100"))
    with pytest.raises(ReaderLostError):
        reader.look()
    reader.close()
