"""Badges: how their numbers are read, and what is kept of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import LoquetError
from protocol.badge import BadgeKey, Technology, UidError, badge_text, is_random, parse_badge, parse_uid

KEY = BadgeKey(bytes(range(32)))
uids = st.one_of(*(st.binary(min_size=n, max_size=n) for n in (4, 7, 10)))


@given(uids, st.sampled_from(["", ":", "-", " ", "."]), st.booleans())
def test_a_number_is_read_however_its_bytes_are_parted(uid, separator, lower):
    text = uid.hex(separator) if separator else uid.hex()
    assert parse_uid(text if lower else f" {text.upper()} ") == uid


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,23E+13", "spreadsheet"),
        ("1.2345E+82", "spreadsheet"),
        ("4A3C6CA", "zeros"),
        ("04A3C6", "zeros"),
        ("04A3C6CAE2618", "zeros"),
        ("", "hexadecimal"),
        ("ZZ", "hexadecimal"),
        ("04A3C6CÀ", "hexadecimal"),
        ("9" * 4000, "digits"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(text, hint):
    with pytest.raises(UidError, match=hint):
        parse_uid(text)


@pytest.mark.parametrize("text", ["0004861721", "1234567890", "074,12057", "74,12057", "0004861721 074,12057"])
@pytest.mark.parametrize("technology", Technology)
def test_the_number_printed_on_a_card_is_told_of_and_never_taken_for_hexadecimal(text, technology):
    with pytest.raises(UidError, match="printed on a card"):
        parse_uid(text, technology)


@given(st.binary(min_size=5, max_size=5))
def test_what_a_reader_shows_of_a_125_khz_card_is_read_again_though_it_be_all_digits(uid):
    assert parse_badge(badge_text(uid, "em4100")) == (uid, Technology.EM4100)
    decimal = bytes(each // 16 % 10 * 16 + each % 10 for each in uid)
    assert parse_badge(badge_text(decimal, "em4100")) == (decimal, Technology.EM4100)


@given(uids, uids)
def test_two_numbers_share_a_hash_only_if_they_are_one(one, other):
    assert (KEY.hash(one, "iso14443a") == KEY.hash(other, "iso14443a")) == (one == other)


def test_a_hash_depends_on_key_and_technology_and_shows_nothing_of_the_number():
    uid = bytes.fromhex("04A3C6CAE26180")
    hashed = KEY.hash(uid, "iso14443a")
    assert hashed != BadgeKey(bytes(32)).hash(uid, "iso14443a")
    assert hashed != KEY.hash(uid, "em4100")
    assert "04a3" not in hashed
    assert KEY.fingerprint != BadgeKey(bytes(32)).fingerprint


def test_a_key_of_another_size_is_refused():
    with pytest.raises(LoquetError, match="32"):
        BadgeKey(b"short")


def test_random_numbers_are_known_by_their_first_byte_and_their_length():
    assert is_random(bytes.fromhex("08112233"), Technology.ISO14443A)
    assert not is_random(bytes.fromhex("08112233445566"), Technology.ISO14443A)
    assert not is_random(bytes.fromhex("0811223344"), Technology.EM4100)
