"""Who is for one workshop sees and changes that one; controllers hear where they stand."""

from datetime import date

import pytest
from browsing import do
from cast import HOME, NEIGHBOUR, SITES, STRANGER, keeper, stage


@pytest.fixture
def three(database):
    stage()


def text(browser, path):
    answer = browser.get(path, secure=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


SHOWN = {
    "/machines": "machine {site}",
    "/devices": "at {site}",
    "/usage?month=2026-11": "/members/",
    "/whitelist": "course {site}",
}


@pytest.mark.parametrize("path", ["/machines", "/devices", "/whitelist"])
@pytest.mark.parametrize("mine", SITES)
def test_a_page_shows_what_is_of_ones_own_workshop_and_nothing_of_the_neighbours(three, path, mine):
    shown = text(keeper(mine), path)
    assert SHOWN[path].format(site=mine) in shown
    for other in {*SITES} - {mine}:
        assert SHOWN[path].format(site=other) not in shown, other


def test_who_is_for_no_one_workshop_sees_all(three):
    browser = keeper()
    for path in ("/machines", "/devices", "/whitelist"):
        assert all(SHOWN[path].format(site=site) in text(browser, path) for site in SITES)


def test_usage_counts_ones_own_sessions_alone(three):
    from server.usage.models import Session

    assert "The 3 sessions<" in text(keeper(), "/usage?month=2026-11")
    browser = keeper(NEIGHBOUR)
    assert "The session<" in text(browser, "/usage?month=2026-11")
    for session in Session.objects.all():
        status = browser.get(f"/usage/{session.pk}", secure=True).status_code
        assert status == (200 if session.site == NEIGHBOUR else 404)
    for site in (HOME, STRANGER):
        assert f"s-{site}" not in b"".join(browser.get("/usage?month=2026-11&as=csv", secure=True)).decode()


@pytest.mark.parametrize("other", [NEIGHBOUR, STRANGER])
def test_nothing_of_another_workshop_is_locked_retired_read_or_given_a_new_card(three, other):
    from server.devices.models import Device, EnrolCode
    from server.edits import rows
    from server.sites.models import Site

    browser = keeper(HOME)
    assert do(browser, "/machines", machine=f"m-{other}", do="lock", why="mine").status_code == 422
    assert not rows.get(f"machine/m-{other}").locked
    do(browser, "/devices", do="retire", device=f"d-{other}")
    assert not Device.objects.get(pk=f"d-{other}").retired
    do(browser, "/devices", do="code", device=f"d-{other}", site=other)
    assert [(code.site_id, code.replaces_id) for code in EnrolCode.objects.all()] == [(HOME, None)]
    assert browser.get(f"/devices/d-{other}/settings", secure=True).status_code == 404
    assert browser.get(f"/machines/m-{other}", secure=True).status_code == 404
    assert do(browser, f"/machines/m-{other}", do="report", note="mine").status_code == 404
    assert browser.get(f"/site/{other}", secure=True).status_code == 404
    assert do(browser, f"/site/{other}", name="mine", zone="", currency="EUR").status_code == 404
    assert Site.objects.get(pk=other).name != "mine"


def test_a_site_is_changed_on_its_page_and_that_can_be_taken_back(three):
    from server.edits import rows
    from server.edits.models import Edit

    browser = keeper()
    said = {
        "name": "Saillans",
        "zone": "Indian/Reunion",
        "currency": "eur",
        "holidays": "25/12/2026\n2026-05-01, 1.1.2027",
    }
    assert do(browser, "/site/main", **said).status_code == 302
    row = rows.get("site/main")
    assert (row.zone, row.currency) == ("Indian/Reunion", "EUR")
    assert row.holidays == (date(2026, 5, 1), date(2026, 12, 25), date(2027, 1, 1))
    assert "2026-12-25" in text(browser, "/site/main")
    do(browser, f"/history/{Edit.objects.latest('pk').pk}/undo")
    assert rows.get("site/main").zone != "Indian/Reunion"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"zone": "Mars/Olympus"}, "is not a time zone"),
        ({"zone": "../../etc/passwd"}, "is not a time zone"),
        ({"currency": "€"}, "is not a currency"),
        ({"holidays": "Christmas"}, "is not a day"),
        ({"holidays": " ".join(date.fromordinal(738_000 + n).isoformat() for n in range(401))}, "400 days at the most"),
    ],
)
def test_what_is_no_place_or_time_is_refused_with_a_sentence(three, said, wrong):
    answer = do(keeper(), "/site/main", **{"name": "x", "zone": "", "currency": "EUR", "holidays": "", **said})
    assert answer.status_code == 422
    assert wrong in answer.content.decode().replace("&#34;", '"')


def test_a_session_stays_where_it_was_when_its_controller_moves(three):
    from server.devices.models import Device
    from server.usage.sessions import make

    device = Device.objects.get(pk=f"d-{HOME}")
    Device.objects.filter(pk=device.pk).update(site_id=NEIGHBOUR)
    assert make(device, f"s-{HOME}").site == HOME


def test_a_controller_hears_of_the_workshop_in_which_it_stands_and_of_no_other():
    from protocol.rows import FIRST, Site
    from server.devices.feed import Feed, Viewer

    feed = Feed([Site(site) for site in SITES], 1)
    for site in SITES:
        sees = Viewer(frozenset(), FIRST | {"site"}, site)
        assert list(feed.whole(sees)) == [Site(site)]
        assert list(feed.whole(Viewer(frozenset(), FIRST, site))) == [], "one that does not know the kind"


# --- what is written, by whichever page ---


def author(site):
    from server.accounts.models import Account
    from server.edits.authors import Author

    return Author(account=Account.objects.create(username=f"of-{site}", role="administrator", site_id=site))


def foreign_rows(site):
    from protocol.rows import Certification, ForcedEnd, Level, Machine, Site, Training

    return [
        Machine(f"m-{site}", "mine", ()),
        Training(f"t-{site}", "mine"),
        Certification(f"p-{HOME}", f"t-{site}", Level.TRAINER),
        ForcedEnd(f"m-{site}", f"p-{site}"),
        Site(site, "mine"),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("other", [NEIGHBOUR, STRANGER])
def test_no_edit_of_one_workshops_account_changes_what_belongs_to_another(three, other, number):
    from server.edits import rows
    from server.edits.editing import carry_out

    row = foreign_rows(other)[number]
    before = rows.get(row.key)
    with pytest.raises(rows.ElsewhereError):
        carry_out(author(HOME), "test", [row])
    assert rows.get(row.key) == before
    assert carry_out(author(other), "test", [row]) is not None, "whose it is may"


def test_nothing_of_another_workshop_is_dropped_or_undone(three):
    from server.edits import rows
    from server.edits.authors import Author
    from server.edits.editing import carry_out, undo

    theirs = f"certification/p-{STRANGER}/t-{STRANGER}"
    with pytest.raises(rows.ElsewhereError):
        carry_out(author(HOME), "test", drop=[theirs])
    edit = carry_out(Author(name="test"), "test", drop=[theirs])
    with pytest.raises(rows.ElsewhereError):
        undo(author(NEIGHBOUR), edit)
    assert rows.get(theirs) is None


def test_what_belongs_to_no_workshop_alone_is_everybodys(three):
    from protocol.rows import Badge, Certification, Machine, Member, Training
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    shared = [Training("shared"), Machine(f"m-{HOME}", "", ("shared",)), Machine(f"m-{NEIGHBOUR}", "", ("shared",))]
    carry_out(Author(name="test"), "test", shared)
    mine = [Member("new", "New"), Badge("f" * 32, "new"), Certification("new", "shared"), Training("nobodys-yet")]
    assert carry_out(author(HOME), "test", mine) is not None


def test_an_exclusion_at_once_cuts_what_runs_in_ones_own_workshop(three):
    from server.edits import rows

    assert do(keeper(HOME), f"/members/p-{STRANGER}", do="exclude", now="1").status_code == 302
    assert rows.get(f"member/p-{STRANGER}").excluded
    assert {row.machine for row in rows.belonging_to("member", f"p-{STRANGER}") if row.head() == "cut"} == {f"m-{HOME}"}


def test_history_inbox_setup_explain_and_members_show_what_is_of_ones_own_workshop(three):
    from protocol.rows import Machine
    from server.devices.models import Device
    from server.edits.editing import carry_out
    from server.edits.models import Edit
    from server.inbox.models import Notice
    from server.inbox.notices import notify

    for site in SITES:
        carry_out(author(site), "locked", [Machine(f"m-{site}", f"machine {site}", (f"t-{site}",), "x")],
                  about={"machine": f"machine {site}", "why": "x"})  # fmt: skip
        notify("fault", Device.objects.get(pk=f"d-{site}"), machine=f"machine {site}", cause="smoke")
    browser = keeper(HOME)
    for path in ("/history", "/inbox", "/setup", f"/explain?member=p-{HOME}&machine=m-{HOME}"):
        shown = text(browser, path)
        assert f"machine {HOME}" in shown, path
        assert not any(f"machine {site}" in shown for site in (NEIGHBOUR, STRANGER)), path
    assert "may not use" not in text(browser, f"/explain?member=p-{HOME}&machine=m-{STRANGER}")
    theirs = Edit.objects.get(account__username=f"of-{STRANGER}")
    do(browser, f"/history/{theirs.pk}/undo")
    assert Edit.objects.get(pk=theirs.pk).undone_by is None
    do(browser, "/inbox", notice=[str(each.pk) for each in Notice.objects.all()])
    assert sorted(Notice.objects.filter(done=None).values_list("device", flat=True)) == [
        f"d-{STRANGER}",
        f"d-{NEIGHBOUR}",
    ]
    assert f"machine {STRANGER}" not in text(browser, f"/members/p-{STRANGER}")
    assert "of-far-away" not in text(browser, "/setup")
    everything = text(keeper(), "/history")
    assert all(f"machine {site}" in everything for site in SITES)


def administrator(site):
    from server.accounts.models import Account

    browser = keeper(site)
    Account.objects.filter(username=f"fabmanager-{site or 'everywhere'}").update(role="administrator")
    return browser


def test_a_workshops_administrator_makes_accounts_for_that_one_and_takes_no_backup(three):
    from server.accounts.models import Account

    browser = administrator(HOME)
    do(browser, "/accounts", username="new", role="fabmanager", site=STRANGER)
    do(browser, "/accounts", username="newer", role="fabmanager")
    assert dict(Account.objects.filter(username__startswith="new").values_list("username", "site")) == {"newer": HOME}
    author(STRANGER)
    theirs = f"/accounts/{Account.objects.get(username=f'of-{STRANGER}').pk}"
    assert browser.get(theirs, secure=True).status_code == 404
    assert do(browser, theirs, do="save", role="member").status_code == 404
    assert do(browser, theirs, do="link").status_code == 404
    assert Account.objects.get(username=f"of-{STRANGER}").role == "administrator"
    assert do(browser, "/setup", do="backup").status_code == 302
    assert "every workshop takes a backup" in text(browser, "/setup")


def test_whoever_runs_every_workshop_makes_another_and_gives_it_an_account(three):
    from server.accounts.models import Account
    from server.edits import rows

    browser = administrator(None)
    assert do(browser, "/site-new", name="Saillans").headers["location"] == "/site/saillans"
    assert rows.get("site/saillans").name == "Saillans"
    do(browser, "/accounts", username="sai", role="fabmanager", site="saillans")
    sai = Account.objects.get(username="sai")
    assert sai.site_id == "saillans"
    assert do(browser, f"/accounts/{sai.pk}", do="save", role="fabmanager", site="nowhere").status_code == 422
    assert Account.objects.get(username="sai").site_id == "saillans"
    do(administrator(HOME), "/site-new", name="Mine")
    assert rows.get("site/mine") is None


def test_what_one_workshop_does_with_shared_members_and_trainings_never_stumbles_over_another(three):
    from protocol.rows import ForcedEnd, Machine, Training
    from server.edits import rows
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.whitelist.models import Condition

    shared = [Training("shared"), *(Machine(f"m-{site}", "", ("shared",)) for site in (HOME, NEIGHBOUR))]
    cuts = [ForcedEnd(f"m-{site}", f"p-{HOME}") for site in (HOME, NEIGHBOUR)]
    theirs = [Training("insured"), Machine(f"m-{STRANGER}", "", ("insured",))]
    carry_out(Author(name="test"), "test", [*shared, *cuts, *theirs])
    Condition.objects.create(training="insured", what="insurance")
    browser = keeper(HOME)
    answer = do(browser, f"/members/p-{HOME}", do="particulars", insurance="2027-01-31")
    assert answer.status_code == 302, "what only a stranger's machine asks for follows all the same"
    assert rows.get(f"certification/p-{HOME}/insured").until == date(2027, 1, 31)
    assert do(browser, f"/whitelist/cell/p-{HOME}/shared", do="grant", level="user").status_code == 302
    assert {row.machine for row in rows.belonging_to("member", f"p-{HOME}") if row.head() == "cut"} == {
        f"m-{NEIGHBOUR}"
    }
    assert do(browser, f"/members/p-{HOME}", do="exclude").status_code == 302
    assert do(browser, f"/members/p-{HOME}", do="welcome").status_code == 302
    assert not rows.get(f"member/p-{HOME}").excluded
    assert rows.get(cuts[1].key) is not None, "the neighbour's is the neighbour's"
