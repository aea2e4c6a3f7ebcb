"""What people type into a field, and what it says when it will not do."""

from datetime import date

import central
import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from common.texts import translate
from server.core.forms import DayField, Form, FormError, IdField, LineField, NumberField, TickedField, TickField

UP = central.configuration  # Django is up by then


class Asked(Form):
    name = LineField("Name", 20)
    day = DayField("Day")
    count = NumberField("Count", 1, 9)
    id = IdField("Id")
    ticked = TickedField()
    tick = TickField()


def read(**said):
    return Asked.read(RequestFactory().post("/", said))


def test_what_was_not_said_is_nothing():
    assert read() == {"name": "", "day": None, "count": None, "id": "", "ticked": [], "tick": False}


@pytest.mark.parametrize("said", ["2026-11-30", "30/11/2026", "30.11.2026"])
def test_a_day_is_read_as_people_write_it(said):
    assert read(day=said)["day"] == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "x" * 21}, "Name: 20 characters at the most"),
        ({"day": "31/02/2026"}, "Day: 31/02/2026 is not a day; write 2026-11-30 or 30/11/2026"),
        ({"count": "10"}, "Count: a number from 1 to 9 is expected"),
        ({"count": "²"}, "Count: a number from 1 to 9 is expected"),
        ({"id": "é"}, 'Id: "é" will not do; small letters, digits, hyphens and dots, 64 at the most'),
    ],
)
def test_what_will_not_do_is_a_sentence_that_names_the_field(said, why):
    with pytest.raises(FormError) as refused:
        read(**said)
    assert translate(refused.value) == why


@given(st.dictionaries(st.sampled_from(["name", "day", "count", "id", "ticked", "tick"]), st.text(max_size=40)))
def test_whatever_is_typed_only_our_error_leaves(said):
    try:
        found = read(**said)
    except FormError as error:
        assert translate(error)
    else:
        assert len(found["name"]) <= 20
        assert found["count"] is None or 1 <= found["count"] <= 9
