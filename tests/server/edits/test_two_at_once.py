"""Two people at once: nobody writes over what they did not see, and what takes away always passes."""

import threading

import pytest
from browsing import client, do, fill, row, shown

from protocol.rows import Badge, Certification, Level, Member

CELL = "/whitelist/cell/m001/laser"
PART = {"hx-request": "true"}


@pytest.fixture
def colleagues(database):
    fill()
    return client(), client("fabmanager")


def test_a_dialog_that_was_open_before_a_revocation_brings_nothing_back(colleagues):
    one, other = colleagues
    seen = shown(one, CELL, **PART)
    do(other, CELL, do="revoke_now")
    answer = do(one, CELL, do="grant", level="user", since="", until="2027-06-01", **seen)
    assert answer.status_code == 422
    assert "somebody else has changed this" in answer.content.decode()
    assert row("certification/m001/laser") is None
    assert do(one, CELL, do="grant", level="user", until="", **shown(one, CELL, **PART)).status_code == 302


def test_a_page_older_than_a_revocation_grants_it_to_no_class_and_by_no_key(colleagues):
    one, other = colleagues
    seen = shown(one, "/whitelist")
    do(other, CELL, do="revoke")
    do(one, "/whitelist/class", training="laser", member=["m001", "m002"], level="user", **seen)
    do(one, CELL, do="grant", level="user", version=seen["version"])
    assert row("certification/m001/laser") is None
    assert row("certification/m002/laser") is None, "a class is given whole or not at all"


def test_a_form_without_a_version_was_shown_at_none(colleagues):
    one, other = colleagues
    do(other, CELL, do="revoke")
    do(one, CELL, do="grant", level="user", version="")
    assert row("certification/m001/laser") is None
    do(one, "/whitelist/cell/m005/wood", do="grant", level="user", version="x")
    assert row("certification/m005/wood") == Certification("m005", "wood"), "nobody has ever said anything of it"


def test_whoever_says_no_version_knows_what_they_did_themselves(colleagues):
    one, other = colleagues
    for what in ("revoke", "grant", "revoke", "grant"):
        do(one, CELL, do=what, level="user", version="")
    assert row("certification/m001/laser") == Certification("m001", "laser")
    do(other, CELL, do="revoke")
    do(one, CELL, do="grant", level="user", version="")
    assert row("certification/m001/laser") is None


def test_a_name_saved_from_an_old_page_neither_lengthens_a_membership_nor_lifts_an_exclusion(colleagues):
    one, other = colleagues
    seen = shown(one, "/members/m001")
    do(other, "/members/m001", do="save", name="Member 001", until="2026-11-01", category="", payer="")
    answer = do(one, "/members/m001", do="save", name="Marie C.", until="", category="", payer="", **seen)
    assert answer.status_code == 422
    assert row("member/m001").until.isoformat() == "2026-11-01"
    do(other, "/members/m001", do="exclude")
    assert do(one, "/members/m001", do="welcome", **seen).status_code == 422
    assert row("member/m001").excluded


@pytest.mark.parametrize("what", ["exclude", "block", "revoke", "lock"])
def test_what_only_takes_away_passes_from_however_old_a_page(colleagues, what):
    one, other = colleagues
    do(other, "/members/m001", do="save", name="Another name", until="", category="", payer="")
    do(other, CELL, do="grant", level="trainer", until="")
    do(other, "/setup", do="machine", id="laser", name="Laser two", requires=["laser", "wood"])
    hash_ = f"{1:032x}"
    paths = {
        "exclude": ("/members/m001", {}),
        "block": ("/badges", {"hash": hash_}),
        "revoke": (CELL, {}),
        "lock": ("/machines", {"machine": "laser", "why": "mirror"}),
    }
    path, said = paths[what]
    assert do(one, path, do=what, version=0, **said).status_code == 302
    assert {
        "exclude": lambda: row("member/m001") == Member("m001", "Another name", excluded=True),
        "block": lambda: row(f"badge/{hash_}") == Badge(hash_, "m001", blocked=True),
        "revoke": lambda: row("certification/m001/laser") is None,
        "lock": lambda: row("machine/laser").locked == "mirror" and row("machine/laser").name == "Laser two",
    }[what]()


def test_a_key_in_the_grid_takes_no_level_and_no_end_from_whoever_has_them(colleagues):
    one, _other = colleagues
    held = "/whitelist/cell/m000/laser"
    do(one, held, do="grant", level="maintainer", until="2026-12-31")
    assert do(one, held, do="grant", level="user").status_code == 422
    found = row("certification/m000/laser")
    assert (found.level, found.until.isoformat()) == (Level.MAINTAINER, "2026-12-31")


def test_of_extending_and_revoking_at_once_the_revocation_stands_however_they_meet(colleagues):
    one, other = colleagues
    for turn in range(6):
        do(one, CELL, do="grant", level="user", until="2026-12-01")
        seen = shown(one, CELL, **PART)
        both = threading.Barrier(2)
        answers = {}

        def send(browser, what, both=both, answers=answers, seen=seen):
            from django.db import connections

            both.wait(10)
            answers[what] = do(browser, CELL, do=what, version=seen["version"]).status_code
            connections.close_all()

        threads = [threading.Thread(target=send, args=each) for each in ((one, "extend"), (other, "revoke_now"))]
        [each.start() for each in threads]
        [each.join(30) for each in threads]
        assert answers["revoke_now"] == 302, turn
        assert answers["extend"] in {302, 422}
        assert row("certification/m001/laser") is None, (turn, answers)


def test_a_form_that_is_sent_twice_does_its_work_once_and_leads_to_the_same_page(colleagues):
    from server.people.models import Member as People

    one, _other = colleagues
    seen = shown(one, "/members/new")
    first, second = (do(one, "/members/new", name="Jane Test", **seen) for _turn in range(2))
    assert People.objects.filter(name="Jane Test").count() == 1
    assert first["Location"] == second["Location"]
    assert "had been sent already" in one.get(second["Location"]).content.decode()


def test_two_clicks_at_once_do_their_work_once(colleagues):
    from server.people.models import Member as People

    one, _other = colleagues
    seen = shown(one, "/members/new")
    led = []

    def send():
        from django.db import connections

        led.append(do(one, "/members/new", name="Jane Test", **seen)["Location"])
        connections.close_all()

    threads = [threading.Thread(target=send) for _turn in range(3)]
    [each.start() for each in threads]
    [each.join(30) for each in threads]
    assert People.objects.filter(name="Jane Test").count() == 1
    assert len(set(led)) == 1


def test_a_form_that_was_refused_may_be_sent_again(colleagues):
    one, _other = colleagues
    seen = shown(one, "/members/new")
    assert do(one, "/members/new", name="", **seen).status_code == 422
    assert do(one, "/members/new", name="Jane Test", **seen).status_code == 302


def test_a_form_whose_work_failed_was_not_sent(colleagues, monkeypatch):
    from django.db import OperationalError

    from server.edits import rows
    from server.people.models import Member as People

    one, _other = colleagues
    seen = shown(one, "/members/new")
    real = rows.put

    def fails(_rows):
        raise OperationalError("database is locked")

    monkeypatch.setattr(rows, "put", fails)
    one.raise_request_exception = False
    assert do(one, "/members/new", name="Jane Test", **seen).status_code == 500
    monkeypatch.setattr(rows, "put", real)
    do(one, "/members/new", name="Jane Test", **seen)
    assert People.objects.filter(name="Jane Test").count() == 1


def test_forms_that_were_sent_are_forgotten_after_a_day(sqlite, monkeypatch):
    from central import configuration

    from server.core import clock
    from server.core.models import SentForm
    from server.operations import retention

    SentForm.objects.create(word="a" * 16, at=clock.now() - 2 * retention.A_DAY)
    SentForm.objects.create(word="b" * 16)
    retention.purge(configuration)
    assert list(SentForm.objects.values_list("word", flat=True)) == ["b" * 16]


def test_particulars_and_names_of_organisations_are_not_written_over_unseen(colleagues):
    from server.people.models import Organisation, Particulars

    one, other = colleagues
    seen = shown_all(one, "/members/m001", "particulars")
    do(other, "/members/m001", do="particulars", birth_year="2001", **shown_all(other, "/members/m001", "particulars"))
    answer = do(one, "/members/m001", do="particulars", birth_year="", commune="Die", **seen)
    assert "somebody else has changed this" in answer.content.decode()
    assert Particulars.objects.get(pk="m001").birth_year == 2001
    do(one, "/organisations", do="save", name="School")
    (school,) = Organisation.objects.values_list("pk", flat=True)
    stamp = shown_all(one, "/organisations", "remove")["stamp"]
    do(other, "/organisations", do="save", id=school, name="Lycée", stamp=stamp)
    assert do(one, "/organisations", do="save", id=school, name="Collège", stamp=stamp).status_code == 422
    assert Organisation.objects.get().name == "Lycée"


def shown_all(browser, path, what):
    """The hidden fields of the form that has a button of that word."""
    import re

    page = browser.get(path).content.decode()
    form = next(each for each in page.split("<form")[1:] if f'value="{what}"' in each.partition("</form>")[0])
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.partition("</form>")[0]))
