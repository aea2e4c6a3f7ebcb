"""A list is gone through page by page, forward and back, and nothing of it is left out or shown twice."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WHEN = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
ORDERS = {
    "numbers": ("-pk",),
    "numbers up": ("pk",),
    "times": ("-last", "-pk"),
    "alarms": ("-is_alarm", "-last", "-pk"),
    "texts": ("is_alarm", "pk"),
}


def asked(query):
    from django.test import RequestFactory

    return RequestFactory().get(f"/list{query}")


def walk(found, order, step, query, way):
    """Follow the links of one kind from a page on; give the rows of each."""
    from server.core.paging import page_of

    for _turn in range(200):
        page = page_of(asked(query), found, *order, step=step)
        yield page
        following = getattr(page, way)
        if not following:
            return
        query = following.partition("#")[0]
    raise AssertionError("it has no end")


def test_every_way_through_a_list_meets_every_row_once(database):
    from server.core.paging import page_of
    from server.inbox.models import Notice

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=23),
        st.integers(1, 7),
        st.sampled_from(sorted(ORDERS)),
    )
    def once(rows, step, which):
        Notice.objects.all().delete()
        Notice.objects.bulk_create(
            Notice(what="x", is_alarm=alarm, last=WHEN + timedelta(seconds=late)) for alarm, late in rows
        )
        found, order = Notice.objects.all(), ORDERS[which]
        whole = [each.pk for each in found.order_by(*order)]
        forward = [each.pk for page in walk(found, order, step, "", "next") for each in page.rows]
        assert forward == whole
        back = [[each.pk for each in page.rows] for page in walk(found, order, step, "?to=end", "previous")]
        # The last that is met is the first page, shown in full.
        seen = [pk for page in reversed(back) for pk in page]
        assert list(dict.fromkeys(seen)) == whole
        assert all(len(page) == step for page in back) or len(whole) < step
        first, last = page_of(asked(""), found, *order, step=step), page_of(asked("?to=end"), found, *order, step=step)
        assert [each.pk for each in last.rows] == whole[-step:] and not last.next and not last.last
        assert not first.previous and not first.first and bool(first.next) is bool(first.last) is (len(whole) > step)

    once()


def test_what_comes_and_goes_meanwhile_moves_no_page(database):
    from server.core.paging import page_of
    from server.inbox.models import Notice

    Notice.objects.bulk_create(Notice(what=str(number)) for number in range(30))
    page = page_of(asked(""), Notice.objects.all(), "-pk", step=10)
    Notice.objects.bulk_create(Notice(what="new") for _number in range(5))
    page.rows[-1].delete()
    then = page_of(asked(page.next), Notice.objects.all(), "-pk", step=10)
    assert [each.what for each in then.rows] == [str(number) for number in range(19, 9, -1)]


def test_links_keep_what_was_asked_and_lead_to_the_list_they_are_of(sqlite):
    from server.core.paging import page_of
    from server.inbox.models import Notice

    Notice.objects.bulk_create(Notice(what=str(number)) for number in range(5))
    request = asked("?id=a%26b&q=%C3%A9&q=2&as=csv&other-from=7&mine-to=end")
    page = page_of(request, Notice.objects.all(), "-pk", step=2, name="mine")
    parts = urlsplit(page.previous)
    assert parts.fragment == "mine"
    kept = {"id": ["a&b"], "q": ["é", "2"], "other-from": ["7"]}
    assert parse_qs(parts.query) == kept | {"mine-to": [str(page.rows[0].pk)]}
    assert parse_qs(urlsplit(page.first).query) == kept


@pytest.mark.parametrize(
    "wrong",
    ["x", "-1", "~", "1~", "~1", "1~2~3", "None~1", "2026-11-20~1", "2026-11-20T12:00:00~1", f"{WHEN.isoformat()}~x",
     f"{WHEN.isoformat()}~{10**40}", "é", "%", "9" * 3000, "True~True"],
)  # fmt: skip
@pytest.mark.parametrize("word", ["from", "to"])
def test_what_is_no_place_in_a_list_leads_to_its_beginning(sqlite, word, wrong):
    from django.test import RequestFactory

    from server.core.paging import page_of
    from server.inbox.models import Notice

    Notice.objects.bulk_create(Notice(what=str(number)) for number in range(5))
    for order in (("-last", "-pk"), ("-is_alarm", "-last", "-pk")):
        page = page_of(RequestFactory().get("/", {word: wrong}), Notice.objects.all(), *order, step=2)
        assert page.is_first and len(page.rows) == 2


def test_no_page_counts_the_list_or_passes_over_its_rows(sqlite):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from server.core.paging import page_of
    from server.inbox.models import Notice

    Notice.objects.bulk_create(Notice(what=str(number)) for number in range(20))
    with CaptureQueriesContext(connection) as seen:
        for query in ("", "?from=10", "?to=10", "?to=end"):
            page_of(asked(query), Notice.objects.all(), "-pk", step=3)
    said = " ".join(each["sql"] for each in seen.captured_queries).upper()
    assert len(seen) == 4 and "COUNT(" not in said and "OFFSET" not in said
