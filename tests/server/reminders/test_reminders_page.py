"""A workshop's page says what is wanted, what would go out now, and how it reads."""

import html

import pytest
from browsing import client, do
from cast import HOME, NEIGHBOUR, keeper, stage
from reminding import reminding

SAID = {"is_on": "1", "spans": "60 14,3", "to_members": "1", "digest": "daily", "weekday": "4"}


@pytest.fixture
def world(sqlite):
    with reminding() as found:
        yield found


def text(browser, path="/site/main", language="en"):
    return html.unescape(browser.get(path, headers={"accept-language": language}).content.decode())


def test_it_is_off_at_first_and_says_what_would_go_out(world):
    from server.accounts.models import Account
    from server.mail.models import Letter

    world.member("ann", 20)
    world.member("bob", 20)
    world.certify("bob", "laser", 5)
    world.member("cleo", 20, letters=None)
    browser = client("fabmanager")
    page = text(browser)
    assert "What would go out now" in page and "letters to 2 members" in page
    assert "a digest to 0 fabmanagers, next on 2 Nov 2026" in page and "nobody has said an address yet" in page
    Account.objects.update(email="zoe@example.org")
    do(browser, "/site/main/reminders", **SAID)
    page = text(browser)
    assert "What goes out now" in page and "a digest to 1 fabmanager, next on" in page
    assert len(world.run()) == 3
    assert Letter.objects.count() == 3
    assert "letters to 0 members" in text(browser)


def test_what_is_said_is_kept_and_recorded(world):
    from server.accounts.models import AuditRecord
    from server.reminders.models import Plan

    browser = client("fabmanager")
    assert do(browser, "/site/main/reminders", **SAID)["Location"] == "/site/main#reminders"
    plan = Plan.objects.get()
    assert (plan.is_on, plan.spans, plan.to_members, plan.digest, plan.weekday) == (True, [60, 14, 3], True, "daily", 4)
    assert 'value="60, 14, 3"' in text(browser)
    assert AuditRecord.objects.filter(what="reminders", about="main").exists()
    do(browser, "/site/main/reminders", spans="", digest="weekly", weekday="")
    plan.refresh_from_db()
    assert (plan.is_on, plan.spans, plan.to_members, plan.weekday) == (False, [30, 7], False, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"spans": "0"}, {"spans": "366"}, {"spans": "1 2 3 4 5 6"}, {"spans": "soon"}, {"spans": "-3"}, {"spans": "٣"},
     {"spans": "9" * 5000}, {"digest": "hourly"}, {"weekday": "7"}, {"weekday": "x"}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_a_sentence(world, wrong):
    from server.reminders.models import Plan

    browser = client("fabmanager")
    do(browser, "/site/main/reminders", **{**SAID, **wrong})
    assert not Plan.objects.exists()
    assert 'role="alert"' in text(browser)


def test_what_a_colleague_changed_meanwhile_is_not_written_over(world):
    from browsing import shown

    from server.reminders.models import Plan

    browser = client("fabmanager")
    stamp = shown(browser, "/site/main")["stamp"]
    do(browser, "/site/main/reminders", **SAID, stamp=stamp)
    do(browser, "/site/main/reminders", **{**SAID, "spans": "5"}, stamp=stamp)
    assert Plan.objects.get().spans == [60, 14, 3]


def test_another_workshops_is_not_changed_and_the_main_ones_letters_are_said_on_its_own_page(world):
    from server.reminders.models import Plan

    stage()
    browser = keeper(NEIGHBOUR)
    assert do(browser, f"/site/{HOME}/reminders", **SAID).status_code == 404
    assert not Plan.objects.exists()
    said = {key: value for key, value in SAID.items() if key != "to_members"}
    assert do(browser, f"/site/{NEIGHBOUR}/reminders", **said).status_code == 302
    assert Plan.objects.get().to_members, "it is not theirs to say"
    page = text(browser, f"/site/{NEIGHBOUR}")
    assert "Members belong to all workshops" in page and 'name="to_members"' not in page
    assert do(client("trainer"), f"/site/{HOME}/reminders", **SAID).status_code == 403


@pytest.mark.parametrize(("language", "says"), [("en", "Hello Camille"), ("fr", "Bonjour Camille")])
def test_it_shows_how_the_letters_read_in_the_readers_language(world, language, says):
    assert text(client("fabmanager"), language=language).count(says) == 1


def test_where_no_mail_goes_out_or_the_links_lead_nowhere_the_page_says_so(sqlite):
    assert "name a server under [mail]" in text(client("fabmanager"))
    with reminding(hosts=()):
        assert "name the server under [server], hosts" in text(client("administrator"))


def test_members_by_the_thousand_are_found_by_their_end(databases):
    """The plans of what is asked each hour: by an index, whichever day it is."""
    import plans
    from django.db import connection, connections

    from server.people.models import Member, Particulars
    from server.reminders import digests, ending
    from server.reminders.models import Plan
    from server.whitelist.models import Certification, Training

    databases("sqlite").fresh()
    connections.close_all()
    with plans.collected() as statements, reminding() as world:
        world.plan(spans=[30, 14, 7], digest="weekly")
        Training.objects.create(id="laser", name="Laser")
        ids = [f"m{n:05d}" for n in range(20_000)]
        Member.objects.bulk_create(Member(id=each, until=world.day(n % 1_000)) for n, each in enumerate(ids))
        Certification.objects.bulk_create(
            Certification(member=each, training="laser", until=world.day(n % 700)) for n, each in enumerate(ids)
        )
        Particulars.objects.bulk_create(
            Particulars(pk=each, email="a@example.org", letters=world.today) for each in ids
        )
        statements.clear()
        plan = Plan.objects.get()
        assert len(ending.due(plan, world.today, 50)) == 50
        assert ending.count_due(plan, world.today) > 1_000
        digests.summary(plan, None, world.today)
        connection.ensure_connection()
        growing = {"people_member", "whitelist_certification", "people_particulars", "reminders_reminder"}
        found = plans.whole_scans(connection.connection, statements, growing)
    assert found == {}, "\n".join(f"{plan}: {sql}" for sql, plan in found.items())
