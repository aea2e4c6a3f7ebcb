"""A machine that several own: each has their part, whole cents, and nothing is lost."""

import time
from datetime import date

import pytest
from billed import Billed
from hypothesis import given
from hypothesis import strategies as st

from server.billing.parts import Part, net, split


def of(*weights):
    return [Part("workshop", weights[0], is_rest=True), *(Part(f"h{n}", w) for n, w in enumerate(weights[1:], 1))]


@pytest.mark.parametrize(
    ("weights", "first", "then"),
    [((4, 1, 1, 1, 1), (61_729, 15_432), (50_001, 12_500)), ((6, 1, 1, 1, 1), (74_077, 12_345), (60_001, 10_000))],
)
def test_examples_13_and_14_the_parts_of_an_income_that_grows(weights, first, then):
    before, after = split(123_457, of(*weights)), split(123_457 + 100_001, of(*weights))
    assert (before["workshop"], before["h1"]) == first
    assert (after["workshop"] - before["workshop"], after["h1"] - before["h1"]) == then


def test_example_15_what_operators_owe_each_other():
    between = [
        ("A", "B", 12_000), ("B", "A", 4_550), ("C", "A", 1_000), ("A", "C", 1_000), ("B", "C", 2_375), ("C", "B", 700),
    ]  # fmt: skip
    found = net(between)
    assert found == {"A": -7_450, "B": 5_775, "C": 1_675}
    assert sum(found.values()) == 0


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 1_000), min_size=1, max_size=8).filter(any))
def test_no_cent_is_lost_however_an_income_is_split(income, weights):
    parts = of(*weights)
    found = split(income, parts)
    assert sum(found.values()) == income
    for part in parts[1:]:
        assert 0 <= income * part.weight / sum(weights) - found[part.holder] < 1


def test_a_holder_has_their_part_from_their_first_month_on(database):
    from server.billing.models import Share
    from server.billing.shares import dues
    from server.core import clock

    shop = Billed()
    try:
        shop.use("s1", seconds=3_600)
        Share.objects.create(machine="laser-a", holder="workshop", weight=1, since=date(2026, 11, 1), is_rest=True)
        Share.objects.create(machine="laser-a", holder="ann", weight=1, since=date(2026, 12, 1))
        shop.on(date(2026, 12, 3))
        shop.use("s2", "bob", seconds=3_601)
        found = {each.holder: each.due for each in dues("laser-a")}
        assert found == {"workshop": 1_200 + 600, "ann": 600}
    finally:
        clock.hand(time.time)


def test_a_years_sheet_adds_up_to_the_cent(database):
    from server.billing.models import Share
    from server.billing.shares import dues, of_year
    from server.core import clock

    shop = Billed(date(2026, 9, 5))
    try:
        for number, weight in enumerate((4, 1, 1, 1)):
            Share.objects.create(
                machine="laser-a", holder=f"h{number}", weight=weight, since=date(2026, 9, 1), is_rest=not number
            )
        for number, day in enumerate((date(2026, 9, 9), date(2026, 10, 9), date(2026, 12, 9))):
            shop.on(day)
            shop.use(f"s{number}", seconds=1_001 + 37 * number)
        sheet = of_year("laser-a", 2026)
        assert [month for month, income, _parts in sheet if income] == ["2026-09", "2026-10", "2026-12"]
        for _month, income, parts in sheet:
            assert sum(parts.values()) == income
        for due in dues("laser-a"):
            assert sum(parts.get(due.holder, 0) for _month, _income, parts in sheet) == due.earned
    finally:
        clock.hand(time.time)
