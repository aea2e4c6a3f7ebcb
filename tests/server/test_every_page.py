"""Each page with one of everything: it says what it means, and asks for no whole table that grows."""

import re
from pathlib import Path

import plans
import pytest
from browsing import MORE, PAGES, client, do
from central import configuration
from everything import one_of_everything

import server
from protocol.messages import Batch, encode

TEMPLATES = sorted(Path(server.__file__).parent.glob("*/templates/*/*.html"))
# Of tables that grow with the years, not with the workshop.
GROWING = {
    "journal_entry", "usage_session", "edits_change", "edits_edit", "accounts_auditrecord", "inbox_notice",
    "journal_clockreading", "journal_gap", "upkeep_defect", "upkeep_downtime",
    "reminders_reminder", "reminders_digest", "billing_transfer", "billing_posting", "billing_statement",
}  # fmt: skip
REPR = re.compile(r"&lt;[A-Z][\w. ]*:|&lt;[\w.]+ object|object at 0x|\[\(|datetime\.|Decimal\(|&lt;bound|Undefined")
FORGETTING = "a person who is forgotten is looked for everywhere"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_page_prints_what_is_meant_for_the_program(sqlite, language):
    one_of_everything()
    browser = client("administrator", "ann")
    for path in [*PAGES, *MORE]:
        answer = browser.get(path, secure=True, headers={"accept-language": language})
        assert answer.status_code == 200, (path, answer.status_code)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        found = REPR.search(content.decode())
        assert found is None, (path, content.decode()[found.start() - 100 : found.end() + 100])


def test_the_inbox_counts_beside_its_name_what_waits_in_it(sqlite):
    from server.inbox.models import Notice

    one_of_everything()
    page = client().get("/inbox", secure=True).content.decode()
    assert f'<span class="count">{Notice.objects.filter(done=None).count()}<' in page


def test_a_page_that_takes_the_name_of_what_every_page_has_is_refused(sqlite):
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory

    from server.accounts.models import Account
    from server.core.rendering import ShadowedError, page

    request = RequestFactory().get("/inbox")
    request.user, request.session = Account(username="x", role="administrator"), SessionStore()
    for name in ("inbox_count", "account", "told", "path"):
        with pytest.raises(ShadowedError, match=name):
            page(request, "inbox/inbox.html", **{name: 1})


def test_no_template_gives_another_thing_the_name_of_what_every_page_has():
    from django.conf import settings
    from django.contrib.sessions.backends.db import SessionStore
    from django.test import RequestFactory
    from django.utils.module_loading import import_string
    from jinja2 import nodes

    from server.accounts.models import Account
    from server.core import rendering

    request = RequestFactory().get("/inbox")
    request.user, request.session = Account(username="x", role="member"), SessionStore()
    shared = {name for path in settings.PAGE_CONTEXT for name in import_string(path)(request)}
    assert "account" in shared
    environment = rendering.environment()
    assert TEMPLATES
    for path in TEMPLATES:
        parsed = environment.parse(path.read_text())
        taken = {name.name for name in parsed.find_all(nodes.Name) if name.ctx in {"store", "param"}}
        assert not taken & shared, path.name


def test_nothing_that_is_asked_reads_a_whole_table_that_grows(databases):
    """A day of the server's: every page, an upload, the reading out of it, a night's purge."""
    from django.db import connection, connections

    from server.devices.models import Device
    from server.journal import ingest, processing
    from server.operations import retention
    from server.reminders import digests, members

    databases("sqlite").fresh()
    connections.close_all()
    with plans.collected() as statements:
        one_of_everything()
        browser = client("administrator", "ann")
        statements.clear()
        for path in [*PAGES, *MORE]:
            answer = browser.get(path, secure=True)
            _read = b"".join(answer.streaming_content) if answer.streaming else answer.content
        do(browser, "/members/new", name="Cleo Marsh")
        do(browser, "/whitelist/cell/bob/laser", do="grant", level="user")
        do(browser, "/machines", machine="laser", do="lock", why="x")
        do(browser, "/inbox", notice="1")
        lines = [
            b'{"seq":5,"boot":"boot","at":9000,"entry":{"type":"clock","offset":1795000000000,"quality":"kept"}}',
            b'{"seq":6,"boot":"boot","at":9001,"entry":{"type":"granted","session":"s2","machine":"laser",'
            b'"member":"ann","badge":"%s","level":2}}' % (b"a" * 32),
            b'{"seq":7,"boot":"boot","at":9002,"entry":{"type":"ended","session":"s2","machine":"laser","why":"idle",'
            b'"powered":%d}}' % 1000,
        ]
        ingest.take(Device(pk="d-one"), ingest.read(b"\n".join([encode(Batch("e" * 16, 4, 7, 1)), *lines])))
        while processing.step():
            pass
        members.write()
        digests.make()
        retention.purge(configuration)
        assert len(statements) > 100, "what was run was heard"
        connection.ensure_connection()
        found = plans.whole_scans(connection.connection, statements, GROWING)
    assert found == {}, "\n".join(f"{plan}: {sql}" for sql, plan in found.items())


def test_a_query_that_does_is_found(sqlite):
    from django.db import connection

    connection.ensure_connection()
    for sql in (
        "select * from journal_entry where came < 5 limit 2000",
        "select * from usage_session where device_id = 'd' and boot || '' = 'b'",
        "select count(*) from inbox_notice where done_by = ''",
    ):
        assert plans.whole_scans(connection.connection, {sql}, GROWING), sql


# What a page asks of the database, each question a line of latency; members and machines have a page of many subjects,
# and of a member each kind of row is asked for.
MOST_QUERIES = {"/me": 21, "/merge": 48, "/members/": 39, "/members?id": 39, "/machines/": 26, "/machines?id": 26}


def test_no_page_asks_the_database_more_than_twenty_times(sqlite):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from server.core import state

    one_of_everything()
    state.put(state.SET_UP, "2026-11-01")
    browser = client("administrator", "ann")
    wrong = {}
    for path in [*PAGES, *MORE]:
        browser.get(path, secure=True)
        with CaptureQueriesContext(connection) as asked:
            answer = browser.get(path, secure=True)
            _read = b"".join(answer.streaming_content) if answer.streaming else answer.content
        count = sum(each["sql"].startswith(("SELECT", "INSERT", "UPDATE", "DELETE")) for each in asked)
        start = max((each for each in MOST_QUERIES if path.startswith(each)), key=len, default="")
        most = MOST_QUERIES.get(start, 20)
        if count > most:
            wrong[path] = count
    assert not wrong, wrong
