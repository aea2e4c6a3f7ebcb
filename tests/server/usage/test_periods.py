"""Any stretch of time is looked at, and the one before it; what is spread over hours adds up to what was used."""

import re
from datetime import date, timedelta

import pytest
from browsing import client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lived_in import live

DAYS = st.dates(date(2011, 1, 1), date(2090, 12, 31))
SPANS = ["day", "week", "month", "quarter", "year"]


@given(st.sampled_from(SPANS), DAYS)
def test_periods_follow_each_other_without_a_gap(span, day):
    from server.usage.periods import around

    period = around(span, day)
    assert period.first <= day <= period.last
    assert period.before.last == period.first - timedelta(days=1) and period.after.first == period.last + timedelta(
        days=1
    )
    assert period.before.span == period.after.span == span
    assert period.begin < period.end == period.after.begin


@given(DAYS, st.integers(0, 400))
def test_a_stretch_of_ones_own_has_as_many_days_before_it(day, more):
    from server.usage.periods import asked

    last = min(day + timedelta(days=more), date(2091, 1, 1))
    period = asked({"span": "custom", "from": day.isoformat(), "to": last.isoformat()})
    assert (period.first, period.last) == (day, last)
    assert period.before.days == period.days and period.before.last == day - timedelta(days=1)
    assert asked(period.asked) == period


EDGES = st.dates(date(1999, 12, 1), date(2000, 2, 1)) | st.dates(date(2198, 1, 1), date(2201, 1, 1))
DAYS_SAID = (st.dates() | EDGES).map(lambda day: day.isoformat())
SPANS_SAID = st.sampled_from(["day", "week", "month", "quarter", "year", "custom"])
SAID = st.text(max_size=12) | DAYS_SAID | SPANS_SAID | DAYS_SAID.map(lambda day: day[:7])


@given(st.dictionaries(st.sampled_from(["span", "at", "from", "to", "month"]), SAID, max_size=5))
def test_whatever_is_asked_for_is_a_period(said):
    from server.usage.periods import asked

    period = asked(said)
    assert period.first <= period.last and period.said and period.before and period.after


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 30 * 24 * 60), st.integers(0, 3_000)), min_size=1, max_size=25))
def test_what_is_spread_over_the_week_adds_up_to_what_was_used(database, used):
    from server.devices.models import Device
    from server.usage import sums
    from server.usage.models import Session

    Session.objects.all().delete()
    device, _made = Device.objects.get_or_create(id="d", defaults={"key": "k" * 43, "sealing": "s"})
    start = 1_793_480_400_000 + 137
    said = {"device": device, "machine": "m", "boot": "b", "began": 0, "quality": "kept", "ended": True}
    Session.objects.bulk_create(
        Session(session=f"s{number}", started=start + minute * 60_000, powered=minutes * 60_000, **said)
        for number, (minute, minutes) in enumerate(used)
    )
    found = sums.hours(Session.objects.all())
    total = sum(minutes for _minute, minutes in used) * 60_000
    assert sum(found.week.values()) == sum(found.days.values()) == total
    assert all(powered >= 0 for powered in found.week.values())


@pytest.fixture
def lived(sqlite):
    return live(sessions=300, days=60)


def text(path):
    answer = client().get(path, secure=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_every_figure_opens_its_sessions(lived):
    browser = client()
    page = browser.get("/usage?span=year", secure=True).content.decode()
    counted = int(re.search(r">The (\d+) sessions<", page)[1])
    lines = re.findall(r'href="(/usage/sessions\?[^"]+machine=\w+)".*?data-label="Sessions">(\d+)<', page)
    assert sum(int(count) for _link, count in lines) == counted and len(lines) > 5
    link, count = lines[0]
    shown = browser.get(link.replace("&amp;", "&"), secure=True).content.decode()
    assert shown.count('<th scope="row"><a href="/usage/') == min(int(count), 100)


def test_a_filter_holds_for_every_figure_and_is_taken_away_by_one_click(lived):
    page = text("/usage?span=year&machine=saw")
    assert page.count('data-label="Sessions"') == 1 and ">Scie sur table" in page
    assert re.search(r'class="chip" aria-current="true" href="\?span=year&amp;at=[\d-]+" aria-label="Without', page)


@pytest.mark.parametrize("span", SPANS)
def test_each_span_has_its_pictures_and_says_what_it_is_compared_with(lived, span):
    page = text(f"/usage?span={span}")
    assert "Compare with" in page
    assert ('class="chart' in page and 'class="heat' in page) or "No session in this time" in page


def test_files_speak_the_readers_language(lived):
    browsers = {"en": client("fabmanager", "en"), "fr": client("fabmanager", "fr")}

    def sheet(of, language):
        browser = browsers[language]
        got = browser.get(f"/usage?span=year&of={of}&as=csv", secure=True, headers={"accept-language": language})
        return b"".join(got.streaming_content).decode("utf-8-sig")

    english = sheet("", "en")
    assert "own work" in english and "badge_removed" not in english and ",own," not in english
    assert "travail personnel" in sheet("", "fr") and "Découpeuse laser" in sheet("", "fr")
    lines = sheet("members", "en").splitlines()
    assert len(lines) == len({tuple(each.split(",")[:3]) for each in lines}), "a member at a machine is one row"
