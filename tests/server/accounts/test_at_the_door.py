"""Who is let in: capitals and spaces forgiven, a wrong clock named, a second tab led on, a spray of names held up."""

import time

import pytest
from browsing import PASSWORD, client, do
from django.test import Client


def account(name):
    from server.accounts.models import Account

    made = Account(username=name, role="fabmanager")
    made.set_password(PASSWORD)
    made.save()
    return made


def fresh(**more):
    return Client(secure=True, headers={"host": "localhost", "accept-language": "en"}, **more)


def logs_in(browser, name, word=PASSWORD, **more):
    return browser.post("/login", {"username": name, "password": word, **more}).status_code


@pytest.mark.parametrize("typed", ["laure", "Laure", "LAURE", " laure ", "laure\t"])
def test_what_a_telephone_makes_of_a_name_is_forgiven(database, typed):
    account("laure")
    assert logs_in(fresh(), typed) == 302
    assert 'autocapitalize="none"' in fresh().get("/login").content.decode()


def test_two_accounts_that_differ_in_capitals_alone_are_each_met_by_their_own_name_and_not_made_any_more(sqlite):
    account("laure")
    account("Laure")
    assert logs_in(fresh(), "laure") == logs_in(fresh(), "Laure") == 302
    browser = client()
    answer = do(browser, "/accounts", username="lauRE", role="trainer")
    assert answer.status_code == 422
    assert "perhaps with other capitals" in answer.content.decode()


def test_no_spelling_of_a_name_gets_around_its_throttle(sqlite):
    account("anne")
    browser = fresh()
    for typed in ("anne", "Anne", "ANNE", " anne", "anNE"):
        logs_in(browser, typed, "wrong")
    assert logs_in(browser, "AnnE") == 429


def test_names_that_are_sprayed_from_one_address_are_held_up(sqlite):
    from server.accounts import throttle

    account("anne")
    known = fresh()
    assert logs_in(known, "anne") == 302
    sprayer = fresh()
    answers = [logs_in(sprayer, f"name-{number}", "wrong") for number in range(throttle.MOST + 3)]
    assert answers == [422] * throttle.MOST + [429] * 3
    assert logs_in(sprayer, "anne") == 429
    assert logs_in(fresh(REMOTE_ADDR="192.0.2.7"), "anne") == 302, "from another address"
    known.post("/logout")
    assert logs_in(known, "anne") == 302, "whoever has logged in with this browser before"
    assert logs_in(known, "name-1", "wrong") == 429, "and as nobody else"


def test_an_address_rests_for_a_quarter_of_an_hour(sqlite):
    from axes.models import AccessAttempt
    from django.utils import timezone

    from server.accounts import throttle

    account("anne")
    for number in range(throttle.MOST):
        logs_in(fresh(), f"name-{number}", "wrong")
    assert logs_in(fresh(), "anne") == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - throttle.REST)
    assert logs_in(fresh(), "anne") == 302


def test_whoever_logs_in_in_a_second_tab_is_led_on(sqlite):
    import re

    account("laure")
    browser = fresh(enforce_csrf_checks=True)
    secure = {"secure": True, "headers": {"origin": "https://localhost"}}

    def form():
        return re.search(r'csrfmiddlewaretoken" value="([^"]+)', browser.get("/login", secure=True).content.decode())[1]

    one, other = form(), form()
    said = {"username": "laure", "password": PASSWORD, "next": "/badges"}
    assert browser.post("/login", {**said, "csrfmiddlewaretoken": one}, **secure).status_code == 302
    led = browser.post("/login", {**said, "csrfmiddlewaretoken": other}, **secure)
    assert (led.status_code, led["Location"]) == (302, "/badges")
    led = browser.post("/login", {**said, "next": "//evil", "csrfmiddlewaretoken": "x" * 64}, **secure)
    assert led["Location"] == "/"
    assert fresh(enforce_csrf_checks=True).post("/login", said, **secure).status_code == 403


@pytest.mark.parametrize(("off", "said"), [(600, "10 minutes ahead"), (-3_600, "60 minutes behind"), (0, "")])
def test_a_clock_that_is_off_is_named(sqlite, off, said):
    from django_otp.oath import TOTP
    from django_otp.plugins.otp_totp.models import TOTPDevice

    browser = client()
    device = TOTPDevice.objects.create(user_id=browser.session["_auth_user_id"], name="app")
    made = TOTP(device.bin_key, device.step, device.t0, device.digits)
    made.time = time.time() + off
    answer = browser.post("/second", {"token": f"{made.token():06d}"})
    assert answer.status_code == (422 if off else 302)
    assert said in answer.content.decode()
    TOTPDevice.objects.update(throttling_failure_count=0)
    assert "of a clock" not in browser.post("/second", {"token": "abc"}).content.decode()
