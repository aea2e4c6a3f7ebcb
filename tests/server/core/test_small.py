"""A table that stays small is read once for a page, and never stale beyond it."""

from browsing import client, do, fill
from django.test.utils import CaptureQueriesContext


def test_within_one_page_a_table_is_read_once_and_afterwards_anew(sqlite):
    from django.db import connection

    from server.core import small
    from server.whitelist.models import Machine

    fill()
    with CaptureQueriesContext(connection) as asked, small.read_once():
        first = small.rows(Machine)
        assert small.rows(Machine) is first
    assert len(asked) == 1
    Machine.objects.create(id="lathe", name="Lathe")
    assert "lathe" in {each.pk for each in small.rows(Machine)}
    with small.read_once():
        assert "lathe" in {each.pk for each in small.rows(Machine)}


def test_what_a_form_changes_is_on_the_page_that_answers_it(sqlite):
    fill()
    browser = client()
    assert "Tour à bois" not in browser.get("/setup", secure=True).content.decode()
    do(browser, "/setup", do="training", name="Tour à bois")
    assert "Tour à bois" in browser.get("/setup", secure=True).content.decode()
