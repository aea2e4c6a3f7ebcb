"""A PN532 that was written from its manual alone, under the shipped driver."""

import contextlib

import independent_readers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import (
    JEAN,
    LAURE,
    MARIE,
    a_pulled_plug_is_told,
    answer_frame,
    read_through_noise,
    uids,
    until,
    within,
)

from drivers.contracts import Card, ReaderLostError
from drivers.readers import pn532, pn532_frames
from drivers.readers.pn532 import PN532Reader, PN532Settings
from drivers.readers.presence import Found, Lost, Presented, Removed, Watch


@pytest.mark.parametrize("uid", [JEAN, MARIE, LAURE], ids=len)
@pytest.mark.parametrize("how", [{}, {"chunk": 1, "chunk_pause": 0.0005}, {"chunk": 5, "latency": 0.01}], ids=str)
def test_a_uid_of_any_length_is_read_whole_however_slowly_it_comes(line, twin_chip, twin_reader, uid, how):
    for name, value in how.items():
        setattr(line, name, value)
    assert not uids(twin_reader.look())
    twin_chip.place(independent_readers.Card(uid))
    assert [uids(twin_reader.look()) for _ in range(5)] == [{uid}] * 5
    twin_chip.remove()
    assert not uids(twin_reader.look())


def test_two_cards_are_two_until_one_is_taken(twin_chip, twin_reader):
    first, _second = twin_chip.place(independent_readers.Card(MARIE)), twin_chip.place(independent_readers.Card(LAURE))
    assert [uids(twin_reader.look()) for _ in range(4)] == [{MARIE, LAURE}] * 4
    twin_chip.remove(first)
    assert uids(twin_reader.look()) == {LAURE}


class Talkative(independent_readers.PN532):
    """A chip that does not know SetParameters, so that it tells what cards answer to a RATS."""

    def _set_parameters(self, _data):
        return independent_readers._SYNTAX_ERROR


@pytest.mark.parametrize("uid", [JEAN, MARIE, LAURE], ids=len)
@pytest.mark.parametrize("length", [0, 1, 16, 63, 200, 233, 240])
def test_what_a_card_says_at_length_is_no_part_of_its_uid(line, uid, length):
    chip = Talkative(line)
    with contextlib.closing(PN532Reader(PN532Settings(port=line.path))) as reader:
        reader.open()
        chip.place(independent_readers.Card(uid, ats=bytes(range(length))))
        assert uids(reader.look()) == {uid}
        if length < 100:
            chip.place(independent_readers.Card(bytes(reversed(uid)), ats=b"\x01" * length))
            assert uids(reader.look()) == {uid, bytes(reversed(uid))}


@pytest.mark.parametrize("what", ["truncate_next", "corrupt_next"])
@pytest.mark.parametrize("where", [0, 2, 5])
@pytest.mark.parametrize("frame", ["ack", "answer"])
def test_a_frame_that_came_damaged_is_asked_for_again(line, twin_chip, twin_reader, monkeypatch, what, where, frame):
    monkeypatch.setattr(pn532, "ANSWER_S", 0.1)
    twin_chip.place(independent_readers.Card(MARIE))
    assert uids(twin_reader.look()) == {MARIE}
    spoil_only(line, what, where if frame == "ack" else where * 4, ("ack", "answer").index(frame))
    seen = uids(twin_reader.look())
    # A garbled look is no look: debouncing counts it apart. It must not be somebody else.
    assert seen <= {MARIE}
    until(lambda: uids(twin_reader.look()) == {MARIE})


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
        chip.place(independent_readers.Card(MARIE, ats=answer_frame(listed)))
        assert uids(reader.look()) == {MARIE}
        spoil_only(line, "corrupt_next", 3, 1)
        assert uids(reader.look()) <= {MARIE}


def test_every_card_is_read_through_noise_between_frames(line, twin_chip, twin_reader):
    read_through_noise(line, twin_chip, twin_reader)


def test_noise_of_any_shape_makes_no_card(line, twin_chip, twin_reader, monkeypatch):
    for name, seconds in (("ACK_S", 0.02), ("ANSWER_S", 0.02), ("FIRST_ACK_S", 0.05), ("SILENCE_S", 0.002)):
        monkeypatch.setattr(pn532, name, seconds)
    twin_chip.place(independent_readers.Card(MARIE))
    pieces = st.sampled_from([b"\x00\xff", b"\x00\x00\xff\x04\xfc", b"\xd5\x4b\x01\x01", b"\xff\xff", pn532_frames.ACK])

    @settings(max_examples=8)
    @given(st.lists(st.one_of(pieces, st.binary(max_size=6)), min_size=1, max_size=4).map(b"".join), st.booleans())
    def holds(noise, inside):
        line.noise_before, line.noise_inside = (None, noise) if inside else (noise, None)
        with contextlib.suppress(ReaderLostError):
            assert uids(twin_reader.look()) <= {MARIE}

    holds()
    line.noise_before = line.noise_inside = None
    monkeypatch.undo()
    twin_reader.open()
    until(lambda: uids(twin_reader.look()) == {MARIE})


def test_a_reader_whose_plug_is_pulled_at_any_byte_is_lost_and_found_again(line, twin_chip):
    a_pulled_plug_is_told(line, twin_chip)


def test_a_reader_that_is_not_there_or_says_nothing_is_lost_within_bounds(line, twin_chip, monkeypatch):
    monkeypatch.setattr(pn532, "FIRST_ACK_S", 0.05)
    twin_reader = PN532Reader(PN532Settings(port=line.path))
    twin_chip.mute = True
    with within(2), pytest.raises(ReaderLostError):
        twin_reader.open()
    line.unplug()
    with within(1), pytest.raises(ReaderLostError):
        twin_reader.open()
    with pytest.raises(ReaderLostError):
        twin_reader.look()


def test_a_chip_that_lost_its_supply_is_lost_and_woken_again(line, twin_chip, twin_reader):
    twin_chip.place(independent_readers.Card(MARIE))
    assert uids(twin_reader.look()) == {MARIE}
    twin_chip.power_cycle()
    with within(3), pytest.raises(ReaderLostError):
        twin_reader.look()
    twin_reader.open()
    assert uids(twin_reader.look()) == {MARIE}
    assert line.baud() == 115_200


@pytest.mark.parametrize("lost", ["lose_ack", "lose_response"])
def test_an_answer_that_never_came_hides_a_card_for_a_look_at_most(twin_chip, twin_reader, monkeypatch, lost):
    twin_chip.place(independent_readers.Card(MARIE))
    setattr(twin_chip, lost, 1)
    with within(2), monkeypatch.context() as hurry:
        hurry.setattr(pn532, "ACK_S", 0.1)
        hurry.setattr(pn532, "ANSWER_S", 0.1)
        assert uids(twin_reader.look()) <= {MARIE}
    assert uids(twin_reader.look()) == {MARIE}


def test_a_card_that_lies_there_while_the_reader_is_pulled_is_not_presented_afresh(line, twin_chip):
    watch = Watch(PN532Reader(PN532Settings(port=line.path)))
    with contextlib.closing(watch):
        assert [type(event) for event in watch.step()[0]] == [Found]
        twin_chip.place(independent_readers.Card(MARIE))
        assert watch.step()[0] == [Presented(Card(MARIE), fresh=True)]
        line.unplug()
        assert [type(event) for event in watch.step()[0]] == [Lost]
        assert watch.step()[0] == []
        line.plug()
        found, presented = watch.step()[0]
        assert isinstance(found, Found) and presented == Presented(Card(MARIE), fresh=False)
        twin_chip.remove()
        assert until(lambda: watch.step()[0]) == [Removed(Card(MARIE))]
