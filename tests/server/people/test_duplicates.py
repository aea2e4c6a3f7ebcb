"""Who may have been entered twice: found, decided about, and not asked about again."""

import random
import time

from browsing import client, do
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from protocol.rows import Member
from server.people.duplicates.likely import LEAST, Person, likely, one_letter_apart


def found(*people):
    return {(each.one, each.other): each.alike for each in likely(people)}


def test_what_people_and_sheets_write_in_two_ways_is_one_name():
    assert found(Person("a", "Élodie Lœb"), Person("b", "  elodie LOEB ")) == {("a", "b"): ("name",)}
    assert found(Person("a", "DUPONT Jean"), Person("b", "Jean Dupont")) == {("a", "b"): ("order",)}
    assert found(Person("a", "Jean-Paul Roux"), Person("b", "jean paul roux")) == {("a", "b"): ("name",)}
    assert found(Person("a", "Jean Dupont"), Person("b", "Jean Dupond")) == {("a", "b"): ("letter",)}
    assert found(Person("a", "Marine Roux"), Person("b", "Roux Mraine")) == {("a", "b"): ("letter",)}
    assert found(Person("a", "Ann", email="x@y.fr"), Person("b", "Bob", email="X@y.fr")) == {("a", "b"): ("email",)}
    assert found(Person("a", "Jean Paul Roux", 1980), Person("b", "Jean Roux", 1980)) == {("a", "b"): ("alike",)}


def test_who_is_somebody_else_is_not_offered():
    assert found(Person("a", "Léo Martin", 2010), Person("b", "Léa Martin", 2012)) == {}, "brother and sister"
    assert found(Person("a", ""), Person("b", "")) == {}
    assert found(Person("a", "Ann"), Person("b", "Anna")) == {}, "too short to be mistyped"
    assert found(Person("a", "Jean Paul Roux", 1980), Person("b", "Jean Roux", 1950)) == {}


def test_father_and_son_are_offered_last():
    pairs = likely(
        [
            Person("a", "Jean Roux", 1950),
            Person("b", "Jean Roux", 1980),
            Person("c", "Zoé Blanc"),
            Person("d", "Zoé Blanc"),
        ]
    )
    assert [(each.one, each.other) for each in pairs] == [("c", "d"), ("a", "b")]


@given(st.lists(st.text("ab", min_size=3, max_size=8), max_size=14))
def test_every_two_that_are_one_letter_apart_are_found_and_no_others(texts):
    wanted = {
        frozenset((one, other)) for one in texts for other in texts
        if min(len(one), len(other)) >= LEAST and OSA.distance(one, other) == 1
    }  # fmt: skip
    assert {frozenset(each) for each in one_letter_apart(texts)} == wanted


def test_twenty_thousand_take_seconds():
    rng = random.Random(1)
    words = ["".join(rng.choices("aeioubcdlmnrst", k=rng.randrange(4, 10))) for _ in range(3_000)]
    people = [
        Person(f"m-{number}", f"{rng.choice(words[:300])} {rng.choice(words)}", rng.choice([None, *range(1940, 2015)]))
        for number in range(20_000)
    ]
    begun = time.process_time()
    assert likely(people)
    assert time.process_time() - begun < 30


def test_two_who_are_not_the_same_are_asked_about_no_more_until_somebody_says_so(database):
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.people.models import NotTheSame

    carry_out(Author(name="test"), "demo", [Member("a", "Jean Roux"), Member("b", "Roux Jean"), Member("new-7")])
    browser = client("fabmanager")
    page = browser.get("/duplicates", secure=True).content.decode()
    assert "the same words in another order" in page
    assert "new-7" in page, "who is that?"
    do(browser, "/duplicates", do="different", one="b", other="a")
    page = browser.get("/duplicates", secure=True).content.decode()
    assert "the same words in another order" not in page
    do(browser, "/duplicates", do="again", number=str(NotTheSame.objects.get().pk))
    assert "the same words in another order" in browser.get("/duplicates", secure=True).content.decode()
    do(browser, "/duplicates", do="different", one="a", other="nobody")
    assert not NotTheSame.objects.exists()


def test_what_somebody_says_of_a_member_is_seen_at_once(sqlite):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    who = Author(name="test")
    carry_out(who, "demo", [Member("a", "Jean Roux"), Member("b", "Zoé Blanc")])
    browser = client("fabmanager")
    assert "Nobody seems" in browser.get("/duplicates", secure=True).content.decode()
    carry_out(who, "demo", [Member("b", "Jean Roux")])
    assert "the same name" in browser.get("/duplicates", secure=True).content.decode()
