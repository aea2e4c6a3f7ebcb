"""Correcting a session on its page: what was before is shown, with who changed it; the journal stays as it was."""

import pytest
from browsing import client
from everything import one_of_everything

from protocol.entries import Corrected, Ended, Ending, Granted, encode_entry
from protocol.rows import Level


@pytest.fixture
def page(sqlite):
    """Ann's session of an hour at the laser, and a fabmanager before its page."""
    from server.journal.models import Entry, Stream
    from server.usage import sessions
    from server.usage.models import Session

    one_of_everything()
    stream = Stream.objects.get()
    said = (
        Granted("s9", "laser", "ann", "a" * 32, Level.USER),
        Ended("s9", "laser", Ending.BADGE_REMOVED, 3_600_000),
        Corrected("s9", "laser", "root", "counted twice", 1_800_000),
    )
    for seq, entry in enumerate(said, 20):
        body = encode_entry(entry).decode()
        Entry.objects.create(stream=stream, seq=seq, boot="boot", at=seq, came=0, body=body, session="s9")
    made = sessions.make(stream.device, "s9")
    browser = client("fabmanager", "ann")
    return browser, f"/usage/{Session.objects.get(pk=made.pk).pk}"


def post(page, **said):
    browser, path = page
    return browser.post(path, {"seen": "0", **said}, secure=True)


def session():
    from server.usage.models import Session

    return Session.objects.get(session="s9")


def text(page):
    browser, path = page
    return browser.get(path, secure=True).content.decode()


def test_a_correction_shows_what_was_before_and_who_changed_it(page):
    answer = post(page, minutes="20", purpose="order", note="the badge was left lying")
    assert answer.status_code == 302
    found = session()
    assert (found.powered, found.purpose, found.corrected_by) == (1_200_000, "order", "fabmanager-ann")
    shown = text(page)
    assert "the badge was left lying" in shown
    assert "counted twice" in shown, "the controller's own correction too"
    for before, after in (("1\u00a0h\u00a000", "30\u00a0min"), ("30\u00a0min", "20\u00a0min"), ("own work", "order")):
        assert f"<del>{before}</del> → <ins>{after}</ins>" in shown


def test_what_is_corrected_stays_so_whatever_is_made_again(page):
    from server.usage import sessions

    post(page, minutes="20", note="x")
    sessions.make(session().device, "s9")
    assert session().powered == 1_200_000


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"minutes": "20"}, "say why"),
        ({"minutes": "30", "note": "x"}, "say what to correct"),
        ({"minutes": "-3", "note": "x"}, "Minutes powered"),
        ({"minutes": "99999", "note": "x"}, "Minutes powered"),
        ({"purpose": "theft", "note": "x"}, "theft is no purpose"),
        ({"people": "ten", "note": "x"}, "People"),
        ({"minutes": "20", "note": "x", "seen": "1"}, "somebody else has changed this"),
    ],
)
def test_what_will_not_do_is_said_and_changes_nothing(page, said, wrong):
    from server.usage.models import Correction

    answer = post(page, **said)
    assert answer.status_code == 400
    assert wrong in answer.content.decode()
    assert not Correction.objects.filter(session="s9").exists()
    assert session().powered == 1_800_000


def test_a_member_and_a_trainer_see_no_session_of_others(page):
    for role in ("member", "trainer"):
        assert client(role, role).get(page[1], secure=True).status_code == 403
    assert page[0].get("/usage/999999", secure=True).status_code == 404
