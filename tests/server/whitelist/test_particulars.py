"""What stands on a member's page and machines ask for: made into rows that every controller knows, and never sent."""

from datetime import date

import pytest
from browsing import client, do, fill, row

from protocol.rows import Certification


@pytest.fixture
def browser(sqlite):
    fill()
    return client("fabmanager")


def condition(browser, what, **asked):
    from server.whitelist.models import Condition

    known = set(Condition.objects.values_list("pk", flat=True))
    assert do(browser, "/setup", do="condition", what=what, **asked).status_code == 302
    (made,) = set(Condition.objects.values_list("pk", flat=True)) - known
    return made


def particulars(browser, member, **said):
    return do(browser, f"/members/{member}", do="particulars", **said)


@pytest.mark.parametrize(
    ("what", "asked", "said", "since", "until"),
    [
        ("age", {"years": "16"}, {"birth_year": "2010"}, date(2027, 1, 1), None),
        ("guardian", {}, {"birth_year": "2012", "guardian": "2026-09-01"}, date(2026, 9, 1), None),
        ("guardian", {}, {"birth_year": "1980"}, date(1999, 1, 1), None),
        ("rules", {}, {"rules": "2026-09-02"}, date(2026, 9, 2), None),
        ("insurance", {}, {"insurance": "2027-03-31"}, None, date(2027, 3, 31)),
        ("commune", {"communes": "Die, Crest"}, {"commune": "crest"}, None, None),
        ("photos", {}, {"photos": "2026-09-03"}, date(2026, 9, 3), None),
        ("letters", {}, {"letters": "2026-09-04"}, date(2026, 9, 4), None),
    ],
)
def test_each_particular_is_a_condition_that_a_member_fulfils_from_one_day_to_another(
    browser, what, asked, said, since, until
):
    before = condition(browser, what, **asked)
    assert row(f"certification/m001/{before}") is None
    assert particulars(browser, "m001", **said).status_code == 302
    assert row(f"certification/m001/{before}") == Certification("m001", before, since=since, until=until)
    particulars(browser, "m001")
    assert row(f"certification/m001/{before}") is None, "what is taken back is fulfilled no more"


def test_a_condition_that_is_made_later_counts_what_was_known_before(browser):
    particulars(browser, "m001", insurance="2027-03-31")
    made = condition(browser, "insurance")
    assert row(f"certification/m001/{made}").until == date(2027, 3, 31)
    assert row(f"certification/m002/{made}") is None


def test_nobody_gives_or_takes_what_follows_from_the_members_page(browser):
    made = condition(browser, "insurance")
    particulars(browser, "m001", insurance="2027-03-31")
    held = row(f"certification/m001/{made}")
    for what in ("grant", "revoke", "revoke_now", "extend"):
        assert do(browser, f"/whitelist/cell/m001/{made}", do=what).status_code == 422
    do(browser, "/whitelist/class", training=made, member=["m001", "m002"])
    assert row(f"certification/m001/{made}") == held
    assert row(f"certification/m002/{made}") is None


def test_no_sheet_and_no_controller_gives_what_follows_from_the_members_page(browser):
    from server.edits import editing, rows
    from server.edits.models import Edit

    made = condition(browser, "insurance")
    particulars(browser, "m001", insurance="2027-03-31")
    held = row(f"certification/m001/{made}")
    given = [Certification("m001", made), Certification("m002", made), Certification("m002", "laser")]
    assert rows.settled(given, enter=False) == [held, given[2]], "a preview says what will be"
    assert editing.carry_out(editing.Author(name="a sheet"), "imported", given[:2]) is None, "nothing is changed"
    editing.carry_out(editing.Author(name="a sheet"), "imported", given)
    assert row(f"certification/m001/{made}") == held
    assert row(f"certification/m002/{made}") is None
    assert row("certification/m002/laser") == given[2], "what was given with it counts"
    assert [each.key for each in Edit.objects.get(what="imported").changes.all()] == ["certification/m002/laser"]


def test_a_condition_goes_once_no_machine_asks_for_it_and_takes_what_followed_from_it(browser):
    from server.whitelist.models import Condition

    made = condition(browser, "insurance")
    particulars(browser, "m001", insurance="2027-03-31")
    do(browser, "/setup", do="machine", id="laser", name="Laser", requires=["laser", made])
    assert made in row("machine/laser").requires
    do(browser, "/setup", do="condition_gone", condition=made)
    assert Condition.objects.exists(), "a machine that asks for it would be closed to everybody"
    do(browser, "/setup", do="machine", id="laser", name="Laser", requires=["laser"])
    do(browser, "/setup", do="condition_gone", condition=made)
    assert not Condition.objects.exists()
    assert row(f"training/{made}") is None
    assert row(f"certification/m001/{made}") is None
    do(browser, "/setup", do="condition_gone", condition=made)
    do(browser, "/setup", do="condition_gone", condition="laser")
    assert row("training/laser") is not None, "a training is no condition"
    assert condition(browser, "insurance"), "it can be made anew"


def test_neither_history_nor_whitelist_says_what_a_member_said_of_themselves(browser):
    from server.edits import rows
    from server.edits.models import Change, Edit

    condition(browser, "age", years="16")
    condition(browser, "commune", communes="Die")
    particulars(browser, "m001", birth_year="1987", commune="Die", guardian="")
    said = [*map(str, rows.everything()), *(each.after or "" for each in Change.objects.all())]
    said += [str(each.about) for each in Edit.objects.all()]
    assert not any("1987" in each for each in said)
    assert "1987" in browser.get("/members/m001", secure=True).content.decode()


@pytest.mark.parametrize(
    "said",
    [{"birth_year": "1066"}, {"birth_year": "2199"}, {"insurance": "soon"}, {"commune": "x" * 300}, {"rules": "9"}],
)
def test_particulars_that_cannot_be_are_refused_and_nothing_is_kept(browser, said):
    from server.people.models import Particulars

    assert particulars(browser, "m001", **said).status_code == 422
    assert not Particulars.objects.exists()


@pytest.mark.parametrize(
    "said", [{"what": "shoe size"}, {"what": "age"}, {"what": "commune"}, {"what": "age", "years": "0"}]
)
def test_a_condition_says_what_it_asks_for(browser, said):
    from server.whitelist.models import Condition

    do(browser, "/setup", do="condition", **said)
    assert not Condition.objects.exists()


def test_whoever_is_forgotten_or_whose_entry_is_taken_back_leaves_no_particulars(browser):
    from server.edits import editing
    from server.edits.models import Edit
    from server.people.models import Particulars

    particulars(browser, "m001", birth_year="1987")
    do(browser, "/members/m001", do="forget", sure="m001")
    do(browser, "/members/new", name="New", id="new")
    particulars(browser, "new", birth_year="1990")
    editing.undo(editing.Author(name="test"), Edit.objects.filter(what="member_new").get())
    assert not Particulars.objects.exists()


def test_a_member_sees_what_is_kept_of_them(browser):
    particulars(browser, "m001", birth_year="1987", commune="Die")
    shown = client("member", "m001").get("/me/data", secure=True).content.decode()
    assert "1987" in shown and "Die" in shown
