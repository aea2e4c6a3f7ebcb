"""What readers make of any bytes: no answer, card or tag is made up."""

from hypothesis import given
from hypothesis import strategies as st
from parts import answer_frame, no_answer_is_made_up, no_tag_is_made_up

from drivers.readers.pn532_frames import Frames, targets


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


def test_the_tags_found_are_those_that_the_bytes_hold_however_they_are_cut():
    no_tag_is_made_up()
