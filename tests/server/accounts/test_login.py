"""Passwords, throttling, the second factor."""

from browsing import PASSWORD, client, do
from django.test import Client


def test_logins_are_throttled_and_let_in_again_from_the_shell(sqlite):
    from click.testing import CliRunner

    from server.accounts.models import Account
    from server.commands.begin import recover

    account = Account(username="anne", role="administrator")
    account.set_password(PASSWORD)
    account.save()
    browser = Client()
    for _try in range(5):
        browser.post("/login", {"username": "anne", "password": "wrong"}, secure=True)
    assert browser.post("/login", {"username": "anne", "password": PASSWORD}, secure=True).status_code == 429
    said = CliRunner().invoke(recover, ["anne"]).output
    word = said.split()[-1]
    assert browser.post("/login", {"username": "anne", "password": word}, secure=True).status_code == 302


def test_a_second_factor_is_asked_for_once_it_is_set_up(sqlite):
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from server.accounts.models import Account

    browser = client()
    do(browser, "/account", do="begin", old=PASSWORD)
    device = TOTPDevice.objects.get()
    code = f"{totp(device.bin_key):06d}"
    page = do(browser, "/account", do="confirm", token=code).content.decode()
    paper = page.split("<li><code>")[1].split("</code>")[0]
    other = Client()
    other.force_login(Account.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    assert other.get("/whitelist", secure=True).headers["Location"].startswith("/second")
    assert other.post("/second", {"token": "000000", "next": "/whitelist"}, secure=True).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0)
    from django_otp.plugins.otp_static.models import StaticDevice

    StaticDevice.objects.update(throttling_failure_count=0)
    assert other.post("/second", {"token": paper, "next": "/whitelist"}, secure=True).status_code == 302
    assert other.get("/whitelist", secure=True).status_code == 200
