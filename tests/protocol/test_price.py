"""What a session costs: the worked examples by their numbers, and the laws that every price obeys."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import price
from protocol.entries import Purpose
from protocol.price import Applied, Included, Used, applied, total
from protocol.rows import Level, Member, Meter, Price, Subscription
from protocol.whitelist import Whitelist

TODAY = date(2026, 12, 1)
HOUR = 3_600


def powered(**said):
    return Price(Meter.POWERED, **said)


def cost(rows, seconds, busy=None, energy=None, included=()):
    return total(price.price(rows, Used(seconds, busy, energy), included))


def minutes(count, seconds=0):
    return 60 * count + seconds


LASER = powered(machine="laser", cents=1200)


def test_example_1_forty_seven_minutes():
    assert cost([LASER], minutes(47)) == 940


def test_example_2_a_resident_has_a_quarter_off():
    assert cost([LASER, powered(plan="resident", off=25)], minutes(47)) == 705
    assert cost([powered(cents=1200, off=25)], minutes(47)) == 705


def test_example_3_full_steps_begun_are_counted():
    assert cost([powered(cents=1200, step=360)], minutes(47)) == 960


def test_example_4_running_and_waiting_have_a_price_each():
    rows = [Price(Meter.BUSY, cents=1800), Price(Meter.IDLE, cents=300)]
    assert [line.cents for line in price.price(rows, Used(minutes(52), minutes(23)))] == [690, 145]


def test_example_5_a_kiln_by_the_kilowatt_hour():
    assert cost([Price(Meter.KWH, cents=32)], minutes(600), energy=27_437) == 878


def test_example_6_what_is_left_of_included_time_is_used_first():
    (line,) = price.price([LASER], Used(minutes(107)), [Included("december", minutes(60))])
    assert line.included == (("december", minutes(60)),)
    assert line.cents == 940


@pytest.mark.parametrize(("seconds", "cents"), [(180, 200), (59, 0), (60, 200), (HOUR, 1200)])
def test_example_7_a_least_price_and_a_mistaken_tap(seconds, cents):
    assert cost([powered(cents=1200, least=200)], seconds) == cents


@pytest.mark.parametrize(("seconds", "points"), [(2_700, 3), (2_701, 4), (2_820, 4)])
def test_example_8_in_points_of_a_quarter_of_an_hour(seconds, points):
    (line,) = price.price([powered(cents=1200, step=900)], Used(seconds), [Included("points", 20 * 900)])
    assert (line.included, line.cents) == ((("points", points * 900),), 0)


def test_what_is_included_ends_first_is_used_first_and_only_time_is():
    included = [Included("b", 600, date(2027, 1, 31)), Included("a", 600), Included("c", 600, date(2026, 12, 31))]
    rows = [LASER, Price(Meter.VISIT, cents=100), Price(Meter.KWH, cents=30)]
    lines = price.price(rows, Used(900, energy=1_000), included)
    assert lines[0].included == (("c", 600), ("b", 300))
    assert [line.cents for line in lines] == [0, 30, 100]


def test_included_time_that_covers_a_session_asks_for_no_least_price():
    assert cost([powered(cents=1200, least=200)], 900, included=[Included("a", 900)]) == 0
    assert cost([powered(cents=1200, least=200)], 901, included=[Included("a", 900)]) == 200


def test_the_most_specific_rate_holds_and_one_reduction_the_largest():
    rows = [
        powered(cents=100),
        powered(category="student", cents=200),
        powered(plan="resident", cents=300),
        powered(machine="laser", cents=400),
        powered(machine="laser", category="student", cents=500),
        powered(machine="laser", plan="resident", cents=600, off=5),
        powered(plan="resident", off=20),
        powered(category="student", off=10),
    ]
    for end in range(1, 7):
        assert cost(rows[:end], HOUR) == 100 * end if end < 6 else 570
    assert cost(rows, HOUR) == 480


# --- which prices apply ---


def listed(*rows):
    return Whitelist([Member("marie", "Marie", "student"), *rows])


def test_only_prices_of_ones_own_category_and_plan_apply_from_their_day_on():
    rows = [
        powered(cents=100),
        powered(cents=150, since=TODAY + timedelta(days=1)),
        powered(category="firm", cents=900),
        powered(plan="resident", cents=50),
        powered(machine="kiln", cents=700),
    ]
    found = applied(listed(*rows), "laser", "marie", "student", TODAY)
    assert found == Applied((rows[0],))
    later = applied(listed(*rows), "laser", "marie", "student", TODAY + timedelta(days=1))
    assert cost(later.prices, HOUR) == 150, "a price that begins takes the place of the one before it"


def test_a_plan_counts_from_its_first_to_its_last_day():
    rows = [powered(cents=100), powered(plan="resident", off=50)]
    plan = Subscription("marie", "resident", TODAY, TODAY + timedelta(days=3))
    for day, cents, plans in ((-1, 100, ()), (0, 50, ("resident",)), (3, 50, ("resident",)), (4, 100, ())):
        found = applied(listed(*rows, plan), "laser", "marie", "", TODAY + timedelta(days=day))
        assert (cost(found.prices, HOUR), found.plans) == (cents, plans)


def test_a_list_that_changes_changes_what_applies():
    whitelist = listed(powered(cents=100))
    assert cost(applied(whitelist, "laser", "marie", "", TODAY).prices, HOUR) == 100
    whitelist.put(powered(cents=120))
    assert cost(applied(whitelist, "laser", "marie", "", TODAY).prices, HOUR) == 120
    whitelist.put(powered(plan="p", off=50))
    whitelist.put(Subscription("marie", "p"))
    assert cost(applied(whitelist, "laser", "marie", "", TODAY).prices, HOUR) == 60
    whitelist.drop(Subscription("marie", "p"))
    whitelist.drop(powered(cents=120))
    assert applied(whitelist, "laser", "marie", "", TODAY).prices == ()


def test_what_was_applied_is_read_back_and_a_later_programs_is_nothing():
    found = Applied((LASER, powered(plan="resident", off=25, since=TODAY)), ("resident",))
    assert price.read(price.written(found)) == found
    assert price.written(Applied()) == ""
    for text in ("", "{", "[]", '{"prices":[{"type":"price","per":"lumen"}]}', "\0"):
        assert price.read(text) is None


def test_maintenance_is_free_by_a_trainers_badge_alone():
    assert Purpose.MAINTENANCE.is_paid(Level.USER)
    assert not Purpose.MAINTENANCE.is_paid(Level.TRAINER)
    assert Purpose.ORDER.is_paid(Level.MAINTAINER)


# --- laws ---

ROWS = st.lists(
    st.builds(
        Price,
        st.sampled_from([Meter.POWERED, Meter.BUSY, Meter.IDLE, Meter.KWH, Meter.VISIT]),
        machine=st.sampled_from(["", "laser"]),
        plan=st.sampled_from(["", "resident"]),
        cents=st.none() | st.integers(0, 10_000),
        step=st.sampled_from([1, 60, 360, 900, 3_600]),
        least=st.integers(0, 500),
        most=st.none() | st.integers(500, 5_000),
        off=st.integers(0, 100),
    ),
    max_size=6,
)
INCLUDED = st.lists(
    st.builds(Included, st.sampled_from("abc"), st.integers(0, 7_200)), max_size=3, unique_by=lambda i: i.id
)
SECONDS = st.integers(0, 100_000)


@given(ROWS, INCLUDED, SECONDS, SECONDS, st.integers(0, 50_000))
def test_a_price_never_falls_as_time_grows(rows, included, seconds, more, energy):
    assert cost(rows, seconds, energy=energy, included=included) <= cost(
        rows, seconds + more, energy=energy, included=included
    )


@given(ROWS, INCLUDED, SECONDS, SECONDS)
def test_included_time_makes_nothing_dearer_and_is_never_used_twice(rows, included, seconds, busy):
    lines = price.price(rows, Used(seconds, min(busy, seconds)), included)
    assert total(lines) <= cost(rows, seconds, min(busy, seconds))
    for each in included:
        assert sum(used for line in lines for name, used in line.included if name == each.id) <= each.left


@given(ROWS, SECONDS)
def test_the_rows_that_were_applied_make_the_price_that_all_of_them_make(rows, seconds):
    whitelist = listed(*rows, Subscription("marie", "resident"))
    found = applied(whitelist, "laser", "marie", "", TODAY)
    assert cost(found.prices, seconds) == cost(whitelist.prices.values(), seconds)
    assert len(found.prices) <= 2 * len(Meter)
