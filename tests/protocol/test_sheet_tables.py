"""A sheet's text is read in whatever three operating systems' spreadsheets make of it."""

import csv
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.sheets.errors import SheetError
from protocol.sheets.tables import MAX_COLUMNS, decode, of_text

ROWS = [["Nom", "Prénom", "Fin d'adhésion"], ["Bénézet", "Hélène", "31/12/2027"], ["Dûval; l'aîné", "Zoé", "1/2/2028"]]


def written(rows, separator=";", ending="\r\n", encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows(rows)
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize(
    ("encoding", "separator", "ending"),
    list(itertools.product(
        ["utf-8", "utf-8-sig", "cp1252", "mac_roman", "cp850", "utf-16", "utf-16-le", "utf-16-be"],
        [";", ",", "\t", "|"],
        ["\r\n", "\n", "\r"],
    )),
)  # fmt: skip
def test_every_spreadsheets_csv_is_the_same_table(encoding, separator, ending):
    table = of_text(written(ROWS, separator, ending, encoding))
    assert table.headings == tuple(ROWS[0])
    assert [cells for _line, cells in table.lines] == [tuple(row) for row in ROWS[1:]]


@pytest.mark.parametrize("told", [b"sep=;\r\n", b'"sep=;"\r\n', b"\xef\xbb\xbfsep=;\n", b"SEP=;\n"])
def test_a_line_that_names_the_separator_is_no_heading(told):
    table = of_text(told + written(ROWS))
    assert table.headings == tuple(ROWS[0])
    assert table.lines[0][0] == 3, "the numbers of the lines are the file's"


def test_the_named_separator_counts_whatever_stands_in_the_cells():
    table = of_text(b"sep=,\nnom,formations\nx,a;b;c;d\n")
    assert table.headings == ("nom", "formations")


def test_a_title_and_empty_lines_above_the_headings_are_passed_over():
    table = of_text("Liste des adhérents 2026;;\n;;\n\nNom;Prénom;Badge\nA;B;04A3C6CA\n".encode())
    assert table.headings == ("Nom", "Prénom", "Badge")
    assert [line for line, _cells in table.lines] == [5]


def test_a_cell_of_several_lines_is_one_cell():
    table = of_text(b'nom;formations\nx;"laser\ncnc"\ny;\n')
    assert [cells for _line, cells in table.lines] == [("x", "laser\ncnc"), ("y", "")]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "empty"), (b"\r\n;;\r\n", "empty"), (b'nom;badge\n"x;y\n', "quotes"), (bytes(range(256)), "text"),
        (b"nom" + b";x" * MAX_COLUMNS + b"\n", "columns"),
    ],
)  # fmt: skip
def test_what_is_no_table_says_why(raw, word):
    with pytest.raises(SheetError, match=word):
        of_text(raw)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_only_our_error_leaves(raw):
    for head in (b"", b"\xff\xfe", b"sep=", b"nom;badge\n"):
        try:
            of_text(head + raw)
        except SheetError as error:
            assert str(error)


@given(st.text(alphabet="abcéèêàçôùûïœ’ -", min_size=20).filter(lambda text: any(each in text for each in "éèêàçôùû")))
def test_french_is_read_as_it_was_written(text):
    for encoding in ("cp1252", "utf-8"):
        assert decode(text.encode(encoding)) == text
