"""Whoever walked away from a job is written to before its machine switches itself off; and nobody is late."""

from datetime import date

import msgspec
import pytest
from everything import MS, one_of_everything

from protocol import entries
from server.core import clock

MINUTE = 60_000


class Now:
    """A clock that stands."""

    def __init__(self, ms):
        self.at = ms / 1000

    def seconds(self):
        return self.at


@pytest.fixture
def workshop(sqlite, monkeypatch):
    from django.conf import settings

    from server.core.configuration import MailTable, Security
    from server.mail.models import Letter
    from server.usage.models import Session

    one_of_everything()
    table = MailTable(security=Security.NONE, host="localhost", sender="Loquet <loquet@example.org>")
    monkeypatch.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, mail=table))
    Letter.objects.all().delete()
    Session.objects.all().update(ended=False, member="ann", machine="laser", session="s1")
    return monkeypatch


def told(workshop, *, ago=0, entry=None, boot="boot"):
    """Have the controller's journal tell of it, so long ago; return the letters."""
    from server.journal.models import ClockReading, Entry, Stream
    from server.journal.processing import Written
    from server.mail.models import Letter
    from server.usage import nearing

    stream = Stream.objects.order_by("pk").first()
    ClockReading.objects.get_or_create(device=stream.device, boot="boot", at=0, offset=MS, quality="synchronised")
    workshop.setattr(clock, "ms", lambda: MS + 9_000 + ago)
    said = entry or entries.Nearing("s1", "laser", 15 * MINUTE)
    row = Entry(stream=stream, seq=99, boot=boot, at=9_000, came=MS, body="{}")
    nearing.tell(Written(stream.device, stream.epoch, row), said)
    return list(Letter.objects.values_list("to", "subject", "body"))


def test_a_member_who_agreed_to_letters_is_told_what_to_do_and_how_long_there_is(workshop):
    ((to, subject, body),) = told(workshop, ago=MINUTE)
    assert to == "ann@example.org"
    assert "Laser 1" in subject
    assert "Ann Fox" in body and "14 min" in body


@pytest.mark.parametrize("ago", [11 * MINUTE, 30 * 24 * 60 * MINUTE, -MINUTE])
def test_what_comes_late_or_from_the_future_is_written_to_nobody(workshop, ago):
    assert told(workshop, ago=ago) == []


def test_what_no_clock_dated_is_written_to_nobody(workshop):
    assert told(workshop, boot="no clock") == []


@pytest.mark.parametrize(
    "known",
    [{"email": ""}, {"letters": None}, {"letters": date(2099, 1, 1)}],
    ids=["no address", "not agreed", "later"],
)
def test_nobody_is_written_to_who_did_not_agree(workshop, known):
    from server.people.models import Particulars

    Particulars.objects.filter(pk="ann").update(**known)
    assert told(workshop) == []


def test_a_session_that_is_over_or_unknown_is_written_of_to_nobody(workshop):
    from server.usage.models import Session

    assert told(workshop, entry=entries.Nearing("x" * 500, "laser", 1)) == []
    Session.objects.update(ended=True)
    assert told(workshop) == []


def test_without_a_mail_server_nothing_is_written_and_nothing_breaks(workshop):
    from django.conf import settings

    from server.core.configuration import MailTable

    workshop.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, mail=MailTable()))
    assert told(workshop) == []
