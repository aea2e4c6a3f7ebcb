"""What two members are as one: who is kept, until when, with which level, in whatever order it is said."""

import re
from datetime import date

import pytest
from browsing import client, do, fill, row, shown

from protocol.rows import Badge, Certification, Level, Member, Pin, Training
from server.people.merging.union import Choice, as_one, certifications_as_one, particulars_as_one, united

PAST, SOON, LATE = date(2020, 1, 1), date(2030, 1, 1), date(2031, 1, 1)


@pytest.fixture
def author(database):
    from server.edits.authors import Author

    return Author(name="test")


def merged(author, kept, gone, **choice):
    from server.people.merging.merge import merge

    return merge(author, Choice(kept, gone, **choice))


def put(author, *rows):
    from server.edits.editing import carry_out

    return carry_out(author, "demo", rows)


def test_a_certification_is_the_higher_level_from_the_earlier_day_to_the_later(sqlite):
    one, other = (
        Certification("a", "laser", Level.USER, PAST, LATE),
        Certification("b", "laser", Level.TRAINER, SOON, SOON),
    )
    assert certifications_as_one(one, other) == Certification("a", "laser", Level.TRAINER, PAST, LATE)
    assert certifications_as_one(one, Certification("b", "laser")).until is None
    assert certifications_as_one(one, Certification("b", "laser")).since is None


def test_a_certification_that_is_over_makes_nobody_a_trainer_again(sqlite):
    one, over = Certification("a", "laser", Level.USER), Certification("b", "laser", Level.TRAINER, until=PAST)
    assert certifications_as_one(one, over) == one
    assert certifications_as_one(over, one) == Certification("b", "laser", Level.USER)


def test_whoever_is_excluded_stays_so_and_nobody_pays_for_themselves():
    kept, gone = Member("a", "", "", "b", SOON), Member("b", "Zoé", "pro", "a", None, excluded=True)
    assert as_one(kept, gone, Choice("a", "b")) == Member("a", "Zoé", "pro", "", SOON, excluded=True)
    assert as_one(kept, gone, Choice("a", "b", until="b")).until is None
    assert as_one(Member("a", "Ann", until=SOON), Member("new-1"), Choice("a", "new-1")).until == SOON
    assert as_one(kept, Member("b", payer="school"), Choice("a", "b")).payer == "school"


def test_a_day_is_proposed_before_no_end_which_most_often_nobody_spoke_of():
    ends, open_ended = Member("a", until=SOON), Member("b", "Zoé", "pro")
    assert as_one(ends, open_ended, Choice("a", "b")).until == SOON
    assert as_one(open_ended, ends, Choice("b", "a")).until == SOON
    assert as_one(ends, Member("b", until=LATE), Choice("a", "b")).until == LATE
    assert as_one(Member("b", until=LATE), ends, Choice("b", "a")).until == LATE
    assert as_one(open_ended, Member("c"), Choice("b", "c")).until is None


@pytest.mark.parametrize(
    ("mine", "theirs", "then"),
    [
        ((None, "2026-05-01"), ("2020-01-01", None), (None, "2026-05-01")),
        (("2020-01-01", None), (None, "2026-05-01"), (None, "2026-05-01")),
        ((None, "2026-05-01"), ("2026-05-01", None), (None, "2026-05-01")),
        ((None, "2026-05-01"), ("2026-05-02", None), ("2026-05-02", None)),
        ((None, "2026-05-01"), (None, "2026-07-01"), (None, "2026-07-01")),
        ((None, None), ("2020-01-01", None), ("2020-01-01", None)),
        (("2021-01-01", None), ("2020-01-01", None), ("2021-01-01", None)),
    ],
)
def test_letters_that_either_of_both_ended_do_not_come_back(mine, theirs, then):
    one, other = ({"letters": agreed, "letters_ended": ended, "commune": ""} for agreed, ended in (mine, theirs))
    found = particulars_as_one(one, other)
    assert (found["letters"], found["letters_ended"]) == then


def test_a_pin_moves_where_there_is_none_and_a_blocked_badge_stays_blocked():
    theirs = [Pin("b", "a" * 32, "b" * 16, "c" * 64), Badge("1" * 32, "b", blocked=True)]
    found = united(Member("a"), Member("b"), theirs, [Member("c", payer="b")], Choice("a", "b"))
    assert {Pin("a", "a" * 32, "b" * 16, "c" * 64), Badge("1" * 32, "a", blocked=True)} < set(found.put)
    assert Member("c", payer="a") in found.put
    assert set(found.drop) == {"member/b", "pin/b"}
    both = united(Member("a"), Member("b"), [*theirs, Pin("a", "d" * 32, "b" * 16, "e" * 64)], [], Choice("a", "b"))
    assert both.has_pin_left
    assert not any(isinstance(each, Pin) for each in both.put)


def test_a_pin_that_moved_is_still_the_right_one():
    from protocol.badge import BadgeKey
    from protocol.pin import is_right, made_pin

    key = BadgeKey(b"k" * 32)
    (moved,) = (
        each
        for each in united(Member("a"), Member("b"), [made_pin("b", "4711", key, b"s" * 16)], [], Choice("a", "b")).put
        if isinstance(each, Pin)
    )
    assert is_right(moved, "4711", key)


@pytest.mark.parametrize("turn", [1, -1], ids=["the old id first", "the own id first"])
@pytest.mark.parametrize("held", [None, Level.USER, Level.TRAINER])
def test_in_whatever_order_rows_of_both_ids_are_said_they_come_to_the_same(author, turn, held):
    fill()
    if held is not None:
        put(author, Certification("m005", "wood", held))
    merged(author, "m005", "m006")
    put(author, *[Certification("m006", "wood", Level.TRAINER, until=LATE), Certification("m005", "wood")][::turn])
    assert row("certification/m005/wood") == Certification("m005", "wood", Level.TRAINER)


def test_a_separation_of_before_particulars_had_more_fields_still_works(author):
    from server.people.merging.separate import separate
    from server.people.models import MergedMember, Particulars

    fill()
    Particulars.objects.create(pk="m001", commune="Die")
    Particulars.objects.create(pk="m002", birth_year=1980)
    link = merged(author, "m001", "m002")
    for each in ("before", "theirs", "after"):
        del link.snapshot[each]["letters_ended"]
    MergedMember.objects.filter(pk="m002").update(snapshot=link.snapshot)
    separate(author, "m002")
    assert Particulars.objects.get(pk="m002").birth_year == 1980
    assert Particulars.objects.get(pk="m001").birth_year is None


def test_whoever_merged_from_the_likely_duplicates_is_back_there_and_can_undo_it(sqlite):
    fill()
    put_names(("m001", "Zoé Fox"), ("m002", "Fox Zoe"))
    browser = client("fabmanager")
    page = browser.get("/duplicates", secure=True).content.decode()
    path = re.search(r'href="(/merge\?one=[^"]*)"', page)[1].replace("&amp;", "&")
    other = re.search(r'href="(/merge\?one=[^"]*)"', browser.get(path, secure=True).content.decode())[1]
    for each in (path, other.replace("&amp;", "&")):
        fields = {name: value for name, value in shown(browser, each).items() if name != "csrfmiddlewaretoken"}
        answer = do(browser, "/merge", **fields)
        assert answer["Location"] == "/duplicates"
        page = browser.get("/duplicates", secure=True).content.decode()
        assert "merged; from now on both are one" in page
        undo = re.search(r'action="(/history/\d+/undo)"', page)[1]
        do(browser, undo)
        assert row("member/m001") is not None and row("member/m002") is not None
    assert do(browser, "/merge", kept="m001", gone="m002")["Location"] == "/members/m001"
    assert do(browser, "/merge", kept="m001", gone="m003", back="//evil.example")["Location"] == "/members/m001"


def put_names(*pairs):
    from server.edits.authors import Author

    put(Author(name="test"), *(Member(member, name) for member, name in pairs))


def test_conditions_follow_the_particulars_of_both(author):
    from server.people.merging.separate import separate
    from server.people.models import Particulars
    from server.whitelist.conditions import look
    from server.whitelist.models import Condition

    fill()
    put(author, Training("insured", "Insured"))
    Condition.objects.create(training="insured", what="insurance")
    Particulars.objects.create(pk="m002", insurance=LATE)
    look(author, ["m002"])
    assert row("certification/m002/insured").until == LATE
    merged(author, "m001", "m002")
    assert row("certification/m001/insured").until == LATE
    separate(author, "m002")
    assert row("certification/m001/insured") is None
    assert row("certification/m002/insured").until == LATE


def test_no_row_that_names_an_id_that_was_merged_brings_it_back(author):
    fill()
    put(author, Certification("m001", "laser", Level.TRAINER))
    merged(author, "m001", "m002")
    put(author, Member("m002", "Back"), Badge("e" * 32, "m002"), Certification("m002", "laser"), Pin("m002", "a" * 32))
    assert row("member/m002") is None
    assert row("pin/m002") is None
    assert row(f"badge/{'e' * 32}").member == "m001"
    assert row("certification/m001/laser").level is Level.TRAINER, "an old id takes nothing from the member"
    put(author, Member("m005", "Paid for", payer="m002"))
    assert row("member/m005").payer == "m001"
