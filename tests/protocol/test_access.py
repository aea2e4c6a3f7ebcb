"""Where a tap is decided."""

from datetime import date, timedelta

import msgspec
import pytest
from fixed import TODAY, moment
from hypothesis import given
from hypothesis import strategies as st

from protocol.access import RULES, Denied, Granted, Reason, decide, explain
from protocol.rows import Badge, Certification, Level, Machine, Member, Training, decode_row, encode_row
from protocol.sentences import REFUSALS, refusal
from protocol.whitelist import Whitelist

A, B, C = "a" * 32, "b" * 32, "c" * 32
YESTERDAY, TOMORROW = TODAY - timedelta(1), TODAY + timedelta(1)


def whitelist(*more, certification=None, member=None, badge=None, machine=None):
    return Whitelist(
        [
            Training("laser", "Laser"),
            machine or Machine("laser", requires=("laser",)),
            member or Member("marie", "Marie", category="student", payer="school"),
            badge or Badge(A, "marie"),
            certification or Certification("marie", "laser"),
            *more,
        ]
    )


def verdict(found, *badges, **when):
    return decide(found, "laser", badges or (A,), moment(**when))


def reason(found, *badges, **when):
    denied = verdict(found, *badges, **when)
    assert isinstance(denied, Denied)
    return denied.reason


def test_a_member_with_the_training_is_granted_with_category_and_payer():
    assert verdict(whitelist()) == Granted("marie", A, Level.USER, category="student", payer="school")


def test_an_unknown_badge_is_refused_and_named_by_its_hash():
    assert verdict(whitelist(), B) == Denied(Reason.UNKNOWN_BADGE, badge=B)


def test_a_wallet_with_one_known_badge_is_that_member():
    assert verdict(whitelist(), B, A, C).member == "marie"


def test_two_known_members_at_once_are_refused():
    found = whitelist(Member("jean"), Badge(B, "jean"), Certification("jean", "laser"))
    assert reason(found, A, B) is Reason.SEVERAL_BADGES


def test_a_member_with_a_blocked_and_a_good_badge_is_granted_by_the_good_one():
    found = whitelist(Badge(B, "marie"), badge=Badge(A, "marie", blocked=True))
    assert verdict(found, A, B).badge == B


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"badge": Badge(A, "marie", blocked=True)}, Reason.BADGE_BLOCKED),
        ({"badge": Badge(A, "marie", until=YESTERDAY)}, Reason.BADGE_EXPIRED),
        ({"badge": Badge(A, "marie", since=TOMORROW)}, Reason.BADGE_NOT_YET),
        ({"badge": Badge(A, "nobody")}, Reason.MEMBER_UNKNOWN),
        ({"member": Member("marie", excluded=True)}, Reason.MEMBER_EXCLUDED),
        ({"member": Member("marie", until=YESTERDAY)}, Reason.MEMBERSHIP_ENDED),
        ({"machine": Machine("other")}, Reason.MACHINE_UNKNOWN),
        ({"machine": Machine("laser", requires=("laser", "fire"))}, Reason.TRAINING_MISSING),
        ({"certification": Certification("marie", "laser", until=YESTERDAY)}, Reason.TRAINING_EXPIRED),
        ({"certification": Certification("marie", "laser", since=TOMORROW)}, Reason.TRAINING_NOT_YET),
        ({"machine": Machine("laser", requires=("laser",), locked="mirror")}, Reason.MACHINE_LOCKED),
    ],
)
def test_each_thing_that_is_missing_has_its_word(rows, expected):
    assert reason(whitelist(**rows)) is expected


def test_the_last_day_counts_whole():
    for until in (TODAY, TOMORROW):
        found = whitelist(
            member=Member("marie", until=until),
            badge=Badge(A, "marie", since=TODAY, until=until),
            certification=Certification("marie", "laser", since=TODAY, until=until),
        )
        assert isinstance(verdict(found), Granted)


def test_an_expiry_is_judged_by_the_time_known_to_have_passed_not_by_the_wall():
    found = whitelist(certification=Certification("marie", "laser", until=TODAY))
    assert reason(found, known=TOMORROW, today=date(1970, 1, 1)) is Reason.TRAINING_EXPIRED
    assert isinstance(verdict(found, known=TODAY, today=date(2036, 1, 1)), Granted)


def test_a_training_whose_name_contains_another_is_another():
    found = whitelist(machine=Machine("laser", requires=("cnc",)), certification=Certification("marie", "noncnc"))
    assert verdict(found) == Denied(Reason.TRAINING_MISSING, "marie", A, ("cnc",))


def test_every_missing_training_is_named():
    found = whitelist(machine=Machine("laser", requires=("laser", "fire", "air")))
    assert verdict(found).wants == ("fire", "air")


def test_a_machine_that_requires_nothing_is_open_to_members_only():
    found = whitelist(machine=Machine("laser", requires=()))
    found.drop(Certification("marie", "laser"))
    assert verdict(found).level is Level.USER
    assert reason(found, B) is Reason.UNKNOWN_BADGE


def test_a_machine_of_which_nobody_has_said_what_it_asks_for_is_closed_to_everybody():
    found = whitelist(machine=Machine("laser"), certification=Certification("marie", "laser", Level.MAINTAINER))
    assert reason(found) is Reason.MACHINE_UNKNOWN
    written = encode_row(Machine("laser", requires=()))
    assert b'"requires":[]' in written, "that it asks for nothing is written down"
    assert decode_row(written) == Machine("laser", requires=())
    assert decode_row(b'{"type":"machine","id":"laser"}').is_set_up is False


def test_the_lowest_level_counts():
    found = whitelist(
        Certification("marie", "fire", Level.SUPERVISED),
        machine=Machine("laser", requires=("laser", "fire")),
        certification=Certification("marie", "laser", Level.MAINTAINER),
    )
    assert verdict(found).level is Level.SUPERVISED


@pytest.mark.parametrize(
    ("level", "machine", "lacks"),
    [
        (Level.SUPERVISED, {}, Reason.SUPERVISION_NEEDED),
        (Level.SUPERVISED, {"buddy": True}, Reason.SUPERVISION_NEEDED),
        (Level.USER, {}, None),
        (Level.USER, {"supervised": True}, Reason.SUPERVISION_NEEDED),
        (Level.USER, {"buddy": True}, Reason.BUDDY_NEEDED),
        (Level.TRAINER, {"supervised": True}, None),
        (Level.MAINTAINER, {"supervised": True, "buddy": True}, Reason.BUDDY_NEEDED),
    ],
)
def test_whose_badge_a_member_needs_beside_their_own(level, machine, lacks):
    found = whitelist(
        machine=Machine("laser", requires=("laser",), **machine), certification=Certification("marie", "laser", level)
    )
    assert verdict(found).lacks is lacks
    *_others, alone = explain(found, "laser", found.badges[A], moment())
    assert (alone.denied.reason if alone.denied else None) is lacks


def test_a_maintainer_opens_a_locked_machine_and_a_trainer_does_not():
    locked = Machine("laser", requires=("laser",), locked="mirror")
    assert isinstance(
        verdict(whitelist(machine=locked, certification=Certification("marie", "laser", Level.MAINTAINER))), Granted
    )
    assert (
        reason(whitelist(machine=locked, certification=Certification("marie", "laser", Level.TRAINER)))
        is Reason.MACHINE_LOCKED
    )


def test_an_excluded_maintainer_is_excluded():
    found = whitelist(
        member=Member("marie", excluded=True), certification=Certification("marie", "laser", Level.MAINTAINER)
    )
    assert reason(found) is Reason.MEMBER_EXCLUDED


some_day = st.dates(TODAY - timedelta(3), TODAY + timedelta(3))
days = st.none() | some_day
cases = st.builds(
    lambda badge, member, held, machine: whitelist(badge=badge, member=member, certification=held, machine=machine),
    st.builds(Badge, st.just(A), st.just("marie"), since=days, until=days, blocked=st.booleans()),
    st.builds(Member, st.just("marie"), until=days, excluded=st.booleans()),
    st.builds(Certification, st.just("marie"), st.just("laser"), st.sampled_from(Level), since=days, until=days),
    st.builds(
        Machine,
        st.just("laser"),
        requires=st.sampled_from([None, (), ("laser",), ("laser", "x")]),
        locked=st.sampled_from(["", "x"]),
        supervised=st.booleans(),
        buddy=st.booleans(),
    ),
)


@given(cases, some_day, some_day)
def test_the_page_that_explains_and_the_latch_that_decides_say_the_same(found, known, today):
    when = moment(known=known, today=today)
    decided = decide(found, "laser", {A}, when)
    checks = list(explain(found, "laser", found.badges[A], when))
    *rules, alone = checks
    assert all(check.question.endswith("?") for check in checks)
    denials = [check.denied for check in rules if check.denied is not None]
    assert len(rules) == len(RULES)
    assert (denials[0] if denials else decided) == decided
    if isinstance(decided, Granted):
        assert (alone.denied.reason if alone.denied else None) is decided.lacks
    assert isinstance(decided, Granted) == (not denials)


@given(cases, some_day)
def test_taking_anything_away_never_opens_a_machine(found, known):
    when = moment(known=known, today=known)
    if isinstance(decide(found, "laser", {A}, when), Denied):
        for row in [*found.badges.values(), *found.members.values(), *found.certifications.values()]:
            found.drop(row)
            assert isinstance(decide(found, "laser", {A}, when), Denied)
            found.put(row)


def test_every_word_of_refusal_has_its_sentence():
    for each in Reason:
        assert refusal(Denied(each, wants=("laser",), day=TODAY, note="mirror"), whitelist())
    assert set(REFUSALS) == set(Reason)


def test_a_refusal_names_the_training_by_its_name_and_the_day():
    denied = Denied(Reason.TRAINING_EXPIRED, wants=("laser",), day=date(2026, 3, 3))
    assert "Laser" in refusal(denied, whitelist())
    assert "3 March 2026" in refusal(denied, whitelist())


@given(cases)
def test_a_row_is_the_same_after_the_line(found):
    rows = list(found.rows())
    assert [decode_row(encode_row(row)) for row in rows] == rows


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"type": "member"}',
        b'{"type":"badge","hash":"A","member":"m"}',
        b"[1]",
        b'{"type":"member","id":"m","x":1}',
        b'{"type":"certification","member":"m","training":"t","level":9}',
    ],
)
def test_a_row_that_is_none_is_refused(line):
    with pytest.raises(msgspec.DecodeError):
        decode_row(line)
