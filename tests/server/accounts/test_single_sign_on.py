"""Logging in by a provider of OpenID Connect: who gets which account, with which role."""

import re

import provider_at_hand
import pytest
import requests
from browsing import PASSWORD, client, do
from provider_at_hand import account, linked, now, signs_in, stranger, there_and_back, who

process, provider = provider_at_hand.process, provider_at_hand.provider  # fixtures
PASSWORDS = "django.contrib.auth.backends.ModelBackend"

# --- off, and on ---


def test_without_settings_there_is_no_button_and_no_way(sqlite):
    browser = stranger()
    assert "/oidc/" not in browser.get("/login").content.decode()
    for path in ("/oidc/begin", "/oidc/callback?code=1&state=2", "/invitation/at-provider"):
        assert browser.get(path).status_code == 404


def test_the_whole_way_over_the_network(central, provider):
    linked(provider, account(role="trainer"))
    with requests.Session() as browser:
        browser.trust_env = False
        browser.verify = str(central.home / "data/tls.pem")
        browser.headers["Accept-Language"] = "en"
        at = f"https://{central.address}"
        page = browser.get(f"{at}/login?next=/machines", timeout=20)
        assert "Log in with Fablab" in page.text
        assert 'href="/oidc/begin?next=/machines"' in page.text
        there = browser.get(f"{at}/oidc/begin?next=/machines", timeout=20)
        assert there.url == f"{at}/machines"
        assert there.status_code == 200
        assert [each.status_code for each in there.history] == [302, 302, 302]
        assert "oidc" not in browser.cookies, "what was begun is over"
        form = {"csrfmiddlewaretoken": there.text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]}
        left = browser.post(f"{at}/logout", form, headers={"Origin": at, "Referer": at}, timeout=20)
        assert left.url == f"{at}/oidc/left"
        assert f"{provider.issuer}/logout?client_id=loquet&amp;post_logout_redirect_uri=" in left.text
        assert browser.get(f"{at}/machines", timeout=20).url.startswith(f"{at}/login")


def test_it_asks_with_a_challenge_a_nonce_and_a_state_that_are_new_each_time(sqlite, provider):
    for _turn in range(3):
        stranger().get("/oidc/begin")
        there_and_back(stranger())
    asked = provider.asked()[-3:]
    for name in ("state", "nonce", "code_challenge"):
        assert len({each[name] for each in asked}) == 3
    assert all(each["code_challenge_method"] == "S256" and "client_secret" not in each for each in asked)


def test_whoever_only_begins_fills_no_table(sqlite, provider):
    from everything import every_row

    before = every_row()
    for _turn in range(3):
        browser = stranger()
        there_and_back(browser)
        browser.get("/oidc/callback?code=x&state=y")
    assert every_row() == before


def test_where_the_provider_is_away_passwords_let_in_and_it_says_so(sqlite, provider):
    account()
    provider.set(issuer="http://127.0.0.1:9/realm")
    answer = stranger().get("/oidc/begin")
    assert answer.status_code == 403
    assert "cannot be reached just now" in answer.content.decode()
    assert 'name="password"' in answer.content.decode()
    assert stranger().post("/login", {"username": "lea", "password": PASSWORD}).status_code == 302


# --- whose account ---


def test_somebody_who_has_no_account_is_refused_kindly_and_none_is_made(database, provider):
    from server.accounts.models import Account

    answer = signs_in(stranger())
    assert answer.status_code == 403
    assert "no account here yet: ask an administrator" in answer.content.decode()
    assert not Account.objects.exists()


def test_newcomers_are_entered_where_the_settings_say_so(database, provider):
    from server.accounts.models import Account

    provider.set(default_role="member")
    browser = stranger()
    assert signs_in(browser)["Location"] == "/"
    made = Account.objects.get()
    assert (made.username, made.role, made.has_usable_password()) == ("lea", "member", False)
    again = stranger()
    signs_in(again)
    assert who(again) == who(browser) == "lea"
    assert Account.objects.count() == 1


def test_an_account_is_found_by_the_providers_id_and_never_by_a_name(database, provider):
    mine = account("lea", role="administrator")
    provider.set(default_role="member")
    for name in ("lea", "LEA", " lea "):
        provider.knows(sub="7", preferred_username=name, email="lea@example.org", email_verified=True)
        answer = signs_in(stranger())
        assert answer.status_code == 403
        assert "There is an account" in answer.content.decode()
    linked(provider, mine, "7")
    provider.knows(sub="7", preferred_username="renamed")
    browser = stranger()
    signs_in(browser)
    assert who(browser) == "lea"
    provider.knows(sub="8", preferred_username="lea")
    assert signs_in(stranger()).status_code == 403


@pytest.mark.parametrize(
    ("claims", "is_in"),
    [
        ({"email": "Lea@Example.org", "email_verified": True}, True),
        ({"email": "lea@example.org", "email_verified": False}, False),
        ({"email": "lea@example.org", "email_verified": "false"}, False),
        ({"email": "lea@example.org", "email_verified": "true"}, False),
        ({"email": "lea@example.org", "email_verified": 1}, False),
        ({"email": "lea@example.org"}, False),
        ({"email": "mallory@example.org", "email_verified": True}, False),
        ({"email": "", "email_verified": True}, False),
        ({"email": ["lea@example.org"], "email_verified": True}, False),
    ],
)
def test_an_invitation_is_taken_up_by_its_address_only_where_the_provider_has_verified_it(
    sqlite, provider, claims, is_in
):
    do(client(), "/accounts", username="invited", role="trainer", email="lea@example.org")
    provider.knows(sub="1", preferred_username="whoever", **claims)
    browser = stranger()
    signs_in(browser)
    assert who(browser) == ("invited" if is_in else None)
    if is_in:
        provider.knows(sub="2", preferred_username="second", **claims)
        assert signs_in(stranger()).status_code == 403, "it is used"


def test_the_word_that_an_address_is_verified_counts_for_that_address_alone(sqlite, provider):
    do(client(), "/accounts", username="invited", role="trainer", email="lea@example.org")
    provider.knows(sub="1", email="lea@example.org", userinfo={"email": "mallory@example.org", "email_verified": True})
    assert signs_in(stranger()).status_code == 403


def test_an_address_opens_no_account_that_has_a_password_already(sqlite, provider):
    mine = account("boss", role="administrator")
    do(client("administrator", "x"), f"/accounts/{mine.pk}", do="link", email="boss@example.org")
    provider.knows(sub="1", email="boss@example.org", email_verified=True)
    assert signs_in(stranger()).status_code == 403


def test_whoever_opens_an_invitation_may_come_by_the_provider_once_they_said_so(sqlite, provider):
    shown = do(client(), "/accounts", username="invited", role="trainer").content.decode()
    path = re.search(r"https://[^/]+(/invitation/[\w-]+)", shown)[1]
    browser = stranger()
    browser.get(path)
    assert signs_in(browser, "/invitation/at-provider").status_code == 403, "a page elsewhere sent them there"
    page = browser.post("/invitation", {"do": "provider", "username": "invited"}).content.decode()
    assert "/invitation/at-provider" in page
    assert signs_in(browser, "/invitation/at-provider")["Location"] == "/"
    assert who(browser) == "invited"
    assert browser.get("/invitation").status_code == 410, "it is used"
    again = stranger()
    signs_in(again)
    assert who(again) == "invited"


def test_ones_own_account_is_linked_by_whoever_has_just_typed_its_password(sqlite, provider):
    from server.accounts.models import Identity

    browser = client("trainer", "x")
    assert "what" not in signs_in(browser, "/oidc/begin?for=account").get("Location", ""), "without a password"
    assert not Identity.objects.exists()
    assert do(browser, "/account", do="link", old="wrong").status_code == 422
    page = do(browser, "/account", do="link", old=PASSWORD).content.decode()
    assert "/oidc/begin?for=account&next=/account" in page
    assert signs_in(browser, "/oidc/begin?for=account&next=/account")["Location"] == "/account"
    other = stranger()
    signs_in(other)
    assert who(other) == "trainer-x"
    do(browser, "/account", do="unlink", old=PASSWORD)
    assert not Identity.objects.exists()


def test_one_person_there_has_one_account_here(sqlite, provider):
    linked(provider, account("first"))
    browser = client("trainer", "x")
    do(browser, "/account", do="link", old=PASSWORD)
    answer = signs_in(browser, "/oidc/begin?for=account")
    assert answer.status_code == 403
    assert "one person has one account" in answer.content.decode()
    assert who(browser) == "trainer-x"


def test_an_answer_for_one_account_links_no_other_that_logged_in_meanwhile(sqlite, provider):
    from server.accounts.models import Identity

    browser = client("trainer", "x")
    do(browser, "/account", do="link", old=PASSWORD)
    back = there_and_back(browser, "/oidc/begin?for=account")
    browser.force_login(account("other"), backend=PASSWORDS)
    assert browser.get(back, secure=True).status_code == 403
    assert not Identity.objects.exists()


def test_a_closed_account_stays_out_and_is_out_at_once(sqlite, provider):
    mine = linked(provider, account(role="trainer"))
    browser = stranger()
    signs_in(browser)
    assert browser.get("/whitelist").status_code == 200
    type(mine).objects.update(is_active=False)
    assert browser.get("/whitelist")["Location"].startswith("/login")
    answer = signs_in(stranger())
    assert answer.status_code == 403
    assert "closed" in answer.content.decode()


# --- which role ---

ROLES = {"bosses": "administrator", "staff": "fabmanager", "teach": "trainer"}


@pytest.mark.parametrize(
    ("groups", "default", "role"),
    [
        (["staff", "teach", "x"], "", "fabmanager"),
        ("teach", "", "trainer"),
        (["x"], "member", "member"),
        (["teach"], "fabmanager", "fabmanager"),
        (["x"], "", None),
        ([], "by group", None),
        (None, "by group", None),
        ({"bosses": 1}, "by group", None),
        (["Bosses", "bosses "], "by group", None),
    ],
)
def test_a_role_is_what_the_groups_say_and_never_more(sqlite, provider, groups, default, role):
    account("other", role="administrator")
    mine = linked(provider, account(role="administrator"))
    provider.set(roles=ROLES, default_role=default)
    provider.knows(sub="1", groups=groups)
    answer = signs_in(stranger())
    assert answer.status_code == (302 if role else 403)
    assert now(mine).role == (role or "administrator")


def test_newcomers_by_group_are_entered_with_its_role_and_nobody_else_is(sqlite, provider):
    from server.accounts.models import Account

    provider.set(roles=ROLES, default_role="by group", groups_claim="realm_access.roles")
    provider.knows(sub="1", preferred_username="lea", realm_access={"roles": ["staff"]})
    signs_in(stranger())
    provider.knows(sub="2", preferred_username="max", realm_access={"roles": ["guests"]}, groups=["bosses"])
    assert signs_in(stranger()).status_code == 403
    assert list(Account.objects.values_list("username", "role")) == [("lea", "fabmanager")]


def test_groups_of_the_userinfo_count_where_the_token_says_none_and_no_more_than_that(sqlite, provider):
    mine = linked(provider, account(role="member"))
    provider.set(roles=ROLES)
    provider.knows(sub="1", userinfo={"groups": ["staff"]})
    signs_in(stranger())
    assert now(mine).role == "fabmanager"
    provider.knows(sub="1", groups=["teach"], userinfo={"groups": ["bosses"]})
    signs_in(stranger())
    assert now(mine).role == "trainer"


def test_the_last_administrator_is_not_lowered_by_the_providers_word(database, provider):
    mine = linked(provider, account(role="administrator"))
    provider.set(roles=ROLES)
    provider.knows(sub="1", groups=["teach"])
    answer = signs_in(stranger())
    assert answer.status_code == 403
    assert "nobody else could administer" in answer.content.decode()
    assert now(mine).role == "administrator"
    account("other", role="administrator")
    assert signs_in(stranger()).status_code == 302
    assert now(mine).role == "trainer"


def test_newcomers_are_for_the_workshop_that_the_settings_name(sqlite, provider):
    from server.accounts.models import Account

    provider.set(default_role="fabmanager", site="nowhere")
    assert signs_in(stranger()).status_code == 403
    provider.set(default_role="fabmanager", site="main")
    signs_in(stranger())
    assert Account.objects.get().site_id == "main"


# --- the second factor, and where to go ---


@pytest.mark.parametrize("asks", ["ours", "provider"])
def test_our_second_factor_is_asked_for_unless_the_provider_does(sqlite, provider, asks):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    provider.set(second_factor=asks)
    TOTPDevice.objects.create(user=linked(provider, account(role="trainer")), name="app", confirmed=True)
    browser = stranger()
    signs_in(browser)
    assert browser.get("/whitelist").status_code == (302 if asks == "ours" else 200)


@pytest.mark.parametrize("asks", ["ours", "provider"])
def test_an_invitation_steps_around_no_second_factor_that_was_kept(database, provider, asks):
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from server.accounts import invitations

    provider.set(second_factor=asks)
    mine = account(role="trainer")
    device = TOTPDevice.objects.create(user=mine, name="app", confirmed=True)
    path = f"/invitation/{invitations.make(mine)}"
    browser = stranger()
    browser.get(path)
    browser.post("/invitation", {"do": "provider", "username": "lea"})
    signs_in(browser, "/invitation/at-provider")
    assert who(browser) == "lea"
    again = stranger()
    signs_in(again)
    for each in (browser, again):
        for page in ("/whitelist", "/account"):
            assert each.get(page)["Location"].startswith("/second"), "whoever has a link may be anybody"
    by_password = stranger()
    by_password.post("/login", {"username": "lea", "password": PASSWORD})
    show(by_password, device)
    assert by_password.get("/whitelist").status_code == 200
    then = stranger()
    signs_in(then)
    assert then.get("/whitelist").status_code == 302, "it was not shown by whom the provider knows"
    show(then, device)
    assert then.get("/whitelist").status_code == 200
    later = stranger()
    signs_in(later)
    assert later.get("/whitelist").status_code == (302 if asks == "ours" else 200)


def show(browser, device):
    """Type the code that the telephone shows, as if it were the first of its kind."""
    import time

    from django_otp.oath import TOTP
    from django_otp.plugins.otp_totp.models import TOTPDevice

    TOTPDevice.objects.update(last_t=-1, throttling_failure_count=0)
    made = TOTP(device.bin_key, device.step, device.t0, device.digits)
    made.time = time.time()
    assert browser.post("/second", {"token": f"{made.token():06d}"}).status_code == 302


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere_afterwards(sqlite, provider, wanted):
    from urllib.parse import quote

    linked(provider, account())
    assert signs_in(stranger(), f"/oidc/begin?next={quote(wanted, safe='')}")["Location"] == "/"
