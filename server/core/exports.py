"""Tables as files: CSV, Excel, LibreOffice, PDF; in the reader's language, and with no formula that a name could be.

A page says once what its columns are, and every format follows. CSV is made while it is sent, Excel on the disk,
whatever their length; a document and a print are made in memory, so they are bounded.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Final

import msgspec
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import translation

from common.errors import LoquetError
from common.texts import N_, language, spoken, translate
from server.core import clock
from server.core.rendering import refused

FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")  # Debian's fonts-dejavu-core: every letter of every name
MOST_ODS: Final = 10_000
MOST_PDF: Final = 2_000
SPOOLED: Final = 2_000_000  # bytes that stay in memory before they go to a file
_FORMULA: Final = frozenset("=+-@\t\r")


class ExportError(LoquetError, ValueError):
    """A table that cannot be had in that format."""


class Kind(Enum):
    """What stands in a column: how it is written, and by which side it stands."""

    TEXT = "text"
    NUMBER = "number"
    MINUTES = "minutes"  # of milliseconds
    MOMENT = "moment"
    DAY = "day"
    MONEY = "money"  # of cents


class Column(msgspec.Struct, frozen=True):
    """A column: its title, in the reader's language, and what stands in it."""

    title: str
    kind: Kind = Kind.TEXT


class Table(msgspec.Struct, frozen=True):
    """What is exported. name: of the file; rows: called once, each row as long as there are columns; None: nothing."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[tuple[Any, ...]]]


def context(_request: HttpRequest) -> dict[str, Any]:
    """Return the formats, which a page offers."""
    return {"formats": list(FORMATS)}


def asked(request: HttpRequest, table: Callable[[], Table]) -> HttpResponseBase | None:
    """Return a page's table as the file that somebody asks for; None where they ask for the page."""
    how = request.GET.get("as", "")
    if not how:
        return None
    try:
        return answer(table(), how)
    except ExportError as error:
        return refused(request, translate(error), 422)


def answer(table: Table, how: str) -> HttpResponseBase:
    """Return a table as a file. Raises ExportError where there is no such format, or it is too long for it."""
    make = FORMATS.get(how)
    if make is None:
        wrong = N_("there is no format {said}; there are {formats}")
        raise ExportError(wrong, said=how[:20], formats=", ".join(FORMATS))
    response = make(msgspec.structs.replace(table, rows=_in_the_language_of_now(table.rows)))
    response.headers["Content-Disposition"] = f'attachment; filename="{table.name}.{how}"'
    return response


def _in_the_language_of_now(rows: Callable[[], Iterable[tuple[Any, ...]]]) -> Callable[[], Iterator[tuple[Any, ...]]]:
    """Have rows be made in the reader's language: a file is sent once the request, and its language, are over."""
    said = language()

    def spoken_rows() -> Iterator[tuple[Any, ...]]:
        with spoken(said), translation.override(said):
            found = iter(rows())
        while True:
            # Row by row: whoever reads them speaks their own language in between.
            with spoken(said), translation.override(said):
                row = next(found, None)
            if row is None:
                return
            yield row

    return spoken_rows


# --- CSV ---


class _Echo:
    """What csv writes to: it gives each line back."""

    @staticmethod
    def write(line: str) -> str:
        return line


def _csv(table: Table) -> HttpResponseBase:
    """As spreadsheets here read it: semicolons and decimal commas in French, a mark that says UTF-8."""
    french = language() == "fr"
    writer = csv.writer(_Echo(), delimiter=";" if french else ",")
    titles = [column.title for column in table.columns]
    kinds = [column.kind for column in table.columns]

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(titles)
        for row in table.rows():
            yield writer.writerow([_said(value, kind, french=french) for value, kind in zip(row, kinds, strict=True)])

    return StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")


def _said(value: Any, kind: Kind, *, french: bool) -> str:  # noqa: ANN401 - whatever the column has
    """Write a value; text that a spreadsheet would read as a formula gets a mark before it."""
    if value is None:
        return ""
    match kind:
        case Kind.MINUTES | Kind.MONEY:
            said = f"{value / 60_000:.1f}" if kind is Kind.MINUTES else f"{value / 100:.2f}"
            return said.replace(".", ",") if french else said
        case Kind.NUMBER:
            return str(value).replace(".", ",") if french else str(value)
        case Kind.MOMENT:
            return clock.local(value).strftime("%d/%m/%Y %H:%M" if french else "%Y-%m-%d %H:%M")
        case Kind.DAY:
            return str(value.strftime("%d/%m/%Y" if french else "%Y-%m-%d"))
    text = str(value)
    return f"'{text}" if text[:1] in _FORMULA else text


# --- Excel ---


def _xlsx(table: Table) -> HttpResponseBase:
    import xlsxwriter  # noqa: PLC0415 - only who asks for one needs it

    file = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115 - the response closes it
    only_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, {"constant_memory": True, **only_text})
    sheet = book.add_worksheet(table.title[:31].translate(str.maketrans("[]:*?/\\", "_______")))
    bold = book.add_format({"bold": True})
    formats = {
        Kind.MINUTES: book.add_format({"num_format": "0.0"}),
        Kind.MONEY: book.add_format({"num_format": "0.00"}),
        Kind.MOMENT: book.add_format({"num_format": "dd/mm/yyyy hh:mm" if language() == "fr" else "yyyy-mm-dd hh:mm"}),
        Kind.DAY: book.add_format({"num_format": "dd/mm/yyyy" if language() == "fr" else "yyyy-mm-dd"}),
    }
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, max(12, len(column.title) + 2))
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, column.title, bold)
    for number, row in enumerate(table.rows(), 1):
        for place, (value, column) in enumerate(zip(row, table.columns, strict=True)):
            plain = _plain(value, column.kind)
            if plain is None:
                continue
            if isinstance(plain, str):
                sheet.write_string(number, place, plain)
            elif isinstance(plain, date):
                sheet.write_datetime(number, place, plain, formats[column.kind])
            else:
                sheet.write_number(number, place, plain, formats.get(column.kind))
    book.close()
    file.seek(0)
    return FileResponse(file, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


def _plain(value: Any, kind: Kind) -> str | float | date | None:  # noqa: ANN401 - likewise
    """Return a value as a spreadsheet has it: a number, a moment of the site's without its zone, or text."""
    if value is None:
        return None
    match kind:
        case Kind.MINUTES | Kind.MONEY:
            return round(float(value) / 60_000, 1) if kind is Kind.MINUTES else round(float(value) / 100, 2)
        case Kind.NUMBER:
            return float(value)
        case Kind.MOMENT:
            return clock.local(value).replace(tzinfo=None)
        case Kind.DAY:
            day: date = value
            return day
    return str(value)


# --- LibreOffice ---


def _ods(table: Table) -> HttpResponseBase:
    import odfdo  # noqa: PLC0415 - likewise

    document = odfdo.Document("spreadsheet")
    document.body.clear()
    for kind in _DATES:
        for style in _date_styles(kind):
            document.insert_style(style, automatic=True)
    sheet = odfdo.Table(table.title[:31].translate(str.maketrans("[]:*?/\\'", "________")))
    head = odfdo.Row()
    head.set_values([column.title for column in table.columns])
    sheet.append_row(head)
    for row in _bounded(table, MOST_ODS):
        made = odfdo.Row()
        for value, column in zip(row, table.columns, strict=True):
            plain = _plain(value, column.kind)
            style = column.kind.value if column.kind in _DATES and plain is not None else None
            made.append_cell(odfdo.Cell(_printable(plain) if isinstance(plain, str) else plain, style=style))
        sheet.append_row(made)
    document.body.append(sheet)
    file = io.BytesIO()
    document.save(file)
    return HttpResponse(file.getvalue(), content_type="application/vnd.oasis.opendocument.spreadsheet")


_DATES: Final = (Kind.DAY, Kind.MOMENT)


def _date_styles(kind: Kind) -> tuple[Any, Any]:
    """Return how days or moments are shown (OpenDocument 1.3, part 3, 16.29.11), and the style of their cells."""
    import odfdo  # noqa: PLC0415 - likewise

    parts = {name: f'<number:{name} number:style="long"/>' for name in ("day", "month", "year", "hours", "minutes")}
    day, mark = (("day", "month", "year"), "/") if language() == "fr" else (("year", "month", "day"), "-")
    shown = f"<number:text>{mark}</number:text>".join(parts[each] for each in day)
    if kind is Kind.MOMENT:
        shown += f"<number:text> </number:text>{parts['hours']}<number:text>:</number:text>{parts['minutes']}"
    dates = odfdo.Element.from_tag(f'<number:date-style style:name="{kind.value}s">{shown}</number:date-style>')
    cells = odfdo.Style("table-cell", name=kind.value)
    cells.set_attribute("style:data-style-name", f"{kind.value}s")
    return dates, cells


def _printable(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\t\n")


# --- PDF ---


def _pdf(table: Table) -> HttpResponseBase:
    paper = _paper()
    try:
        return HttpResponse(_printed(paper, table), content_type="application/pdf")
    finally:
        for font in paper.fonts.values():  # whose file stays open where nothing was printed: a table that is too long
            if hasattr(font, "ttfont"):
                font.ttfont.close()


def _printed(paper: Any, table: Table) -> bytes:  # noqa: ANN401 - an FPDF
    import fpdf  # noqa: PLC0415 - likewise

    paper.set_title(table.title)
    paper.add_page()
    paper.set_font_size(14)
    paper.cell(text=_letters(paper, table.title), new_x="LMARGIN", new_y="NEXT")
    paper.set_font_size(7)
    french = language() == "fr"
    sides = tuple("LEFT" if column.kind is Kind.TEXT else "RIGHT" for column in table.columns)
    with paper.table(text_align=sides, line_height=4, padding=0.5, headings_style=fpdf.FontFace(emphasis="")) as drawn:
        head = drawn.row()
        for column in table.columns:
            head.cell(_letters(paper, column.title))
        for row in _bounded(table, MOST_PDF):
            line = drawn.row()
            for value, column in zip(row, table.columns, strict=True):
                is_text = column.kind is Kind.TEXT and value is not None
                text = str(value) if is_text else _said(value, column.kind, french=french)
                line.cell(_letters(paper, _printable(text)))
    return bytes(paper.output())


def _paper() -> Any:  # noqa: ANN401 - an FPDF
    """Return a paper with numbered pages, in a font that has every letter where there is one."""
    import fpdf  # noqa: PLC0415 - likewise

    class Paper(fpdf.FPDF):
        def footer(self) -> None:
            self.set_y(-10)
            self.set_font_size(7)
            self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="R")

    paper = Paper(orientation="landscape", format="A4")
    if (FONTS / "DejaVuSans.ttf").exists():
        paper.add_font("DejaVu", fname=FONTS / "DejaVuSans.ttf")
        paper.set_font("DejaVu", size=7)
    else:
        paper.set_font("Helvetica", size=7)
    return paper


def _letters(paper: Any, text: str) -> str:  # noqa: ANN401 - an FPDF
    """Return a text in the letters that the paper's font has; of a PDF's own font those of western Europe."""
    return text if paper.font_family == "dejavu" else text.encode("cp1252", "replace").decode("cp1252")


def _bounded(table: Table, most: int) -> Iterator[tuple[Any, ...]]:
    for number, row in enumerate(table.rows()):
        if number >= most:
            raise ExportError(N_("this is longer than {most} rows: take it as CSV or XLSX, or ask for less"), most=most)
        yield row


FORMATS: Final[dict[str, Callable[[Table], HttpResponseBase]]] = {"csv": _csv, "xlsx": _xlsx, "ods": _ods, "pdf": _pdf}
