"""A member sees and does what is their own, and nothing of anybody else."""

import json
import re
from datetime import date, timedelta

import pytest
from browsing import client, do, row
from django.test import Client
from lived_in import live
from reminding import reminding

from protocol.rows import Badge as BadgeRow


@pytest.fixture
def lived(sqlite):
    return live(sessions=80, days=30)


def stranger(**headers):
    return Client(secure=True, headers={"host": "localhost", "accept-language": "en", **headers})


def text(browser, path, **headers):
    answer = browser.get(path, secure=True, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def member(who="0001"):
    return client("member", who)


def test_what_one_may_use_is_what_the_latch_says(lived):
    from protocol.access import Granted, decide
    from server.whitelist.may import moment
    from server.whitelist.views.explain import list_of

    page = text(member("0005"), "/me")
    fine = set(re.findall(r'class="what[^"]*">([^<]+)<', page.split(">Not yet<")[0].split(">My machines</h2>")[1]))
    from server.whitelist.models import Machine

    known = list_of("0005")
    wanted = {
        each.name
        for each in Machine.objects.filter(locked="")
        if isinstance(decide(known, each.pk, known.badges, moment()), Granted)
    }
    assert wanted <= fine, "what opens is mine"


def test_what_is_missing_is_asked_for_once_a_day_and_stands_in_the_inbox(lived):
    from server.inbox.models import Notice

    browser = member("0005")
    page = text(browser, "/me")
    machine = re.search(r'name="machine" value="([^"]+)"', page)[1]
    for _turn in range(3):
        assert do(browser, "/me", machine=machine).status_code == 302
    (notice,) = Notice.objects.filter(what="asked")
    assert notice.count == 1 and notice.about["id"] == "0005"
    assert 'href="/members/0005"' in text(client(), "/inbox")
    assert do(browser, "/me", machine="none").status_code == 422
    assert do(browser, "/me", machine="drill").status_code == 422, "that is open to all"


def test_a_lost_badge_opens_nothing_at_once_and_only_ones_own_is_blocked(lived):
    browser = member("0003")
    mine, other = f"{3:032x}", f"{4:032x}"
    assert do(browser, "/me/badge", do="lost", hash=other).status_code == 422
    assert not row(f"badge/{other}").blocked
    assert do(browser, "/me/badge", do="lost", hash=mine).status_code == 302
    assert row(f"badge/{mine}").blocked
    assert "has lost a badge" in text(client(), "/inbox")


def tapped(hash_, machine="mill", ago=0, late=0):
    from server.core import clock
    from server.people.models import UnknownBadge

    at = clock.now() - timedelta(seconds=ago)
    tapped = int((at - timedelta(seconds=late)).timestamp() * 1000)
    UnknownBadge.objects.update_or_create(hash=hash_, defaults={"machine": machine, "at": at, "tapped": tapped})


def test_another_badge_becomes_ones_own_by_being_laid_on_a_reader(lived):
    from server.people.models import UnknownBadge

    UnknownBadge.objects.all().delete()
    browser, fresh = member("0003"), "e" * 32
    tapped(fresh, ago=30)
    assert do(browser, "/me/badge", do="take", hash=fresh).status_code == 422, (
        "nobody said that they would lay one there"
    )
    do(browser, "/me/badge", do="begin")
    assert do(browser, "/me/badge", do="take", hash=fresh).status_code == 422, "it lay there before"
    tapped(fresh)
    assert f"…{fresh[-6:]}" in text(browser, "/me/badge", **{"HX-Request": "true", "HX-Target": "fresh"})
    assert do(browser, "/me/badge", do="take", hash=fresh).status_code == 302
    assert row(f"badge/{fresh}").member == "0003" and row(f"badge/{3:032x}").blocked


def begun(who="0003"):
    from server.people.models import UnknownBadge

    UnknownBadge.objects.all().delete()
    browser = member(who)
    do(browser, "/me/badge", do="begin")
    return browser


def test_what_a_controller_tells_of_hours_later_was_not_laid_there_now(lived):
    from server.people.models import UnknownBadge

    browser = begun()
    tapped("e" * 32, late=7_200)
    assert do(browser, "/me/badge", do="take", hash="e" * 32).status_code == 422
    UnknownBadge.objects.update(tapped=None)
    assert do(browser, "/me/badge", do="take", hash="e" * 32).status_code == 422, "nobody knows when"
    tapped("e" * 32)
    assert do(browser, "/me/badge", do="take", hash="e" * 32).status_code == 302


def test_what_a_fabmanager_has_blocked_or_ended_is_not_opened_again_by_another_badge(lived):
    from server.core import clock
    from server.people.models import Badge

    mine, fresh = Badge.objects.filter(member="0003"), "e" * 32
    browser = begun()
    tapped(fresh)
    for so in ({"blocked": True}, {"blocked": False, "until": clock.today() - timedelta(days=1)}):
        mine.update(**so)
        assert do(browser, "/me/badge", do="take", hash=fresh).status_code == 422, so
    end = clock.today() + timedelta(days=9)
    mine.update(until=end)
    assert do(browser, "/me/badge", do="lost", hash=f"{3:032x}").status_code == 302
    assert do(browser, "/me/badge", do="take", hash=fresh).status_code == 302, "they have lost it themselves"
    assert row(f"badge/{fresh}").until == end, "and it ends when the one before would have"


@pytest.mark.parametrize("what", ["take", "lost"])
def test_a_badge_that_was_given_to_somebody_else_meanwhile_stays_theirs(lived, monkeypatch, what):
    from server.edits import editing
    from server.edits.authors import Author

    browser, badge = begun(), "e" * 32 if what == "take" else f"{3:032x}"
    if what == "take":
        tapped(badge)
    alone = editing.alone

    def just_before():
        monkeypatch.setattr(editing, "alone", alone)
        editing.carry_out(Author(name="boss"), "badge_given", [BadgeRow(badge, "0007")])
        return alone()

    monkeypatch.setattr(editing, "alone", just_before)
    assert do(browser, "/me/badge", do=what, hash=badge).status_code == 422
    assert row(f"badge/{badge}").member == "0007" and not row(f"badge/{badge}").blocked


def test_nothing_of_ones_own_doing_is_left_once_one_is_forgotten(lived):
    from server.edits.authors import Author
    from server.inbox.models import Notice
    from server.people.forgetting import forget
    from server.people.models import BadgeNote, Member

    name = Member.objects.get(pk="0003").name
    browser = begun()
    machine = re.search(r'name="machine" value="([^"]+)"', text(browser, "/me"))[1]
    assert do(browser, "/me", machine=machine).status_code == 302
    assert do(browser, "/me/badge", do="lost", hash=f"{3:032x}").status_code == 302
    BadgeNote.objects.update_or_create(pk=f"{3:032x}", defaults={"label": f"the card of {name}"})
    boss = client()
    assert name in text(boss, "/history") and name in text(boss, "/inbox")
    forget(Author(name="boss"), "0003")
    assert name not in text(boss, "/history") and name not in text(boss, "/inbox")
    assert not BadgeNote.objects.filter(label__contains=name).exists()
    assert not Notice.objects.filter(about__id="0003").exists()


def test_each_machine_that_one_asks_for_is_asked_for(lived):
    from server.inbox.models import Notice

    browser = member("0005")
    wanted = sorted(set(re.findall(r'name="machine" value="([^"]+)"', text(browser, "/me"))))
    assert len(wanted) > 1
    for each in [*wanted, *wanted]:
        assert do(browser, "/me", machine=each).status_code == 302
    assert sorted(Notice.objects.filter(what="asked").values_list("count", flat=True)) == [1] * len(wanted)


def test_of_two_new_badges_at_once_nobody_takes_one(lived):
    from server.people.models import UnknownBadge

    UnknownBadge.objects.all().delete()
    browser = member("0003")
    do(browser, "/me/badge", do="begin")
    tapped("e" * 32)
    tapped("d" * 32, "saw")
    assert do(browser, "/me/badge", do="take", hash="e" * 32).status_code == 422
    assert row("badge/" + "e" * 32) is None
    assert "More than one unknown badge" in text(browser, "/me/badge")


def test_ones_data_are_ones_own(lived):
    from server.people.models import Particulars
    from server.usage.models import Session

    browser = member("0001")
    got = browser.get("/me/data?as=json", secure=True)
    data = json.loads(got.content)
    assert data["member"]["id"] == "0001" and len(data["sessions"]) > 3
    Particulars.objects.update_or_create(member="0001", defaults={"letters_ended": date(2026, 3, 4)})
    ended = json.loads(browser.get("/me/data?as=json", secure=True).content)["particulars"]["letters_ended"]
    assert ended == "2026-03-04"
    assert "attachment" in got.headers["Content-Disposition"]
    assert len(data["sessions"]) == Session.objects.filter(member="0001").count()
    assert client("member").get("/me/data?as=json", secure=True).headers["Content-Type"].startswith("text/html")


def test_ones_minutes_are_the_months_and_each_session_has_its_machines_name(lived):
    page = text(member("0001"), "/me/sessions")
    assert "Découpeuse laser" in page and ">laser<" not in page
    answer = member("0002").get("/me/sessions?as=csv", secure=True)
    sheet = b"".join(answer.streaming_content).decode()
    assert "0002" in sheet and ",0001," not in sheet
    began = min(line.split(",")[9][:10] for line in sheet.splitlines()[1:] if line.split(",")[9])
    assert began in answer.headers["Content-Disposition"], "the file is called by the time that it holds: all of it"


def test_the_status_page_is_for_members_unless_the_workshop_opens_it_and_names_nobody(lived):
    from server.machines.now import shown
    from server.people.models import Member
    from server.sites.models import Site
    from server.upkeep import records
    from server.whitelist.models import Machine

    free = next(each for each in shown(Machine.objects.all()) if each.word == "free" and not each.defects)
    records.reported_here(free.machine.pk, note="Mandrin grippé", by="", member="")
    assert stranger().get("/status", secure=True).headers["Location"].startswith("/login")
    assert "Mandrin grippé" in text(member(), "/status")
    answer = do(client(), "/site", name="Atelier du Diois", zone="", currency="EUR", holidays="", status="1")
    assert answer.status_code == 302 and Site.objects.get(pk="main").is_status_public
    page = text(stranger(), "/status")
    assert "Refroidit" in page and "Découpeuse laser" in page
    assert "Mandrin grippé" not in page and "something is reported of it" in page, "whoever reports is a stranger too"
    assert not [each.name for each in Member.objects.all() if each.name in page]


def test_an_account_that_is_no_members_is_told_so(lived):
    browser = client("fabmanager")
    for path in ("/me", "/me/sessions", "/me/badge", "/me/data"):
        assert "belongs to no member yet" in text(browser, path)


# --- coming in ---


def test_a_member_is_invited_from_their_page_and_no_account_is_made_by_hand(lived):
    from server.accounts.models import Account

    boss = client("fabmanager")
    answer = do(boss, "/members-invite", member="0004")
    page = answer.content.decode()
    account = Account.objects.get(member="0004")
    assert account.role == "member" and not account.has_usable_password()
    assert 'class="qr"' in page and account.username in page
    link = re.search(r'id="link">https://[^/]+(/invitation/[^<]+)<', page)[1]
    visitor = stranger()
    visitor.get(link, secure=True)
    chosen = visitor.post(
        "/invitation", {"do": "password", "username": account.username, "password": "a long new word"},
        secure=True, headers={"origin": "https://localhost"},
    )  # fmt: skip
    assert chosen.status_code == 302
    assert "0004" in text(visitor, "/me/data")
    again = do(boss, "/members-invite", member="0004")
    assert again.status_code == 200 and Account.objects.filter(member="0004").count() == 1


def test_nobody_is_lifted_by_an_invitation_and_a_trainer_invites_nobody(lived):
    from server.accounts.models import Account

    Account.objects.create(username="root", role="administrator", member="0004")
    answer = do(client("fabmanager"), "/members-invite", member="0004")
    assert answer.status_code == 302, "their account may do more: an administrator makes its link"
    assert do(client("trainer", "0001"), "/members-invite", member="0005").status_code == 403
    assert do(client("administrator"), "/members-invite", member="nobody").status_code == 404


def with_address(who, email):
    from server.accounts.models import Account
    from server.people.models import Particulars

    Particulars.objects.update_or_create(pk=who, defaults={"email": email})
    account, _made = Account.objects.get_or_create(username=f"of-{who}", defaults={"role": "member", "member": who})
    return account


def asked_for(email):
    from server.mail.models import Letter

    browser = stranger()
    answer = browser.post("/login/link", {"email": email}, secure=True, headers={"origin": "https://localhost"})
    assert answer.status_code == 200
    return answer.content.decode(), [
        re.search(r"(/login/link/\S+)", each.body)[1] for each in Letter.objects.order_by("pk")
    ]


def come_in(path):
    """As a browser does: with the token of the form, and the origin that the page lets it send."""
    browser = Client(secure=True, enforce_csrf_checks=True, headers={"host": "localhost", "accept-language": "en"})
    looked = browser.get(path, secure=True)
    if looked.status_code != 200:
        return browser, looked
    word = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', looked.content.decode())[1]
    origin = "null" if looked.headers["Referrer-Policy"] == "no-referrer" else "https://localhost"
    return browser, browser.post(path, {"csrfmiddlewaretoken": word}, secure=True, headers={"origin": origin})


def test_a_member_comes_in_by_a_link_once(lived):
    with reminding():
        with_address("0006", "six@example.org")
        _said, links = asked_for("six@example.org")
        assert stranger().get(links[0], secure=True).status_code == 200, "a mail program looks at it first"
        browser, answer = come_in(links[0])
        assert answer.status_code == 302 and "0006" in text(browser, "/me/data")
        assert come_in(links[0])[1].status_code == 410, "it is good once"


def test_a_link_is_over_after_a_quarter_of_an_hour(lived, monkeypatch):
    import time

    with reminding():
        with_address("0006", "six@example.org")
        _said, links = asked_for("six@example.org")
        later = time.time() + 901
        monkeypatch.setattr("sesame.tokens_v2.time.time", lambda: later)
        assert come_in(links[0])[1].status_code == 410


def test_whoever_may_do_more_gets_no_link_and_a_stranger_learns_nothing(lived):
    from server.mail.models import Letter

    with reminding():
        account = with_address("0006", "six@example.org")
        type(account).objects.filter(pk=account.pk).update(role="administrator")
        said = [asked_for("six@example.org")[0], asked_for("nobody@example.org")[0]]
        assert not Letter.objects.exists()
        with_address("0007", "seven@example.org")
        said.append(asked_for("seven@example.org")[0])
        assert Letter.objects.count() == 1
        hide = re.compile(r'value="[^"]+"|v=\w+|X-CSRFToken": "[^"]+')
        assert len({hide.sub("", each) for each in said}) == 1


def test_a_letter_goes_to_the_address_that_the_workshop_has_and_to_none_that_looks_like_it(database):
    """A database may take "ı" for "i", and a stranger owns the mailbox of the other one."""
    from server.mail.models import Letter

    live(sessions=5, days=5)
    with reminding():
        with_address("0006", "mike@github.org")
        for each in ("m\u0131ke@github.org", "mike@g\u0131thub.org", "MIKE@GitHub.org"):
            asked_for(each)
        assert {each.to for each in Letter.objects.all()} == {"mike@github.org"}


def test_a_mailbox_is_not_flooded(lived):
    from server.mail.models import Letter

    with reminding():
        with_address("0006", "six@example.org")
        for _turn in range(9):
            asked_for("six@example.org")
        assert Letter.objects.count() == 5


@pytest.mark.parametrize("token", ["x", "AAAA" * 20, "é", "%00", "..%2F"])
def test_a_link_that_is_none_lets_nobody_in(lived, token):
    assert stranger().get(f"/login/link/{token}", secure=True).status_code in {400, 404, 410}
