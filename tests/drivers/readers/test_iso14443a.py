"""ISO/IEC 14443-3 type A, against the standard's own values."""

import pytest

from drivers.readers.iso14443a import bcc, crc_a, levels


@pytest.mark.parametrize(
    ("data", "crc"),
    [(b"\x00\x00", b"\xa0\x1e"), (b"\x12\x34", b"\x26\xcf"), (b"\x50\x00", b"\x57\xcd")],
)
def test_crc_a_is_the_one_of_annex_b(data, crc):
    assert crc_a(data) == crc


def test_the_check_byte_is_the_xor_of_its_level():
    assert bcc(bytes.fromhex("8804A3C6")) == 0x88 ^ 0x04 ^ 0xA3 ^ 0xC6


def test_a_uid_is_cut_into_levels_behind_cascade_tags():
    assert levels(bytes.fromhex("01020304")) == [bytes.fromhex("01020304")]
    assert levels(bytes.fromhex("04A3C6CAE26180")) == [bytes.fromhex("8804A3C6"), bytes.fromhex("CAE26180")]
    assert levels(bytes.fromhex("0102030405060708090A")) == [
        bytes.fromhex("88010203"),
        bytes.fromhex("88040506"),
        bytes.fromhex("0708090A"),
    ]
