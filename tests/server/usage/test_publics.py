"""Age bracket, commune and site stay on a session as they were when it was first heard of."""

import pytest
from everything import MS, one_of_everything

from protocol.entries import Ended, Ending, Granted, encode_entry
from protocol.rows import Level
from server.people.publics import bracket


@pytest.mark.parametrize(
    ("birth_year", "found"),
    [(2026, "0-11"), (2015, "0-11"), (2014, "12-17"), (2009, "12-17"), (2008, "18-25"), (2000, "26-39"),
     (1986, "40-59"), (1966, "60+"), (1900, "60+"), (2030, "0-11"), (None, "")],
)  # fmt: skip
def test_a_bracket_of_age_is_by_the_year_of_the_session(birth_year, found):
    assert bracket(birth_year, 2026) == found


def test_what_a_session_counts_for_stays_whatever_changes_later(sqlite):
    from server.journal.models import Entry, Stream
    from server.people.models import Particulars
    from server.usage import sessions
    from server.usage.models import Session

    one_of_everything()
    stream = Stream.objects.get()
    said = (Granted("s9", "laser", "ann", "", Level.USER), Ended("s9", "laser", Ending.BADGE_REMOVED, 3_600_000))
    for seq, entry in enumerate(said, 20):
        body = encode_entry(entry).decode()
        Entry.objects.create(stream=stream, seq=seq, boot="boot", at=1000 + seq, came=MS, body=body, session="s9")
    sessions.make(stream.device, "s9")
    Particulars.objects.filter(pk="ann").update(birth_year=1950, commune="Crest")
    sessions.make(stream.device, "s9")
    found = Session.objects.get(session="s9")
    assert (found.bracket, found.commune, found.site) == ("12-17", "Die", "main")
    Session.objects.filter(session="s9").delete()
    sessions.make(stream.device, "s9")
    found = Session.objects.get(session="s9")
    assert (found.bracket, found.commune) == ("12-17", "Die"), "made again it is what it was"


def test_usage_draws_the_hours_of_the_last_twelve_months(sqlite):
    from browsing import client

    from server.core.saying import duration
    from server.usage.models import Session

    one_of_everything()
    Session.objects.all().update(started=1_795_000_000_000, powered=5_400_000, ended=True)
    shown = client("fabmanager").get("/usage?span=year&at=2026-01-01", secure=True).content.decode()
    said = duration(5_400_000 * Session.objects.count())
    assert f'aria-label="Hours of use: Nov {said}"' in shown and said[0] != "0"
    asked = "/usage?span=year&at=2026-01-01&machine=saw"
    elsewhere = client("fabmanager", "x").get(asked, secure=True).content.decode()
    assert "No session in this time" in elsewhere and 'class="chart' not in elsewhere
