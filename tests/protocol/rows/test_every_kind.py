"""What a kind of row promises to the whole house: it never grows; it is written, read, merged and shown by itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_at_random import some, under_the_key_of

from protocol import rows
from protocol.rows import FIRST, KINDS, Member, RowError, Unread, checked, decode_row, encode_row, known, read_row
from protocol.whitelist import Whitelist

# A controller that is in a workshop refuses a row with a field it does not know: what is new is a new kind.
AS_FIRST_SENT = {
    "member": ("id", "name", "category", "payer", "until", "excluded"),
    "badge": ("hash", "member", "kind", "since", "until", "blocked"),
    "training": ("id", "name"),
    "certification": ("member", "training", "level", "since", "until"),
    "machine": ("id", "name", "requires", "locked", "now", "longest", "supervised", "buddy"),
    "hours": ("category", "open"),
    "cut": ("machine", "member", "session", "by"),
}
FOREIGN = '{"machine":"laser","shelf":3,"type":"cupboard"}'


@pytest.mark.parametrize("kind", AS_FIRST_SENT)
def test_a_kind_that_controllers_know_has_the_fields_that_it_always_had(kind):
    assert KINDS[kind].__struct_fields__ == AS_FIRST_SENT[kind]


def test_every_kind_that_is_not_among_the_first_is_named_by_whoever_knows_it():
    assert AS_FIRST_SENT.keys() == FIRST
    assert set(filter(None, rows.MORE.split(","))) == KINDS.keys() - FIRST


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_row_says_the_same_after_it_was_written_and_read(kind, data):
    row = data.draw(some(KINDS[kind]))
    assert decode_row(encode_row(row)) == row
    assert read_row(row.key, encode_row(row)) == row
    assert checked(row) == row
    assert rows.split(row.key) == (kind, row.own_key)
    assert Whitelist([row]).find(row.key) == row


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_row_laid_over_another_of_its_key_stays_under_that_key_and_its_names_apart_the_same(kind, data):
    row, other = data.draw(some(KINDS[kind])), data.draw(some(KINDS[kind]))
    below = under_the_key_of(row, other)
    assert row.laid_over(below).key == row.key
    assert row.laid_over(row) == row, "over itself it changes nothing"
    assert row.bare().key == row.unnamed().key == row.key
    assert row.bare().completed(row).bare() == row.bare()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_whom_a_row_is_for_and_what_it_reveals_can_be_told_from_its_key_alone(kind, data):
    row = data.draw(some(KINDS[kind]))
    topic, revealed = KINDS[kind].topic(row.own_key), KINDS[kind].reveals(row.own_key)
    assert topic is None or (isinstance(topic, tuple) and len(topic) == 2)
    assert revealed is None or rows.split(revealed)[0] in KINDS


def test_a_row_of_a_kind_that_is_not_known_stays_as_it_is_and_is_passed_over():
    row = read_row("cupboard/laser/3", FOREIGN)
    assert isinstance(row, Unread)
    assert (row.key, encode_row(row).decode()) == ("cupboard/laser/3", FOREIGN)
    found = Whitelist([row, Member("marie")])
    assert list(found.rows()) == [Member("marie")]
    assert found.find(row.key) is None
    found.drop(row)
    assert known(FOREIGN) is None


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("member/marie", '{"id":"marie","type":"mfmber"}'),
        ("member/marie", '{"id":"marie","nmae":"","type":"member"}'),
        ("locker/laser/3", '{"at":3}'),
        ("locker/laser/3", "["),
        ("locker/laser/3", "7"),
    ],
)
def test_a_damaged_row_is_none_of_another_version(key, body):
    with pytest.raises(msgspec.DecodeError):
        read_row(key, body)


def test_a_row_out_of_its_bounds_is_refused_with_its_key():
    with pytest.raises(RowError, match="member/a/b"):
        checked(Member("a/b"))
