"""Each list that grows goes back to its beginning, by links that anybody finds; and back again to what is newest."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from browsing import client
from ids import travelled

from protocol.rows import Badge, Machine, Member

MANY = 230
START = datetime(2026, 11, 1, tzinfo=UTC)
MS = 1_793_500_000_000  # in November 2026


def put(*rows):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "demo", rows)


def fill(number):
    """One of each list's rows, called by a number."""
    from server.accounts.models import AuditRecord
    from server.devices.models import Device
    from server.edits.models import Change, Edit
    from server.inbox.models import Notice
    from server.mail.models import Letter
    from server.upkeep.models import Defect, Downtime
    from server.usage.models import Session

    word, at = f"row{number:03d}", START + timedelta(minutes=number)
    edit = Edit.objects.create(by=word, what="hours", at=at)
    Change.objects.create(version=1_000_000 + number, edit=edit, key="member/a b")
    AuditRecord.objects.create(account=word, what="x", at=at)
    Letter.objects.create(to=f"{word}@example.org", subject="x", body="x", due=None, made=at)
    Notice.objects.create(what="defect", about={"machine": word, "id": "m 1"}, last=at, at=at)
    Notice.objects.create(what="defect", about={"machine": f"done-{word}"}, last=at, at=at, done=at, done_by="x")
    Defect.objects.create(machine="m 1", place="page", note=word)
    Defect.objects.create(machine="m 1", place="page", note=f"mended-{word}", done=at, done_by="x")
    Downtime.objects.create(machine="m 1", device="d", what="lock", why=f"down-{word}", boot="b", at=number)
    device, _made = Device.objects.get_or_create(id="d", defaults={"key": "k" * 43, "sealing": "s"})
    said = {"machine": word, "member": "a b", "boot": "b", "began": 0, "quality": "kept", "ended": True}
    Session.objects.create(device=device, session=word, started=MS + number, **said)
    Session.objects.create(device=device, session=f"x{word}", started=None, **said | {"machine": f"undated-{word}"})


# Each list's page, and what its rows hold.
LISTS = {
    "history": ("/history", r"<td[^>]*>(row\d{3})</td>"),
    "traces": ("/setup/traces", r"<td[^>]*>(row\d{3})</td>"),
    "letters": ("/mail", r"(row\d{3})@example.org</td>"),
    "what waits": ("/inbox", r'class="why">A defect is reported of (row\d{3})'),
    "what is done": ("/inbox", r"</b> A defect is reported of (done-row\d{3})"),
    "defects": ("/machines?id=m%201", r'class="what">(row\d{3})</p>'),
    "mended": ("/machines?id=m%201", r"</b> (mended-row\d{3})"),
    "downtimes": ("/machines?id=m%201", r"<td[^>]*>(down-row\d{3})</td>"),
    "a member's edits": ("/members?id=a%20b", r"<b>(row\d{3})</b> "),
    "usage": ("/usage/sessions?span=month&at=2026-11-01", r"</th><td[^>]*>(row\d{3})</td>"),
    "all sessions": ("/usage/sessions?member=a+b", r"</th><td[^>]*>((?:undated-)?row\d{3})</td>"),
    "sessions without a date": ("/usage/sessions?undated=1", r"</th><td[^>]*>(undated-row\d{3})</td>"),
    "my sessions": ("/me/sessions", r"</svg></span>((?:undated-)?row\d{3})</span>"),
}  # fmt: skip


@pytest.fixture
def filled(sqlite):
    from django.db import transaction

    put(Member("a b", "Ann"), Machine("m 1", "Machine", ()))
    with transaction.atomic():
        for number in range(MANY):
            fill(number)
    return client("administrator", "a b")


def links(page):
    """The links of each list of a page, by what the list is called and what each link is."""
    navs = re.findall(r'<nav class="pages" aria-label="([^"]+)">(.*?)</nav>', page, re.DOTALL)
    return {name: dict(re.findall(r'rel="(\w+)" href="([^"]+)"', nav)) for name, nav in navs}


def gone_through(browser, path, pattern, way, start=None):
    """Follow one list's links, as a reader does who keeps to it; give its rows in the order in which they are met."""
    seen, asked, turns = [], start or path, 0
    while asked and turns < 100:
        turns += 1
        page = browser.get(travelled(asked, path), secure=True).content.decode()
        rows = re.findall(pattern, page)
        seen.append(rows)
        mine = [nav for nav in links(page).values() if way in nav and leads_on(browser, path, nav[way], pattern, rows)]
        asked = html.unescape(mine[0][way]) if mine else None
    return seen


def leads_on(browser, path, address, pattern, rows):
    """Whether a link is of the list that is gone through: it leads to other rows of it."""
    page = browser.get(travelled(html.unescape(address), path), secure=True).content.decode()
    return re.findall(pattern, page) != rows


def test_every_list_goes_back_to_its_beginning_and_returns(filled):
    for which, (path, pattern) in LISTS.items():
        seen = [each for page in gone_through(filled, path, pattern, "next") for each in page]
        assert len(seen) == len(set(seen)) and len(seen) in {MANY, 2 * MANY}, (which, len(seen))
        assert seen[0].endswith(f"row{MANY - 1:03d}") and seen[-1].endswith("row000"), (which, "the newest first")
        page = filled.get(path, secure=True).content.decode()
        last = next(
            html.unescape(nav["last"])
            for nav in links(page).values()
            if "last" in nav and leads_on(filled, path, nav["last"], pattern, re.findall(pattern, page))
        )
        back = gone_through(filled, path, pattern, "prev", last)
        assert back[0][-1].endswith("row000") and back[-1][0].endswith(f"row{MANY - 1:03d}"), which
        assert {each for page in back for each in page} == set(seen), which


def test_people_and_badges_are_gone_through_by_name_without_a_script_too(database):
    people = {f"x{number:03d}": f"{'ÉeÈ'[number % 3]}va {number:03d}" for number in range(130)}
    put(*(Member(who, name) for who, name in people.items()))
    put(*(Badge(f"{number:032x}", who) for number, who in enumerate(people)), Badge("f" * 32, "nobody"))
    browser = client()
    wanted = [people[f"x{number:03d}"] for number in range(130)]
    for path, pattern in (
        ("/whitelist?show=all&q=eva", r">([ÉeÈ]va \d{3})</a>"),
        ("/badges?q=eva", r">([ÉeÈ]va \d{3})</a></td>"),
    ):
        forward = [each for page in gone_through(browser, path, pattern, "next") for each in page]
        assert forward == wanted
        page = browser.get(path, secure=True).content.decode()
        last = html.unescape(next(nav["last"] for nav in links(page).values()))
        back = gone_through(browser, path, pattern, "prev", last)
        assert [each for page in reversed(back) for each in page][-40:] == wanted[-40:] and back[-1][0] == wanted[0]
        assert "q=eva" in last
    end = browser.get("/badges?all-to=end", secure=True).content.decode()
    assert ">nobody</a>" in end, "a badge of an id that is nobody's ends the list"
    assert ">nobody</a>" in browser.get("/badges?q=nobody", secure=True).content.decode()


def test_a_grid_that_is_scrolled_through_shows_everybody_once(database):
    people = [Member(f"x{number:03d}", f"Person {number:03d}") for number in range(130)]
    put(*people)
    browser = client()
    page = browser.get("/whitelist", secure=True).content.decode()
    seen = re.findall(r">Person (\d{3})</a>", page)
    put(Member("new", "Person 000a"))  # somebody comes meanwhile, before those that are to come
    while further := re.search(r'hx-get="(/whitelist\?[^"]*from=[^"]*)"', page):
        page = browser.get(html.unescape(further[1]), secure=True, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in page
        seen += re.findall(r">Person (\d{3})</a>", page)
    assert seen == [f"{number:03d}" for number in range(130)]


def test_everybody_of_a_month_is_on_its_page(sqlite):
    from server.devices.models import Device
    from server.usage.models import Session

    device = Device.objects.create(id="d", key="k" * 43, sealing="s")
    said = {"machine": "m", "boot": "b", "began": 0, "quality": "kept", "ended": True, "started": MS}
    Session.objects.bulk_create(
        Session(device=device, session=f"s{number}", member=f"x{number:03d}", powered=number, **said)
        for number in range(150)
    )
    browser = client()
    page = browser.get("/usage?month=2026-11", secure=True).content.decode()
    everybody = re.search(r'href="([^"]+)">All 150</a>', page)[1]
    page = browser.get(travelled(html.unescape(everybody)), secure=True).content.decode()
    shown = re.findall(r"member=x\d{3}\">(x\d{3})</a>", page)
    assert shown == [f"x{number:03d}" for number in reversed(range(150))]


def test_spares_are_gone_through_too(sqlite):
    put(*(Badge(f"{number:032x}", "drawer", "spare", blocked=True) for number in range(120)))
    pattern = r"<li><code>…([0-9a-f]{6})</code>"
    seen = [each for page in gone_through(client(), "/badges", pattern, "next") for each in page]
    assert seen == [f"{number:06x}" for number in range(120)]


def test_a_defect_that_waits_is_not_hidden_by_those_that_were_mended_since(filled):
    from server.upkeep.models import Defect

    Defect.objects.filter(done=None).exclude(note="row000").delete()
    assert 'class="what">row000<' in filled.get("/machines?id=m+1", secure=True).content.decode()


def test_a_list_that_is_on_one_page_has_no_links(sqlite):
    put(Member("x", "X"))
    browser = client()
    for path in ("/history", "/inbox", "/mail", "/badges", "/whitelist", "/members/x", "/usage", "/setup/traces"):
        assert 'class="pages"' not in browser.get(path, secure=True).content.decode(), path


def test_done_notices_are_open_where_somebody_goes_through_them(filled):
    assert 'id="done" open>' in filled.get("/inbox?done-to=end", secure=True).content.decode()
    assert 'id="done"><summary' in filled.get("/inbox", secure=True).content.decode()


def test_a_member_sees_all_sessions_of_their_own_and_none_of_others(sqlite):
    put(Member("a b", "Ann"), Member("b", "Bob"))
    fill(1)
    assert "row001" in client("member", "a b").get("/me/sessions", secure=True).content.decode()
    assert "row001" not in client("member", "b").get("/me/sessions", secure=True).content.decode()
    assert "row001" not in client("member").get("/me/sessions", secure=True).content.decode()
    assert client("trainer", "b").get("/usage/sessions", secure=True).status_code == 403


def test_a_fabmanager_of_one_workshop_sees_no_traces_of_another(sqlite):
    from server.accounts.models import Account, AuditRecord
    from server.sites.models import Site

    Site.objects.create(id="other", name="Other")
    browser = client("fabmanager")
    Account.objects.update(site="other")
    AuditRecord.objects.create(account="stranger", what="looked_usage")
    assert "stranger" not in browser.get("/setup/traces", secure=True).content.decode()
