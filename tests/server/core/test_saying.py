"""Days, moments and durations stand on pages as people say them."""

from datetime import UTC, date, datetime, timedelta

import central  # noqa: F401 - Django is up by it
import pytest
from reminding import reminding

from common.texts import spoken
from server.core import saying

TODAY = date(2026, 11, 2)


@pytest.fixture(autouse=True)
def monday():
    with reminding():
        yield


@pytest.mark.parametrize(
    ("what", "value", "english", "french"),
    [
        (saying.day_said, TODAY, "today", "aujourd'hui"),
        (saying.day_said, TODAY - timedelta(days=1), "yesterday", "hier"),
        (saying.day_said, date(2026, 11, 20), "20 November", "20 novembre"),
        (saying.day_said, date(2027, 3, 1), "1 March 2027", "1er mars 2027"),
        (saying.on_day, date(2026, 11, 20), "20 November", "le 20 novembre"),
        (saying.on_day, TODAY, "today", "aujourd'hui"),
        (saying.date_said, TODAY, "2 November", "2 novembre"),
        (saying.long_day, date(2026, 11, 3), "Tuesday 3 November", "mardi 3 novembre"),
        (saying.month_of_year, date(2026, 8, 1), "August 2026", "août 2026"),
        (saying.short_month, date(2026, 5, 1), "May", "mai"),
        (saying.duration, 42 * 60_000, "42\u00a0min", "42\u00a0min"),
        (saying.duration, (18 * 60 + 2) * 60_000, "18\u00a0h\u00a002", "18\u00a0h\u00a002"),
        (saying.hours, 1_906 * 3_600_000, "1,906\u00a0h", "1\u202f906\u00a0h"),
        (saying.when, None, "?", "?"),
        (saying.when, 10**18, "?", "?"),
    ],
)
def test_it_is_said_so(what, value, english, french):
    with spoken("en"):
        assert what(value) == english
    with spoken("fr"):
        assert what(value) == french


def test_moments_of_the_last_days_have_their_weekday():
    noon = datetime(2026, 11, 2, 11, 5, tzinfo=UTC)
    with spoken("fr"):
        assert saying.when(noon) == "12:05"
        assert saying.when(noon - timedelta(days=1)) == "hier 12:05"
        assert saying.when(noon - timedelta(days=3)) == "vendredi 12:05"
        assert saying.when(noon - timedelta(days=9)) == "24 octobre 13:05"
