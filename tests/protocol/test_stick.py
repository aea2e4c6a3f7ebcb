"""A file on a stick is read by its reader alone, believed if its writer signed it, and what was whole of it counts."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import stick
from protocol.signing import SealingKey, SignatureError, SigningKey, encoded

READER, OTHER = SealingKey(b"r" * 32), SealingKey(b"o" * 32)
SIGNER, FORGER = SigningKey(b"s" * 32), SigningKey(b"f" * 32)
DOCUMENTS = st.lists(st.tuples(st.sampled_from(["journal", "report"]), st.binary(max_size=300)), max_size=5)


def written(documents, *, reader=READER, signer=SIGNER, ends=True):
    file = io.BytesIO()
    once, key = stick.for_reader(reader.public)
    writer = stick.Writer(file, stick.Header("up", "d-1", "0" * 32, once, 5), key, signer)
    for kind, document in documents:
        writer.add(kind, document)
    if ends:
        writer.end()
    return file.getvalue()


def read(raw, *, reader=READER, signer=SIGNER):
    """Return what was read, and what went wrong."""
    file = io.BytesIO(raw)
    found = []
    try:
        header, line = stick.read_header(file)
        for each in stick.read(file, line, stick.of_reader(reader, header.once), lambda: signer.public):
            found.append(each)  # noqa: PERF402 - what came before it broke is kept
    except (stick.StickError, SignatureError) as error:
        return found, error
    return found, None


@given(DOCUMENTS)
def test_what_was_written_is_read(documents):
    assert read(written(documents)) == (documents, None)


@given(DOCUMENTS, st.data())
def test_of_a_file_that_was_cut_short_what_was_whole_counts(documents, data):
    raw = written(documents)
    found, error = read(raw[: data.draw(st.integers(0, len(raw) - 1))])
    assert isinstance(error, stick.StickError)
    assert found == documents[: len(found)]


@given(DOCUMENTS, st.data())
def test_whatever_byte_was_changed_nothing_is_read_that_was_not_written(documents, data):
    raw = bytearray(written(documents))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    found, error = read(bytes(raw))
    assert error is not None
    assert found == documents[: len(found)]


@given(st.binary(max_size=400))
def test_of_any_bytes_nothing_leaves_but_our_own_errors(raw):
    assert isinstance(read(raw)[1], stick.StickError)


def test_nobody_else_opens_it_and_nobody_else_wrote_it():
    raw = written([("journal", b"secret-words")])
    assert b"secret-words" not in raw and b"journal" not in raw
    found, error = read(raw, reader=OTHER)
    assert not found and isinstance(error, stick.StickError)
    found, error = read(written([("journal", b"x")], signer=FORGER))
    assert not found and isinstance(error, SignatureError)


def test_no_piece_of_one_file_fits_into_another_nor_into_another_place():
    def parts(raw):
        head, rest = raw.split(b"\n", 1)
        pieces = []
        while rest:
            size = 4 + int.from_bytes(rest[:4], "big")
            pieces.append(rest[:size])
            rest = rest[size:]
        return head + b"\n", pieces

    one, two = written([("journal", b"1"), ("journal", b"2")]), written([("journal", b"3"), ("journal", b"4")])
    head, mine = parts(one)
    _head, theirs = parts(two)
    for pieces in ([theirs[0], *mine[1:]], [mine[1], mine[0], mine[2]], [mine[0], mine[0], *mine[1:]]):
        assert read(head + b"".join(pieces))[1] is not None
    assert read(head + b"".join(mine)) == ([("journal", b"1"), ("journal", b"2")], None), "the control"


def test_a_large_document_comes_in_parts_and_a_part_that_lies_about_its_size_is_not_waited_for():
    large = bytes(range(256)) * 20_000
    found, error = read(written([("whitelist", large)]))
    assert error is None and len(found) > 1 and b"".join(part for _kind, part in found) == large
    head, _sep, rest = written([("journal", b"1")]).partition(b"\n")
    found, error = read(head + b"\n" + (2**31).to_bytes(4, "big") + rest[4:])
    assert not found and "2147483648" in str(error)


def test_a_file_of_a_later_version_says_so():
    once, key = stick.for_reader(READER.public)
    file = io.BytesIO()
    stick.Writer(file, stick.Header("up", "d-1", "0" * 32, once, 5, format=2), key, SIGNER).end()
    with pytest.raises(stick.StickError, match="update"):
        stick.read_header(io.BytesIO(file.getvalue()))


def test_who_knows_the_code_reads_what_was_sealed_by_it():
    once, key = stick.by_code("ABCD" * 4)
    assert stick.of_code("ABCD" * 4, once) == key != stick.of_code("ABCE" * 4, once)
    assert encoded(b"x" * 32) != once
