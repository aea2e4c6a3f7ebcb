"""Who runs a workshop hears once a week what ends soon, of whom nobody else is told, and nothing where nothing does."""

import pytest
from browsing import client, do
from cast import HOME, NEIGHBOUR, STRANGER, stage
from reminding import BEGIN, reminding


@pytest.fixture
def world(database):
    with reminding() as found:
        yield found


@pytest.fixture
def lite(sqlite):
    with reminding() as found:
        yield found


def account(name, role="fabmanager", **said):
    from server.accounts.models import Account

    return Account.objects.create(username=name, role=role, **{"email": f"{name}@example.org", **said})


def to(letters):
    return sorted(each.to.partition("@")[0] for each in letters)


def test_it_says_who_what_and_when_and_who_was_not_told(world):
    world.plan(digest="weekly")
    account("zoe")
    world.member("ann", 20)
    world.member("bob", 21, email="")
    world.member("cleo", 22, letters=None)
    world.certify("ann", "laser", 19)
    world.member("dan", 31)
    world.member("eve", 20, excluded=True)
    told, digest = world.run()
    assert (told.to, digest.to) == ("ann@example.org", "zoe@example.org")
    assert digest.subject == "Saillans: what ends within the next 30 days"
    first, second = digest.body.split("tell them yourself:")
    assert first.index("- 21 Nov 2026: Ann, Laser") < first.index("- 22 Nov 2026: Ann, membership")
    assert "- 23 Nov 2026: Bob, membership (no address is known)" in second
    assert "- 24 Nov 2026: Cleo, membership (has not agreed to letters)" in second
    assert "https://example.org:8443/members/bob\n" in second and "Ann" not in second
    assert "Dan" not in digest.body and "Eve" not in digest.body


def test_it_comes_once_a_week_on_its_day_or_as_soon_as_the_server_is_on_again(world):
    world.plan(digest="weekly", weekday=2)
    account("zoe")
    world.member("ann", 30, letters=None)
    days = []
    for off in (0, 1, 1, 1, 6, 7, 1, 7):
        world.pass_days(off)
        days += [(world.today - BEGIN).days for _letter in world.run()]
    assert days == [0, 2, 9, 16, 24]


def test_what_is_switched_on_midweek_waits_for_its_day(lite):
    lite.pass_days(2)
    account("zoe")
    lite.member("ann", 30, letters=None)
    browser = client()
    do(browser, "/site/main/reminders", is_on="1", spans="30", digest="weekly", weekday="0")
    assert lite.run() == []
    lite.pass_days(5)
    assert to(lite.run()) == ["zoe"]


def test_a_day_that_a_clock_ahead_wrote_down_stops_no_digest(lite):
    lite.plan(digest="weekly", since=lite.day(3_650))
    account("zoe")
    lite.member("ann", 30, letters=None)
    assert to(lite.run()) == ["zoe"]


def test_every_day_where_that_is_wanted_and_never_where_not(lite):
    account("zoe")
    lite.member("ann", 30, letters=None)
    lite.plan(digest="never")
    assert lite.run() == []
    lite.plan(digest="daily")
    for _day in range(3):
        assert to(lite.run()) == ["zoe"]
        assert lite.run() == []
        lite.pass_days(1)


def test_where_nothing_ends_no_letter_goes_out(world):
    world.plan(digest="daily")
    account("zoe")
    world.member("ann", 31)
    assert world.run() == []


def test_it_goes_to_those_who_run_the_workshop_and_said_an_address(lite):
    lite.plan(digest="daily", to_members=False)
    lite.member("ann", 20)
    for role in ("administrator", "fabmanager", "trainer", "member"):
        account(role, role)
    account("silent", email="")
    account("closed", is_active=False)
    letters = lite.run()
    assert to(letters) == ["administrator", "fabmanager"]
    assert all("told by letter" not in each.body for each in letters), "members are told of nothing"


def test_each_reads_it_in_their_own_language(lite):
    lite.plan(digest="daily")
    lite.member("ann", 20, letters=None)
    account("zoe", language="fr")
    account("yan")
    said = {each.to[:3]: each.body for each in lite.run()}
    assert "22/11/2026" in said["zoe"] and said["zoe"].startswith("Bonjour zoe,")
    assert "22 Nov 2026" in said["yan"]


def test_a_workshop_hears_of_its_own_trainings_and_of_every_member_and_of_nothing_twice(lite):
    stage()
    for site in (HOME, NEIGHBOUR, STRANGER):
        account(f"of-{site}", site_id=site)
        lite.certify(f"p-{site}", f"t-{site}", 10)
    account("all")
    lite.member("ann", 20)
    lite.plan(HOME, digest="daily", to_members=False)
    lite.plan(NEIGHBOUR, digest="daily")
    said = {each.to.partition("@")[0]: each.body for each in lite.run()}
    assert set(said) == {"all", f"of-{HOME}", f"of-{NEIGHBOUR}"}
    for site in (HOME, NEIGHBOUR):
        mine = said[f"of-{site}"]
        assert "Ann, membership" in mine and f"course {site}" in mine
        assert not any(f"course {other}" in mine for other in {HOME, NEIGHBOUR, STRANGER} - {site})
        assert f"/site/{site}\n" in mine
    assert all(f"course {site}" in said["all"] for site in (HOME, NEIGHBOUR, STRANGER))


def test_a_workshop_beside_the_main_one_never_writes_to_members(lite):
    stage()
    lite.member("ann", 20)
    lite.plan(NEIGHBOUR, to_members=True)
    assert lite.run() == []
    lite.plan(HOME)
    assert to(lite.run()) == ["ann"]


def test_a_long_one_says_how_many_more_there_are(lite):
    from server.people.models import Member
    from server.reminders import digests

    lite.plan(digest="daily")
    account("zoe")
    Member.objects.bulk_create(
        Member(id=f"m{n:04d}", name=f"M {n:04d}", until=lite.day(20)) for n in range(digests.LISTED + 7)
    )
    (letter,) = lite.run()
    assert letter.body.count("/members/") == digests.LISTED
    assert "And 7 more, on this page:\nhttps://example.org:8443/whitelist" in letter.body


def test_several_servers_make_one(world, monkeypatch):
    from server.reminders import digests
    from server.reminders.models import Digest

    world.plan(digest="daily")
    mine = account("zoe")
    world.member("ann", 20, letters=None)
    plan = digests.Plan.objects.get()
    said = digests.summary(plan, None, world.today)
    for _server in range(2):
        digests._make(mine, plan, world.today, said)
    assert to(world.run()) == ["zoe"]
    assert Digest.objects.count() == 1


def test_a_digest_that_names_somebody_who_is_forgotten_goes_and_what_waits_is_written_anew(world):
    from server.mail.models import Letter

    world.plan(digest="daily")
    account("zoe")
    for name in ("ann", "ann-2"):
        world.member(name, 20, letters=None)
    world.run()
    Letter.objects.update(sent=world.at, due=None)
    world.pass_days(1)
    world.run()
    assert Letter.objects.count() == 2
    do(client(), "/members/ann", do="forget", sure="ann")
    assert not Letter.objects.exists()
    (letter,) = world.run()
    assert "Ann-2" in letter.body and "members/ann\n" not in letter.body


def test_the_address_is_said_on_my_account_by_those_to_whom_a_digest_may_go(sqlite):
    from server.accounts.models import Account

    browser = client("fabmanager")
    assert do(browser, "/account", do="address", email="me@example").status_code == 422
    assert do(browser, "/account", do="address", email="me@example.org").status_code == 200
    assert Account.objects.get().email == "me@example.org"
    assert 'value="me@example.org"' in browser.get("/account").content.decode()
    do(browser, "/account", do="address", email="")
    assert Account.objects.get().email == ""
    assert "Letters to you" not in client("member").get("/account").content.decode()
