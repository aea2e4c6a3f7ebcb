"""A sheet as the whole truth: whoever is missing loses access, shown first by name, bounded, undone in one click."""

from datetime import timedelta

import pytest
from browsing import client, row
from imports.sheet import Sheet, members

NAMES = [f"Person {letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]


def start(names=NAMES, language="en"):
    from protocol.rows import Member
    from server.core import clock
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    rows = [Member(f"p{n}", name) for n, name in enumerate(names)]
    rows += [
        Member("gone", "Long Gone", until=clock.today() - timedelta(days=40)),
        Member("out", "Shut Out", excluded=True),
    ]
    carry_out(Author(name="test"), "demo", rows)
    return client(**{"accept-language": language})


def listed(names):
    return "nom\n" + "".join(f"{name}\n" for name in names)


def has_access(name):
    from server.core import clock

    until = members()[name].until
    return until is None or until >= clock.today()


def test_whoever_is_missing_is_shown_by_name_and_loses_access_until_it_is_taken_back(database):
    from server.edits.authors import Author
    from server.edits.editing import undo
    from server.edits.models import Edit

    browser = start()
    sheet = Sheet(browser, listed(NAMES[2:])).answered(whole="1")
    page = sheet.page()
    assert "Person A" in page and "Person B" in page and "2 of 26 members" in page
    assert "Long Gone" not in page and "Shut Out" not in page, "they had no access"
    sheet.taken(asked="1", whole="1")
    assert not has_access("Person A") and has_access("Person C")
    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert all(has_access(name) for name in NAMES)


def test_nobody_loses_access_where_nobody_says_that_it_is_the_whole_truth(sqlite):
    Sheet(start(), listed([*NAMES[:3], "Somebody New"])).taken()
    assert all(has_access(name) for name in NAMES)


def test_more_than_a_tenth_is_asked_about_again(sqlite):
    sheet = Sheet(start(), listed([*NAMES[3:], "Somebody New"])).answered(whole="1")
    assert "3 of 26 members would lose access" in sheet.taken(asked="1", whole="1")
    assert has_access("Person A") and "Somebody New" not in members()
    sheet.taken(asked="1", whole="1", sure="1")
    assert not has_access("Person A") and "Somebody New" in members()


def test_who_is_ticked_keeps_access(sqlite):
    sheet = Sheet(start(), listed(NAMES[2:])).answered(whole="1").answered(whole="1", kept="p0")
    sheet.taken(asked="1", whole="1", kept="p0")
    assert has_access("Person A") and not has_access("Person B")


def test_a_line_that_is_left_out_takes_nobodys_access(sqlite):
    sheet = Sheet(
        start(), "nom;fin d'adhésion\n" + "".join(f"{name};\n" for name in NAMES[1:]) + "Person A;31/02/2027\n"
    )
    sheet.answered("without_bad").answered(whole="1")
    assert sheet.status == 422 and "whole truth" in sheet.says()
    assert has_access("Person A")


def test_whoever_left_by_the_sheets_own_word_loses_access(sqlite):
    lines = "".join(f"{name};actif\n" for name in NAMES[1:]) + "Person A;résilié\n"
    Sheet(start(), f"nom;statut\n{lines}").answered(whole="1").taken(asked="1", whole="1")
    assert not has_access("Person A") and has_access("Person B")


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_list_takes_nothing_by_mistake(sqlite, count):
    sheet = Sheet(start(), listed(NAMES[:count]))
    if sheet.status == 302:
        sheet.answered(whole="1")
        sheet.taken(asked="1", whole="1")
    assert all(has_access(name) for name in NAMES)


def test_what_somebody_changed_meanwhile_is_not_written_over(sqlite):
    from datetime import date

    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    sheet = Sheet(start(), "id;nom;fin d'adhésion\np0;Person A;31/12/2027\n")
    carry_out(Author(name="other"), "member_changed", [Member("p0", "Person A", until=date(2026, 1, 1))])
    assert "other has changed 1 of these" in sheet.taken()
    assert row("member/p0").until == date(2026, 1, 1)


def test_nothing_counts_that_was_not_shown(sqlite):
    browser = start()
    sheet = Sheet(browser, listed(NAMES[2:]))
    sheet.answered("take", whole="1")
    said = sheet.page()
    assert "take it over if it is right" in said and "Person A" in said
    assert has_access("Person A")
    sheet.taken(asked="1", whole="1")
    assert not has_access("Person A")


def test_whoever_renewed_since_the_preview_keeps_access_and_no_answer_is_lost(database):
    from datetime import date

    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    sheet = Sheet(start(), "nom;badge\n" + "".join(f"{name};\n" for name in NAMES[2:-1]) + "Person Z;1,23E+13\n")
    sheet.answered(whole="1", **{"badge-0": "04A3C6CB"})
    carry_out(Author(name="claire"), "member_changed", [Member("p0", "Person A", until=date(2030, 12, 31))])
    assert "claire has changed 1 of these meanwhile" in sheet.taken(asked="1", whole="1")
    assert row("member/p0").until == date(2030, 12, 31) and has_access("Person B")
    page = sheet.page()
    assert "1 badge" in page and "Person A" in page, "with all that was said"


def test_a_sheet_of_last_year_is_asked_about_before_it_ends_anybody(sqlite):
    from datetime import date

    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    browser = start([])
    rows = [Member(f"p{n}", f"Person {n}", until=date(2099, 12, 31)) for n in range(20)]
    carry_out(Author(name="test"), "demo", rows)
    sheet = Sheet(browser, "id;nom;fin d'adhésion\n" + "".join(f"p{n};Person {n};31/12/2020\n" for n in range(20)))
    assert "20 of 20 members would be over" in sheet.page()
    assert "tick that you mean it" in sheet.taken() and has_access("Person 1")
    sheet.taken(asked="1", sure="1")
    assert not has_access("Person 1")


def test_a_take_over_that_the_server_did_not_live_through_is_told_in_the_readers_words_and_goes_on(database):
    from datetime import timedelta

    from server.core import clock
    from server.imports.drafts import PATIENCE
    from server.imports.models import Draft

    browser = start(language="fr")
    sheet = Sheet(browser, "nom\nZoé\n")
    Draft.objects.update(state="running", begun=clock.now() - PATIENCE - timedelta(seconds=1))
    assert browser.get(sheet.place, secure=True).status_code == 302
    assert Draft.objects.get().state == "read", "with all that was said"
    assert "le serveur a été arrêté entre-temps" in sheet.page()
    sheet.taken()
    assert "Zoé" in members()


def test_why_nothing_came_of_it_is_told_in_the_readers_words(database):
    from datetime import date

    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    browser = start(language="fr")
    sheet = Sheet(browser, "nom;fin d'adhésion\nPerson A;31/12/2031\n")
    carry_out(Author(name="claire"), "member_changed", [Member("p0", "Person A", until=date(2030, 12, 31))])
    assert "claire a modifié" in sheet.taken()
