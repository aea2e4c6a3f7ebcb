"""A sheet in a secretary's hands: uploaded, answered, taken over, in a browser of Django's."""

import html
import re

from central import until
from django.core.files.uploadedfile import SimpleUploadedFile


def words(answer):
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


class Sheet:
    """A sheet that was chosen on the page Import."""

    def __init__(self, browser, text, name="members.csv"):
        raw = text if isinstance(text, bytes) else text.encode()
        self.browser = browser
        self.answer = browser.post("/import", {"do": "read", "sheet": SimpleUploadedFile(name, raw)}, secure=True)
        found = re.search(r'action="(/import/[^"/]+)"', self.answer.content.decode())
        self.place = self.answer.headers.get("Location") or (found and found[1])

    @property
    def status(self):
        return self.answer.status_code

    def page(self, query=""):
        return words(self.browser.get(self.place + query, secure=True))

    def says(self):
        """What was said of it: on the page that refused it, else on its own."""
        return words(self.answer) if self.status == 422 else self.page()

    def answered(self, do="look", **fields):
        """Answer something, and look again."""
        self.answer = self.browser.post(self.place, {"asked": "1", "do": do, **fields}, secure=True)
        return self

    def taken(self, **fields):
        """Take it over; return what the page says then."""
        self.answer = self.browser.post(self.place, fields, secure=True)
        if self.status != 302:
            return words(self.answer)
        answers = []
        until(lambda: answers.append(self.browser.get(self.place, secure=True)) or answers[-1].status_code == 302, "it")
        return words(self.browser.get(answers[-1].headers["Location"], secure=True))


def members():
    """Every member: by name, what is kept."""
    from server.people.models import Member

    return {each.name: each for each in Member.objects.all()}


def workbook(rows, name="Adhérents", others=()):
    """An Excel workbook; what is a number or a day is one in it."""
    import io
    from datetime import date

    import xlsxwriter

    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    days = book.add_format({"num_format": "dd/mm/yyyy"})
    for title, lines in (*others, (name, rows)):
        sheet = book.add_worksheet(title)
        for at, line in enumerate(lines):
            for place, value in enumerate(line):
                if isinstance(value, date):
                    sheet.write_datetime(at, place, value, days)
                elif isinstance(value, str):
                    sheet.write_string(at, place, value)
                elif value is not None:
                    sheet.write(at, place, value)
    book.close()
    return made.getvalue()
