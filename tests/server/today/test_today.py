"""The first page says what is, what waits, and what helps; and is calm where nothing is wrong."""

import re

import pytest
from browsing import client, do, fill, row
from everything import MS, one_of_everything
from lived_in import live

from protocol import entries
from protocol.access import Reason
from protocol.rows import Level


@pytest.fixture
def lived(sqlite):
    return live(sessions=60, days=20)


def text(browser, path="/today", **headers):
    answer = browser.get(path, secure=True, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def part(page, heading):
    """The section of a page that has a heading."""
    return next(each for each in page.split("<section") if f">{heading}</h2>" in each)


def test_whoever_runs_a_machine_or_tapped_today_is_in_the_workshop(lived):
    page = part(text(client()), "In the workshop")
    from server.people.models import Member

    for who in lived[:3]:
        assert Member.objects.get(pk=who).name in page, "they run a machine"
    assert "seen at Fraiseuse numérique" in page, "who was refused is here too"


def test_what_runs_says_until_when_at_the_latest(lived):
    page = part(text(client()), "In use now")
    assert page.count("<li>") == 3 and page.count("at the latest") >= 2, "a printer's job has no end that is known"


def test_what_a_clock_ahead_of_time_has_dated_is_not_of_today(lived):
    from server.core import clock
    from server.usage.models import Refusal, Session

    year = clock.ms() + 400 * 86_400_000
    refusal, session = Refusal.objects.first(), Session.objects.order_by("started").first()
    refusal.delete()
    before = text(client("fabmanager"))
    Session.objects.filter(pk=session.pk).update(started=year)
    refusal.at = year
    refusal.save(force_insert=True)
    sums = re.compile(r"(\d+) <small>people|· (\d+) session|>(\d+) in all")
    assert sums.findall(text(client("fabmanager", "x"))) == sums.findall(before)


def test_a_refusal_is_answered_where_it_stands_and_taken_back(lived):
    browser = client()
    page = part(text(browser), "Refused today")
    form = re.search(r'<form method="post" action="(/whitelist/cell/0008/mill)">', page)
    assert form and "The training Fraiseuse numérique is missing" in page
    from server.edits import editing
    from server.edits.authors import Author

    editing.carry_out(Author(name="test"), "revoked", drop=["certification/0008/mill"])
    answer = do(browser, form[1], do="grant", level="user", back="/today")
    assert answer.headers["Location"] == "/today"
    assert row("certification/0008/mill").level is Level.USER
    undo = re.search(r'action="(/history/\d+/undo)"', text(browser))
    do(browser, undo[1], back="/today")
    assert row("certification/0008/mill") is None


def test_a_trainer_sees_the_day_and_nothing_of_the_inbox_or_of_members_pages(lived):
    page = text(client("trainer", "0001"))
    assert ">To do<" not in page and 'href="/members/' not in page and 'href="/usage' not in page
    assert ">Refused today<" in page


def test_the_part_that_moves_comes_alone(lived):
    page = text(client(), **{"HX-Request": "true", "HX-Target": "today"})
    assert "<html" not in page and 'class="today"' in page and "data-at=" in page


def test_a_new_server_is_calm_and_says_what_is_next(sqlite):
    page = text(client())
    assert ">Setting up<" in page and ">1 of 6<" in page
    assert page.count('class="next"') == 1 and "Enter the trainings</strong>" in page
    assert not re.search(r'class="[^"]*\b(fault|wrong|odd)\b', page) and 'role="alert"' not in page
    assert "No machine is in use" in page and "Nothing waits for you" in page


def test_each_step_that_is_done_leads_to_the_next_one(sqlite):
    from server.operations.steps import all_of_them

    browser = client()
    assert [each.is_done for each in all_of_them()] == [True, False, False, False, False, False]
    do(browser, "/setup", do="training", name="Laser")
    assert [each.is_done for each in all_of_them()][:2] == [True, True]
    fill()
    assert all_of_them()[4].is_done


def test_a_workshop_that_was_set_up_once_is_no_beginner_again(lived):
    from server.core import state
    from server.operations import backup
    from server.people.models import Member

    backup.left()
    browser = client()
    assert ">Setting up</h2>" not in text(browser) and state.get(state.SET_UP)
    Member.objects.all().delete()
    assert ">Setting up</h2>" not in text(browser)
    state.put(state.SET_UP, "")
    assert ">Setting up</h2>" in text(browser), "it is that which was remembered"


def test_what_waits_leads_to_where_it_is_dealt_with(lived):
    page = part(text(client()), "To do")
    assert 'href="/machines/saw"' in page and 'href="/badges"' in page, "a defect, and a badge that nobody knows"


# --- refusals ---


def told(*said, at=1_000, boot="b9"):
    from server.journal import processing
    from server.journal.models import Entry, Stream

    stream = Stream.objects.order_by("pk").first()
    seq = stream.acknowledged_seq
    for number, entry in enumerate(said):
        seq += 1
        body = entries.encode_entry(entry).decode()
        Entry.objects.create(stream=stream, seq=seq, boot=boot, at=at + number, came=MS, body=body)
    type(stream).objects.filter(pk=stream.pk).update(acknowledged_seq=seq)
    while processing.step():
        pass


def test_a_refusal_is_kept_and_dated_once_the_clock_is_known(sqlite):
    from server.usage.models import Refusal

    one_of_everything()
    Refusal.objects.all().delete()
    told(entries.Refused("laser", Reason.TRAINING_MISSING, "bob", "b" * 32, ("laser",)))
    (kept,) = Refusal.objects.all()
    assert (kept.machine, kept.member, kept.wants, kept.at) == ("laser", "bob", ["laser"], None)
    told(entries.Clock(MS, entries.Quality.SYNCHRONISED), at=2_000)
    assert Refusal.objects.get().at == MS + 1_000
    page = text(client(), "/refusals")
    assert "Bob" in page and "The training Laser is missing" in page


def test_a_reason_of_a_newer_controller_is_shown_as_it_is(sqlite):
    from server.usage.models import Refusal

    one_of_everything()
    Refusal.objects.update(reason="moon_is_full")
    assert "oon_is_full" in text(client(), "/refusals")


def test_whoever_is_forgotten_was_never_refused(sqlite):
    from server.usage.models import Refusal

    one_of_everything()
    assert Refusal.objects.filter(member="bob").exists()
    do(client(), "/members/bob", do="forget", sure="bob")
    assert not Refusal.objects.filter(member="bob").exists()
