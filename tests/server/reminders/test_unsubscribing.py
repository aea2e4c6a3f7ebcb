"""Whoever gets letters ends them by the link in one: without logging in, and not by looking at it."""

import pytest
from django.test import Client
from reminding import reminding


@pytest.fixture
def world(database):
    with reminding() as found:
        found.plan(spans=[30, 7])
        found.member("ann", 20)
        yield found


@pytest.fixture
def link(world):
    return world.run()[0].unsubscribe.removeprefix("https://example.org:8443")


def stranger(**more):
    return Client(secure=True, headers={"host": "localhost", "accept-language": "en"}, **more)


def agreed(member="ann"):
    from server.people.models import Particulars

    return Particulars.objects.get(pk=member).letters


def test_looking_changes_nothing_and_the_button_ends_them(world, link):
    from server.accounts.models import AuditRecord

    page = stranger().get(link)
    assert page.status_code == 200 and "<button" in page.content.decode()
    assert agreed() is not None, "a mail program looks at links by itself"
    said = stranger().post(link).content.decode()
    assert "No letters come to you from Saillans any more" in said and '<button class="main"' not in said
    assert agreed() is None
    assert AuditRecord.objects.filter(account="-", what="letters_ended", about="ann").count() == 1
    world.pass_days(14)
    assert world.run() == []
    stranger().post(link)
    assert AuditRecord.objects.filter(what="letters_ended").count() == 1


def test_a_mail_program_ends_them_with_one_click(link):
    browser = stranger(enforce_csrf_checks=True)
    answer = browser.post(link, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert agreed() is None


def test_a_link_that_is_forged_is_of_nobody(link):
    for bad in (
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link[: len(link) // 2],
        "/unsubscribe/ann",
        link + "%00",
    ):
        for ask in (stranger().get, stranger().post):
            assert ask(bad).status_code in {400, 404}, bad
    assert agreed() is not None


def test_a_link_ends_letters_to_the_mailbox_that_it_came_to_and_to_no_other(world, link):
    from server.people.models import Particulars

    Particulars.objects.filter(pk="ann").update(email="other@example.org")
    assert stranger().post(link).status_code == 404
    Particulars.objects.filter(pk="ann").update(email="ANN@example.org")
    assert stranger().post(link).status_code == 200


def test_who_agrees_again_is_written_to_again(world, link):
    from server.people.models import Particulars

    stranger().post(link)
    Particulars.objects.filter(pk="ann").update(letters=world.today)
    world.pass_days(14)
    assert len(world.run()) == 1


def test_a_machine_that_asks_for_the_consent_hears_of_its_end(world, link):
    from browsing import row

    from server.edits.authors import Author
    from server.people.models import Particulars
    from server.people.signals import particulars_changed
    from server.whitelist.models import Condition, Training

    Training.objects.create(id="agreed", name="agreed")
    Condition.objects.create(training="agreed", what="letters")
    particulars_changed.send(Particulars, author=Author(name="test"), members=["ann"])
    assert row("certification/ann/agreed") is not None
    stranger().post(link)
    assert row("certification/ann/agreed") is None


def test_whatever_a_members_id_is_the_link_is_theirs(database):
    from server.people.models import Particulars

    with reminding() as world:
        world.plan()
        ids = ["é" * 64, "\U0001f600" * 64, "a b%2F?#", "'\"<x>"]
        for each in ids:
            world.member(each, 20, email="a@example.org")
        for letter in world.run():
            assert stranger().post(letter.unsubscribe.removeprefix("https://example.org:8443")).status_code == 200
        assert not Particulars.objects.exclude(letters=None).exists()


@pytest.mark.parametrize("said", [{"hosts": ()}, {"certificate": "own"}], ids=["no name", "a certificate of its own"])
def test_where_their_provider_could_not_reach_the_server_mail_programs_are_offered_no_button(sqlite, said):
    with reminding(**said) as world:
        world.plan()
        world.member("ann", 20)
        (letter,) = world.run()
        assert letter.unsubscribe == "" and "/unsubscribe/" in letter.body


def test_a_link_in_a_letter_to_a_duplicate_ends_the_letters_of_the_member(world, link):
    from server.edits.authors import Author
    from server.people.merging.merge import merge
    from server.people.merging.union import Choice

    world.member("bob", email="")
    merge(Author(name="test"), Choice("bob", "ann"))
    assert stranger().get(link).status_code == 200
    assert "No letters come to you" in stranger().post(link).content.decode()
    assert agreed("bob") is None
    world.pass_days(14)
    assert world.run() == []


def test_who_ended_letters_gets_none_because_a_duplicate_of_theirs_had_agreed(world, link):
    from server.edits.authors import Author
    from server.people.merging.merge import merge
    from server.people.merging.union import Choice
    from server.people.models import Particulars

    stranger().post(link)
    assert Particulars.objects.get(pk="ann").letters_ended == world.today
    world.member("bob", 20, email="ann@example.org", letters=world.day(-300))
    merge(Author(name="test"), Choice("ann", "bob"))
    assert agreed() is None
    world.pass_days(14)
    assert world.run() == []


def test_a_day_that_is_taken_out_of_the_page_ended_letters_and_a_new_one_begins_them(sqlite):
    from browsing import client, do, fill

    from server.people.models import Particulars

    fill()
    browser = client("fabmanager")
    do(browser, "/members/m001", do="particulars", commune="Die")
    assert Particulars.objects.get().letters_ended is None, "they never agreed"
    do(browser, "/members/m001", do="particulars", letters="2026-01-02", stamp=stamp(browser))
    assert Particulars.objects.get().letters_ended is None
    do(browser, "/members/m001", do="particulars", letters="", stamp=stamp(browser))
    ended = Particulars.objects.get().letters_ended
    assert ended is not None
    assert "Ended letters on" in browser.get("/members/m001").content.decode()
    do(browser, "/members/m001", do="particulars", commune="Die", stamp=stamp(browser))
    assert Particulars.objects.get().letters_ended == ended
    do(browser, "/members/m001", do="particulars", letters="2026-03-02", stamp=stamp(browser))
    assert Particulars.objects.get().letters_ended is None


def stamp(browser):
    import re

    page = browser.get("/members/m001").content.decode()
    return re.search(r'name="stamp" value="([^"]*)">\s*<label>Year of birth', page)[1]
