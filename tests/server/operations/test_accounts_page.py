"""Accounts at a glance: who has which role, who may change it, and that somebody always administers."""

import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from browsing import PASSWORD, client, do
from cast import HOME, NEIGHBOUR, keeper, stage


def account(username, role="member", **said):
    from server.accounts.models import Account

    made = Account(username=username, role=role, **said)
    made.set_password(PASSWORD)
    made.save()
    return made


def now(made):
    return type(made).objects.get(pk=made.pk)


def row_of(page, name):
    """What the table says of an account, as words."""
    row = next(each for each in page.split("<tr>") if f">{name}</a>" in each)
    return re.sub(r"<[^>]+>", " ", row.split("</tr>")[0]).split()


def text(browser, path="/accounts"):
    return browser.get(path, secure=True).content.decode()


def test_role_member_second_factor_and_way_in_are_seen_at_a_glance(database):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from protocol.rows import Member
    from server.accounts.models import Identity
    from server.core import clock
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "demo", [Member("ann", "Ann Fox")])
    boss = client()
    ann = account("ann.f", "trainer", member="ann", last_login=clock.now() - timedelta(days=3))
    TOTPDevice.objects.create(user=ann, name="app", confirmed=True)
    Identity.objects.create(account=ann, issuer="https://x", subject="1")
    account("bob", is_active=False)
    do(boss, "/accounts", username="cleo", role="fabmanager")
    page = text(boss)
    assert " ".join(row_of(page, "ann.f")) == "ann.f trainer Ann Fox password, and OpenID Connect yes 3 days ago"
    assert " ".join(row_of(page, "bob")) == "bob closed member password no never"
    assert re.fullmatch(r"cleo invited until .* fabmanager not yet no never", " ".join(row_of(page, "cleo")))


def test_names_are_sorted_and_found_as_people_write_them(sqlite):
    boss = client()
    for name in ("zoé", "Éric", "eric2", "anaïs", "Bob"):
        account(name)
    found = re.findall(r'<th scope="row"><a href="/accounts/\d+">([^<]+)', text(boss))
    assert found == ["administrator-", "anaïs", "Bob", "Éric", "eric2", "zoé"]
    found = re.findall(r'<th scope="row"><a href="/accounts/\d+">([^<]+)', text(boss, "/accounts?q=ERIC"))
    assert found == ["Éric", "eric2"]


def test_there_is_a_way_to_the_last_of_many_accounts(sqlite):
    from server.accounts.models import Account

    boss = client()
    Account.objects.bulk_create(Account(username=f"m{number:04d}", password="!x") for number in range(250))
    seen, path = [], "/accounts"
    while path:
        page = text(boss, path)
        found = re.findall(r'<th scope="row"><a href="/accounts/\d+">([^<]+)', page)
        assert len(found) <= 100
        seen += found
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = more and "/accounts" + more[1].replace("&amp;", "&")
    assert seen == sorted(Account.objects.values_list("username", flat=True))


def test_however_many_accounts_there_are_the_page_asks_as_often(sqlite):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    boss = client()

    def asked():
        with CaptureQueriesContext(connection) as found:
            text(boss)
        return len(found)

    few = asked()
    for number in range(30):
        account(f"m{number}", member="nobody")
    assert asked() <= few


@pytest.mark.parametrize("role", ["fabmanager", "trainer", "member"])
def test_nobody_but_an_administrator_sees_or_changes_accounts(sqlite, role):
    victim = account("victim", "administrator")
    browser = client(role)
    for path in ("/accounts", f"/accounts/{victim.pk}"):
        assert browser.get(path, secure=True).status_code == 403
    for said in ({"do": "save", "role": "member"}, {"do": "link"}, {"do": "take_back"}, {"do": "remove"}):
        assert do(browser, f"/accounts/{victim.pk}", **said).status_code == 403
    assert do(browser, "/accounts", username="new", role="administrator").status_code == 403
    assert now(victim).role == "administrator"


def test_nobody_but_an_administrator_gives_a_role(sqlite):
    from server.accounts import management
    from server.accounts.management import Wanted
    from server.accounts.models import Account, Role
    from server.core.forms import FormError

    for mine in Role:
        me = account(f"of-{mine}", mine)
        if mine is not Role.ADMINISTRATOR:
            with pytest.raises(FormError):
                management.invite(me, "new", Wanted(Role.MEMBER, None, ""))
    assert not Account.objects.filter(username="new").exists()


def test_an_administrator_of_one_workshop_invites_for_that_one_and_sees_no_other(sqlite):
    from server.accounts.models import Account

    stage()
    theirs = account("theirs", "fabmanager", site_id=NEIGHBOUR)
    everybody = account("everybody", "administrator")
    boss = keeper(HOME)
    Account.objects.filter(username=f"fabmanager-{HOME}").update(role="administrator")
    assert do(boss, "/accounts", username="mine", role="administrator", site="").status_code == 200
    assert Account.objects.get(username="mine").site_id == HOME
    page = text(boss)
    assert ">mine</a>" in page
    assert ">theirs</a>" not in page
    assert ">everybody</a>" not in page
    for other in (theirs, everybody):
        for said in ({"do": "save", "role": "member"}, {"do": "link"}, {"do": "unlink"}):
            assert do(boss, f"/accounts/{other.pk}", **said).status_code == 404
    assert do(boss, "/accounts", username="x", role="member", site=NEIGHBOUR).status_code == 422


def test_who_is_for_one_workshop_changes_no_account_of_another_by_whatever_way(sqlite):
    from server.accounts import management
    from server.accounts.management import Wanted
    from server.accounts.models import Role
    from server.core.forms import FormError

    stage()
    me = account("me", "administrator", site_id=HOME)
    for other in (account("theirs", site_id=NEIGHBOUR), account("everybody", "administrator")):
        for change in (
            lambda each: management.change(me, each, Wanted(Role.MEMBER, HOME, "")),
            lambda each: management.invite_again(me, each),
            lambda each: management.take_back(me, each),
            lambda each: management.unlink(me, each),
            lambda each: management.remove(me, each),
        ):
            with pytest.raises(FormError, match="not for your workshop"):
                change(other)


def test_an_account_is_changed_closed_and_opened(sqlite):
    from server.accounts.models import AuditRecord

    boss = client()
    mine = account("mine", "member")
    do(boss, f"/accounts/{mine.pk}", do="save", role="fabmanager")
    assert (now(mine).role, now(mine).is_active) == ("fabmanager", True)
    do(boss, f"/accounts/{mine.pk}", do="save", role="fabmanager", closed="1")
    assert not now(mine).is_active
    assert do(boss, f"/accounts/{mine.pk}", do="link").status_code == 422, "a closed account gets no link"
    do(boss, f"/accounts/{mine.pk}", do="save", role="fabmanager")
    assert now(mine).is_active
    assert AuditRecord.objects.filter(what="account", about="mine fabmanager closed").exists()


def test_ones_own_role_stays_and_so_does_the_last_administrator(sqlite):
    from server.accounts.models import Account

    boss = client()
    me = Account.objects.get()
    for said in ({"role": "member"}, {"role": "administrator", "closed": "1"}):
        answer = do(boss, f"/accounts/{me.pk}", do="save", **said)
        assert answer.status_code == 422
        assert "cannot take your own role away" in answer.content.decode()
    stage()
    answer = do(boss, f"/accounts/{me.pk}", do="save", role="administrator", site=HOME)
    assert "nobody else could administer" in answer.content.decode()
    assert (now(me).role, now(me).is_active, now(me).site_id) == ("administrator", True, None)


def test_an_administrator_who_cannot_log_in_yet_is_none_to_count_on(sqlite):
    from server.accounts.models import Account

    boss = client()
    me = Account.objects.get()
    stage()
    do(boss, "/accounts", username="second", role="administrator")
    assert "One account alone administers" in text(boss)
    assert do(boss, f"/accounts/{me.pk}", do="save", role="administrator", site=HOME).status_code == 422
    Account.objects.filter(username="second").update(password="pbkdf2")
    assert "One account alone administers" not in text(boss)
    assert do(boss, f"/accounts/{me.pk}", do="save", role="administrator", site=HOME).status_code == 302


def test_two_who_lower_each_other_at_once_leave_one_administrator(database):
    from django.db import connections

    from server.accounts.models import Account

    browsers = [client("administrator", name) for name in ("a", "b")]
    accounts = [Account.objects.get(username=f"administrator-{name}") for name in ("a", "b")]
    together, answers = threading.Barrier(2), []

    def lower(browser, other):
        together.wait()
        answers.append(do(browser, f"/accounts/{other.pk}", do="save", role="member").status_code)
        connections.close_all()

    threads = [threading.Thread(target=lower, args=pair) for pair in zip(browsers, reversed(accounts), strict=True)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert Account.objects.filter(role="administrator").count() == 1
    assert len(answers) == 2 and 302 in answers, "neither stumbled over the other"


def test_an_account_that_nobody_used_is_removed_and_no_other(sqlite):
    from server.accounts.models import Account

    boss = client()
    do(boss, "/accounts", username="wrong-name", role="member")
    gone = Account.objects.get(username="wrong-name")
    assert do(boss, f"/accounts/{gone.pk}", do="remove")["Location"] == "/accounts"
    assert not Account.objects.filter(username="wrong-name").exists()
    used = account("used")
    assert do(boss, f"/accounts/{used.pk}", do="remove").status_code == 422
    assert now(used)


def test_from_a_members_page_they_are_invited_with_all_that_is_known(sqlite):
    from protocol.rows import Member
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.people.models import Particulars

    carry_out(Author(name="test"), "demo", [Member("ann", "Ann Fox")])
    Particulars.objects.create(pk="ann", email="ann@example.org")
    boss = client()
    assert 'action="/members-invite"' in text(boss, "/members/ann")
    assert 'action="/members-invite"' in text(client("fabmanager"), "/members/ann")
    form = text(boss, "/accounts?member=ann")
    for value in ("Ann Fox", "Ann Fox (ann)", "ann@example.org"):
        assert f'value="{value}"' in form
    do(boss, "/accounts", username="Ann Fox", role="member", member="Ann Fox (ann)")
    assert ">Ann Fox</a>" in text(boss, "/members/ann")
    assert "/accounts?member" not in text(boss, "/members/ann")


def test_the_link_goes_by_mail_where_that_is_on_and_says_so(database, monkeypatch):
    import msgspec
    from django.conf import settings

    from server.mail.models import Letter

    boss = client()
    shown = do(boss, "/accounts", username="one", role="member", email="one@example.org").content.decode()
    assert "Give it to one" in shown
    assert not Letter.objects.exists()
    mail = msgspec.structs.replace(settings.LOQUET.mail, host="mail.example.org", sender="w@example.org")
    monkeypatch.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, mail=mail))
    shown = do(boss, "/accounts", username="two", role="member", email="two@example.org").content.decode()
    assert "It goes to two@example.org" in shown
    letter = Letter.objects.get()
    assert re.search(r"/invitation/[\w-]+", shown)[0] in letter.body
    assert (letter.to, letter.passing) == ("two@example.org", True)
    assert do(boss, "/accounts", username="three", role="member", email="no address").status_code == 422


# --- what each role may do ---


def guarded(patterns=None, before=""):
    """Every page that a guard stands before, with the role to which it opens."""
    from django.urls import get_resolver

    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from guarded(each.url_patterns, route)
        elif role := getattr(each.callback, "opens_to", None):
            yield route, role


def test_every_guarded_page_is_in_the_table_of_what_each_role_may_do():
    from server.operations import abilities

    heads = {path.split("/")[1] for _text, *paths in abilities.PAGES for path in paths}
    assert {route.split("/")[0] for route, _role in guarded()} <= heads
    for sentence, *paths in abilities.PAGES:
        assert len({abilities.opens_to(path) for path in paths}) == 1, sentence


def test_the_table_says_what_the_pages_do(sqlite):
    from server.accounts.models import Role
    from server.operations import abilities

    table = dict(abilities.table())
    for role, place in zip(Role, range(4), strict=True):
        browser = client(role.value, "x")
        for sentence, path, *_more in abilities.PAGES:
            if path != "/machines/x":
                opened = browser.get(path, secure=True).status_code in {200, 302, 405}
                assert opened == table[sentence][place], (role, path)


def test_no_text_of_these_pages_names_a_secret():
    """What shows a link shows it once: no other template has the word."""
    folder = Path(__file__).parents[3] / "server/operations/templates/operations"
    assert [each.name for each in folder.glob("*.html") if "{{ link }}" in each.read_text()] == ["invited.html"]
