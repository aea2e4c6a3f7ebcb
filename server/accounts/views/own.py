"""One's own account: password, second factor, whom the provider means by it, where letters go."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django_otp import devices_for_user
from django_otp import login as otp_login
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import invitations, second_factor
from server.accounts.forms import OwnForm
from server.accounts.guards import allowed
from server.accounts.models import Account, AuditRecord, Identity, Role
from server.accounts.single_sign_on import provider
from server.accounts.single_sign_on.views import LINKS
from server.core.forms import FormError
from server.core.rendering import page, say

SPARES = 8


@allowed(Role.MEMBER)
def mine(request: HttpRequest) -> HttpResponse:
    """One's own account: password, second factor, whom the provider means by it."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    wrong = ""
    more: dict[str, Any] = {}
    if request.method == "POST":
        try:
            more = _change(request, account)
        except LoquetError as error:
            wrong = translate(error)
    context: dict[str, Any] = {
        "wrong": wrong,
        "has_password": account.has_usable_password(),
        "has_second": any(isinstance(each, TOTPDevice) for each in devices_for_user(account)),
        "provider": provider.settings().name if provider.is_on() else "",
        "is_linked": Identity.objects.filter(account=account).exists(),
    }
    return page(request, "accounts/account.html", 422 if wrong else 200, **context, **more)


def _change(request: HttpRequest, account: Account) -> dict[str, Any]:
    """Do what was asked; return what the page shows of it. Raises FormError."""
    said = OwnForm.read(request)
    if said["do"] not in {"confirm", "address"} and not account.check_password(said["old"]):
        raise FormError(N_("that is not the password you have now"))
    match said["do"]:
        case "password":
            invitations.set_password(account, said["new"])
            update_session_auth_hash(request, account)
            say(request, _("You have a new password."))
        case "begin":
            return _begin_second_factor(account)
        case "confirm":
            return _confirm_second_factor(request, account, said["token"])
        case "end":
            for each in devices_for_user(account, confirmed=None):
                each.delete()
            AuditRecord.objects.create(account=account.username, what="second_factor_ended")
        case "address":
            account.email = said["email"]
            account.save(update_fields=["email"])
            say(request, _("saved"))
        case "link":
            # The way there begins with a link that they press: pages send no form to another server.
            request.session[LINKS] = account.pk
            return {"goes_on": True}
        case "unlink":
            Identity.objects.filter(account=account).delete()
            AuditRecord.objects.create(account=account.username, what="unlinked", about=account.username)
    return {}


def _begin_second_factor(account: Account) -> dict[str, Any]:
    TOTPDevice.objects.filter(user=account, confirmed=False).delete()
    device = TOTPDevice.objects.create(user=account, name="app", confirmed=False)
    drawn = segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=3, light="white")
    return {"drawn": drawn, "secret": device.config_url.split("secret=")[1].split("&")[0]}


def _confirm_second_factor(request: HttpRequest, account: Account, token: str) -> dict[str, Any]:
    """Ask for it from now on. Raises FormError."""
    waiting = TOTPDevice.objects.filter(user=account, confirmed=False).first()
    if waiting is None or not waiting.verify_token(token):
        raise FormError("{why}", why=second_factor.why_not_confirmed(waiting, token))
    waiting.confirmed = True
    waiting.save()
    otp_login(request, waiting)
    AuditRecord.objects.create(account=account.username, what="second_factor")
    return {"spares": _spares(account)}


def _spares(account: Account) -> list[str]:
    """Make codes for the day on which the telephone is lost, each good once."""
    device, _made = StaticDevice.objects.get_or_create(user=account, name="paper")
    device.token_set.all().delete()
    tokens = [StaticToken.random_token() for _ in range(SPARES)]
    for token in tokens:
        device.token_set.create(token=token)
    return tokens
