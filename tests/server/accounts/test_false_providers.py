"""What a provider of OpenID Connect, or whoever would be taken for it, is not believed."""

import logging
import re

import provider_at_hand
import pytest
from provider_at_hand import account, linked, signs_in, stranger, there_and_back, who

process, provider = provider_at_hand.process, provider_at_hand.provider  # fixtures


LIES = ["audience", "two audiences", "party", "issuer", "nonce", "over", "ahead", "long subject", "alg none", "HS256",
        "number for a subject", "secret", "signature", "changed", "kid", "no kid", "no token", "no nonce", "no exp",
        "no aud", "no iss", "no sub", "no iat", "userinfo", "client", "not JSON", "mix-up", "turned back"]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_the_providers_word_for_us_now_lets_nobody_in(sqlite, provider, lie, caplog):
    from server.accounts.models import Account

    linked(provider, account(role="administrator"))
    provider.set(default_role="fabmanager")
    provider.knows(sub="1", lie=lie)
    browser = stranger()
    with caplog.at_level(logging.DEBUG):
        answer = signs_in(browser)
    assert answer.status_code == 403, lie
    page = answer.content.decode()
    assert "0900" not in re.sub(r' value="[^"]*"', "", page), "what a stranger has it say is not ours"
    assert 'name="password"' in page
    assert who(browser) is None
    assert Account.objects.count() == 1
    said = " ".join(each.getMessage() for each in caplog.records if each.name.startswith("loquet"))
    assert "eyJ" not in said and "a secret of" not in said


@pytest.mark.parametrize("lie", ["issuer of description", "no TLS"])
def test_a_description_that_is_another_s_or_leads_off_without_tls_is_not_followed(sqlite, provider, lie):
    provider.knows(lie=lie)
    answer = stranger().get("/oidc/begin")
    assert answer.status_code == 403
    assert "not set up rightly" in answer.content.decode()


def test_a_description_may_stand_elsewhere_but_never_out_of_tls(sqlite, provider):
    linked(provider, account())
    provider.knows(lie="elsewhere")
    assert signs_in(stranger()).status_code == 302
    provider.knows(lie="out of TLS")
    assert "cannot be reached" in stranger().get("/oidc/begin").content.decode()


@pytest.mark.parametrize("what", ["keys", "token", "userinfo"])
@pytest.mark.parametrize("shows", ["basic", "post"])
def test_nobody_is_followed_from_where_keys_and_tokens_are_had(sqlite, provider, what, shows):
    linked(provider, account())
    provider.knows(lie=f"{what} elsewhere", shows=shows)
    browser = stranger()
    assert signs_in(browser).status_code == 403
    assert who(browser) is None
    assert not [each for each in provider.asked() if each.get("elsewhere", "").startswith(f"/realm/{what}")]


@pytest.mark.parametrize("shows", ["basic", "post"])
def test_the_client_shows_its_secret_as_the_provider_takes_it(sqlite, provider, shows):
    linked(provider, account())
    provider.knows(shows=shows)
    assert signs_in(stranger()).status_code == 302


def test_where_the_provider_has_one_key_its_tokens_need_not_name_it(sqlite, provider):
    linked(provider, account())
    provider.knows(lie="one key")
    assert signs_in(stranger()).status_code == 302


def test_an_honest_word_lets_in_after_all_these(sqlite, provider):
    linked(provider, account())
    browser = stranger()
    signs_in(browser)
    assert who(browser) == "lea"


def test_an_answer_is_good_once_and_in_the_browser_that_asked(sqlite, provider):
    linked(provider, account())
    mine, theirs = stranger(), stranger()
    back = there_and_back(mine)
    assert theirs.get(back, secure=True).status_code == 403, "somebody was sent another's answer"
    there_and_back(theirs)
    assert theirs.get(back, secure=True).status_code == 403
    assert mine.get(back, secure=True).status_code == 302
    mine.post("/logout")
    assert mine.get(back, secure=True).status_code == 403


@pytest.mark.parametrize("query", ["", "?code=x", "?state=y", "?code=x&state=", "?code=&state=y", "?error=x&state=y"])
def test_an_answer_that_nobody_asked_for_is_refused(sqlite, provider, query):
    answer = stranger().get(f"/oidc/callback{query}")
    assert answer.status_code == 403
    assert 'name="password"' in answer.content.decode()


def test_a_forged_cookie_and_one_that_is_old_are_believed_nothing(sqlite, provider, monkeypatch):
    import time

    linked(provider, account())
    browser = stranger()
    back = there_and_back(browser)
    real = time.time()
    with monkeypatch.context() as later:
        later.setattr("django.core.signing.time.time", lambda: real + 700)
        assert browser.get(back, secure=True).status_code == 403
    browser = stranger()
    back = there_and_back(browser)
    browser.cookies["oidc"] = browser.cookies["oidc"].value[:-2] + "xx"
    assert browser.get(back, secure=True).status_code == 403


def test_a_password_login_never_asks_the_provider(sqlite, provider):
    account()
    before = len(provider.asked())
    answer = stranger().post("/login?code=x&state=y", {"username": "lea", "password": "wrong"})
    assert answer.status_code == 422
    assert len(provider.asked()) == before
