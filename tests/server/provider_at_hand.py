"""The provider of OpenID Connect in its own process, and browsers that go there and come back."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import requests
from browsing import PASSWORD
from central import configuration
from django.test import Client

HERE = Path(__file__).parent
PASSWORDS = "django.contrib.auth.backends.ModelBackend"


class AtHand:
    """The provider's process, and what the tests have it do."""

    def __init__(self, port):
        self.issuer = f"http://127.0.0.1:{port}/realm"

    def knows(self, *, lie="", userinfo=None, shows="basic", **claims):
        """Have it let in somebody of whom it says these claims. shows: how the client shows its secret."""
        from server.accounts.single_sign_on import provider

        said = {"claims": claims, "userinfo": userinfo or {}, "lie": lie, "shows": shows}
        requests.post(f"{self.issuer}/hand", json=said, timeout=5).raise_for_status()
        provider.forget()

    def asked(self):
        return requests.get(f"{self.issuer}/asked", timeout=5).json()


@pytest.fixture(scope="module")
def process():
    command = [sys.executable, str(HERE / "identity_provider.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield AtHand(int(running.stdout.readline()))
        finally:
            running.terminate()


@pytest.fixture
def provider(process, monkeypatch):
    """The provider, with our settings for it, which a test may change by `set`."""
    from django.conf import settings

    from server.core.configuration import read

    def set_up(**said):
        table = {"issuer": process.issuer, "name": "Fablab", "client_id": "loquet",
                 "client_secret": "a secret of the client's"} | said  # fmt: skip
        found = read({"oidc": table}, configuration.path).oidc
        monkeypatch.setattr(settings, "LOQUET", msgspec.structs.replace(settings.LOQUET, oidc=found))
        provider = "server.accounts.single_sign_on.backend.Provider"
        if provider not in settings.AUTHENTICATION_BACKENDS:
            backends = [*settings.AUTHENTICATION_BACKENDS, provider]
            monkeypatch.setattr(settings, "AUTHENTICATION_BACKENDS", backends)

    process.set = set_up
    set_up()
    process.knows()
    return process


def stranger(**more):
    return Client(secure=True, headers={"host": "localhost", "accept-language": "en"}, **more)


def there_and_back(browser, start="/oidc/begin"):
    """Go to the provider, and bring its answer back; return where that is asked for here."""
    begun = browser.get(start, secure=True)
    assert begun.status_code == 302, begun.content.decode()
    back = requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"]
    assert back.startswith("https://localhost/oidc/callback?")
    return back.removeprefix("https://localhost")


def signs_in(browser, start="/oidc/begin"):
    return browser.get(there_and_back(browser, start), secure=True)


def who(browser):
    from server.accounts.models import Account

    return Account.objects.filter(pk=browser.session.get("_auth_user_id", 0)).values_list("username", flat=True).first()


def account(username="lea", **said):
    from server.accounts.models import Account

    made = Account(username=username, **said)
    made.set_password(PASSWORD)
    made.save()
    return made


def linked(provider, made, subject="1"):
    from server.accounts.models import Identity

    Identity.objects.create(account=made, issuer=provider.issuer, subject=subject)
    return made


def now(made):
    return type(made).objects.get(pk=made.pk)
