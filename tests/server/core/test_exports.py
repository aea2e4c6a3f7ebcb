"""A table as a file, in whatever format: what stands in it is what was said, and a name is never a formula."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import odfdo
import pytest
from django.utils import translation

from common.texts import speak

ROWS = [
    ("=cmd|'/c calc'!A1", 3, 90_000, datetime(2026, 11, 29, 23, 30, tzinfo=UTC), date(2026, 11, 30)),
    ("Łukasz Đorđević 王", None, None, None, None),
    ("@SUM(1)\x00\x07<b>&", -2.5, 0, datetime(1999, 1, 1, tzinfo=UTC), date(2000, 2, 29)),
    ("https://example.org", 0, 59_999, datetime(2026, 7, 1, tzinfo=UTC), date(2026, 7, 1)),
]
FORMATS = ["csv", "xlsx", "ods", "pdf"]


def table(rows=ROWS):
    from server.core.exports import Column, Kind, Table

    columns = [Column("Name"), Column("People", Kind.NUMBER), Column("Minutes", Kind.MINUTES)]
    columns += [Column("Began", Kind.MOMENT), Column("Day", Kind.DAY)]
    return Table("usage", "Usage: 11/2026 [all]", tuple(columns), lambda: iter(rows))


def made(how, rows=ROWS):
    from server.core.exports import answer

    response = answer(table(rows), how)
    assert response.headers["Content-Disposition"] == f'attachment; filename="usage.{how}"'
    found = b"".join(response.streaming_content) if response.streaming else response.content
    response.close()
    return found


@pytest.fixture(params=["en", "fr"])
def tongue(request, sqlite):
    with translation.override(request.param):
        speak(request.param)
        yield request.param
    speak("en")


@pytest.mark.parametrize("how", FORMATS)
def test_rows_are_made_in_the_language_of_whoever_asked_even_once_it_is_over(sqlite, how):
    from common.texts import _, language, spoken
    from server.core.exports import Column, Table, answer

    heard = []

    def rows():
        heard.append(language())
        for _each in range(3):
            heard.append((_("yes"), translation.get_language()))
            yield (_("yes"),)

    with spoken("fr"), translation.override("fr"):
        response = answer(Table("x", "X", (Column("A"),), rows), how)
    before = language()
    for _part in response:
        assert language() == before, "whoever sends it goes on speaking as before"
    response.close()
    assert heard == ["fr", *[("oui", "fr")] * 3]


def test_csv_is_as_spreadsheets_of_the_readers_language_read_it(tongue):
    text = made("csv").decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text), delimiter=";" if tongue == "fr" else ","))
    assert [len(line) for line in lines] == [5] * 5
    first = {
        "en": ["'=cmd|'/c calc'!A1", "3", "1.5", "2026-11-30 00:30", "2026-11-30"],
        "fr": ["'=cmd|'/c calc'!A1", "3", "1,5", "30/11/2026 00:30", "30/11/2026"],
    }
    assert lines[1] == first[tongue]
    assert lines[2] == ["Łukasz Đorđević 王", "", "", "", ""]


def test_excel_has_numbers_as_numbers_and_names_as_text(tongue):
    with zipfile.ZipFile(io.BytesIO(made("xlsx"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert book.testzip() is None
    assert "<f>" not in sheet and "hyperlink" not in sheet
    assert "<is><t>=cmd|'/c calc'!A1</t></is>" in sheet
    assert "<v>1.5</v>" in sheet and "<v>3</v>" in sheet and "<v>-2.5</v>" in sheet
    assert "Łukasz Đorđević 王" in sheet


def rows_of(sheet):
    return [row.cells for row in sheet.rows]


def test_a_document_has_them_too(tongue):
    document = odfdo.Document(io.BytesIO(made("ods")))
    (sheet,) = document.body.tables
    rows = [[cell.value for cell in row.cells] for row in sheet.rows]
    assert rows[0] == ["Name", "People", "Minutes", "Began", "Day"]
    assert rows[1][:3] == ["=cmd|'/c calc'!A1", 3, 1.5]
    assert rows[1][3] == datetime(2026, 11, 30, 0, 30)  # noqa: DTZ001 - a sheet knows no zone
    assert rows[2][0] == "Łukasz Đorđević 王"
    content = document.get_part("content").serialize().decode()
    assert "table:formula" not in content
    for cell, name in zip(rows_of(sheet)[1][3:], ("moment", "day"), strict=True):
        assert cell.style == name
        style = document.get_style("table-cell", name)
        assert style.get_attribute("style:data-style-name") == f"{name}s", "without it a day is shown at midnight"
    assert ("<number:text>/</number:text>" in content) is (tongue == "fr")


def test_a_print_has_a_page_for_as_many_rows_as_fit_and_says_how_many_pages(tongue):
    assert made("pdf").startswith(b"%PDF-")
    many = made("pdf", [ROWS[0]] * 200)
    assert many.count(b"/Type /Page\n") > 2


def test_a_print_without_the_font_still_has_what_western_europe_writes(tongue, monkeypatch, tmp_path):
    from server.core import exports

    monkeypatch.setattr(exports, "FONTS", tmp_path)
    assert made("pdf").startswith(b"%PDF-")


@pytest.mark.parametrize("how", FORMATS)
def test_a_table_of_nothing_is_a_table(sqlite, how):
    assert made(how, [])


@pytest.mark.parametrize("how", ["", "exe", "../../x", "CSV"])
def test_what_is_no_format_is_refused(sqlite, how):
    from server.core.exports import ExportError, answer

    with pytest.raises(ExportError, match="csv, xlsx, ods, pdf"):
        answer(table(), how)


def test_what_is_too_long_for_a_print_says_what_to_take_instead(sqlite, monkeypatch):
    from server.core import exports

    monkeypatch.setattr(exports, "MOST_PDF", 3)
    monkeypatch.setattr(exports, "MOST_ODS", 3)
    for how in ("pdf", "ods"):
        with pytest.raises(exports.ExportError, match="CSV or XLSX"):
            exports.answer(table(), how)


def test_csv_is_made_while_it_is_sent(sqlite):
    from server.core.exports import answer

    asked = []

    def rows():
        for number in range(1_000_000):
            asked.append(number)
            yield ROWS[1]

    import msgspec

    response = answer(msgspec.structs.replace(table(), rows=rows), "csv")
    pieces = iter(response.streaming_content)
    next(pieces), next(pieces)
    assert len(asked) <= 2


def test_a_table_that_is_too_long_to_print_leaves_no_file_open(sqlite):
    import gc

    from server.core.exports import MOST_PDF, ExportError

    def opened():
        return sum("DejaVu" in str(each.readlink()) for each in list(Path("/proc/self/fd").iterdir()) if each.exists())

    before = opened()
    gc.disable()
    try:
        with pytest.raises(ExportError):
            made("pdf", [ROWS[0]] * (MOST_PDF + 1))
        assert opened() == before
    finally:
        gc.enable()
