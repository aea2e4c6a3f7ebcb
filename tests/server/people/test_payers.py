"""Who pays is an organisation or a member, by id: people type and read names, a journal holds none."""

import pytest
from browsing import client, do, fill, row

from protocol.rows import Member


@pytest.fixture
def browser(sqlite):
    fill()
    return client("fabmanager")


def put(*rows):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    return carry_out(Author(name="test"), "imported", rows)


def organisations():
    from server.people.models import Organisation

    return dict(Organisation.objects.values_list("pk", "name"))


def test_a_payer_that_nobody_has_heard_of_is_entered_as_an_organisation_whoever_says_it(browser):
    put(Member("ann", "Ann", payer="École Jean Zay"), Member("bob", "Bob", payer="école jean zay"))
    do(browser, "/members/m001", do="save", name="Member 001", payer="ÉCOLE JEAN ZAY")
    assert organisations() == {"ecole-jean-zay": "École Jean Zay"}
    assert {row(f"member/{each}").payer for each in ("ann", "bob", "m001")} == {"ecole-jean-zay"}
    assert "École Jean Zay (ecole-jean-zay)" in browser.get("/members/m001", secure=True).content.decode()


def test_a_member_can_pay_for_another_and_is_meant_by_id(browser):
    do(browser, "/members/m001", do="save", name="Member 001", payer="Member 002 (m002)")
    assert row("member/m001").payer == "m002"
    assert organisations() == {}


def test_what_is_saved_again_as_it_was_shown_changes_nothing(browser):
    put(Member("ann", "Ann", payer="School (west)"))
    before = row("member/ann")
    do(browser, "/members/ann", do="save", name="Ann", payer="School (west) (school-west)")
    assert row("member/ann") == before
    assert list(organisations()) == ["school-west"]


def test_an_organisation_is_renamed_for_everybody_and_goes_only_once_it_pays_for_nobody(browser):
    put(Member("ann", "Ann", payer="School"))
    do(browser, "/organisations", do="save", id="school", name="The new school")
    assert organisations() == {"school": "The new school"}
    assert row("member/ann").payer == "school"
    refused = do(browser, "/organisations", do="remove", id="school")
    assert refused.status_code == 422
    assert "say first who pays" in refused.content.decode()
    do(browser, "/members/ann", do="save", name="Ann", payer="")
    assert do(browser, "/organisations", do="remove", id="school").status_code == 302
    assert organisations() == {}


def test_two_organisations_of_one_name_are_one(browser):
    do(browser, "/organisations", do="save", name="School")
    assert do(browser, "/organisations", do="save", name="school").status_code == 422
    assert do(browser, "/organisations", do="save", name="").status_code == 422
    assert do(browser, "/organisations", do="burn").status_code == 422
    assert organisations() == {"school": "School"}


def test_nobody_new_has_an_organisations_id_so_that_a_payers_id_means_one(browser):
    do(browser, "/organisations", do="save", name="School")
    assert do(browser, "/members/new", name="School", id="school").status_code == 422
    assert row("member/school") is None


def test_whoever_is_forgotten_pays_for_nobody_any_more(browser):
    put(Member("ann", "Ann", payer="m001"))
    assert do(browser, "/members/m001", do="forget", sure="m001").status_code == 302
    assert row("member/ann").payer == ""
    assert organisations() == {}


def test_members_of_before_keep_their_rows_and_their_payers_become_organisations(sqlite):
    import importlib

    from django.apps import apps

    from server.people.models import Member as Model

    long = "x" * 80
    Model.objects.create(id="parent", name="Parent")
    for number, payer in enumerate(("Lycée Jean Zay", "a/b", long, "parent")):
        Model.objects.create(id=f"m{number}", payer=payer)
    importlib.import_module("server.people.migrations.0002_payers_and_particulars").entered(apps, None)
    assert organisations() == {"Lycée Jean Zay": "Lycée Jean Zay", "a-b": "a/b", "x" * 50: long}
    assert [Model.objects.get(pk=f"m{number}").payer for number in range(4)] == [
        "Lycée Jean Zay", "a-b", "x" * 50, "parent",
    ]  # fmt: skip


def test_whoever_is_said_to_be_paid_for_by_their_own_old_id_pays_as_everybody_does(browser):
    from server.edits.authors import Author
    from server.people.merging.merge import merge
    from server.people.merging.union import Choice

    merge(Author(name="test"), Choice("m001", "m002"))
    put(Member("m001", "Member 001", payer="m002"), Member("m003", "Member 003", payer="m002"))
    assert row("member/m001").payer == ""
    assert row("member/m003").payer == "m001"
    assert organisations() == {}


def test_a_sheet_with_many_new_payers_reads_the_organisations_once(browser):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as ran:
        put(*(Member(f"p{each}", payer=f"Firm {each}") for each in range(40)), Member("again", payer="FIRM  7"))
    whole = [each["sql"] for each in ran if 'FROM "people_organisation"' in each["sql"] and "WHERE" not in each["sql"]]
    assert len(whole) <= 4, "once for the names and once for the ids, each time that rows are settled"
    assert len(organisations()) == 40
    assert row("member/again").payer == "firm-7"
