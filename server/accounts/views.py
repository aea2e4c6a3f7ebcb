"""Logging in and out, the second factor, one's own password; the first visit."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib.auth import authenticate, login, logout, password_validation, update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST
from django_otp import devices_for_user, match_token
from django_otp import login as otp_login
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.errors import LoquetError
from common.texts import LANGUAGES, N_, _, translate
from server.accounts import first_visit, names, second_factor, throttle
from server.accounts.forms import FirstAccountForm, LanguageForm, LoginForm, NextForm, OwnForm, SecondForm
from server.accounts.guards import allowed
from server.accounts.models import Account, AuditRecord, Role
from server.core import configuration, forms, tls
from server.core.configuration import Certificate
from server.core.forms import FormError
from server.core.middleware import LANGUAGE
from server.core.rendering import page, refused, say
from server.core.views import locked_out
from server.front import sessions

SPARES = 8


def _next(request: HttpRequest) -> str:
    """Return where somebody wanted to go: only ever here."""
    wanted = request.GET.get("next") or NextForm.read(request)["next"]
    return forms.inside(wanted, "/")


def log_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password."""
    wrong = ""
    if request.method == "POST":
        said = LoginForm.read(request)
        username = names.meant(said["username"])
        if throttle.is_full(request, username):
            return locked_out(request)
        account = authenticate(request, username=username, password=said["password"])
        if isinstance(account, Account):
            login(request, account)
            AuditRecord.objects.create(account=username, what="logged_in")
            response = HttpResponseRedirect(_next(request))
            throttle.remember(response, account)
            return response
        wrong = _("That is not the name and the password of an account.")
    place = {"wrong": wrong, "next": _next(request), "empty": not Account.objects.exists()}
    return page(request, "accounts/login.html", 422 if wrong else 200, **place)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Log out."""
    sessions.lost(request.session.session_key)
    logout(request)
    return HttpResponseRedirect("/login")


def second(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor."""
    if not isinstance(request.user, Account):
        return HttpResponseRedirect("/login")
    wrong = ""
    if request.method == "POST":
        token = SecondForm.read(request)["token"]
        device = match_token(request.user, token)
        if device is not None:
            otp_login(request, device)
            return HttpResponseRedirect(_next(request))
        wrong = second_factor.why_not(request.user, token)
    return page(request, "accounts/second.html", 422 if wrong else 200, wrong=wrong, next=_next(request))


@allowed(Role.MEMBER)
def mine(request: HttpRequest) -> HttpResponse:
    """One's own account: password, second factor, where letters go."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    wrong = ""
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            context = _change(request, account)
        except LoquetError as error:
            wrong = translate(error)
    has = any(isinstance(each, TOTPDevice) for each in devices_for_user(account))
    return page(request, "accounts/account.html", 422 if wrong else 200, wrong=wrong, has_second=has, **context)


def _change(request: HttpRequest, account: Account) -> dict[str, Any]:
    """Do what was asked. Raises FormError."""
    said = OwnForm.read(request)
    match said["do"]:
        case "password":
            if not account.check_password(said["old"]):
                raise FormError(N_("that is not the password you have now"))
            _set_password(account, said["new"])
            update_session_auth_hash(request, account)
            say(request, _("You have a new password."))
        case "address":
            account.email = said["email"]
            account.save(update_fields=["email"])
            say(request, _("saved"))
        case _:
            return _change_second_factor(request, account, said)
    return {}


def _change_second_factor(request: HttpRequest, account: Account, said: dict[str, Any]) -> dict[str, Any]:
    """Set up a second factor, or end it. Raises FormError."""
    match said["do"]:
        case "begin":
            if not account.check_password(said["old"]):
                raise FormError(N_("that is not the password you have now"))
            TOTPDevice.objects.filter(user=account, confirmed=False).delete()
            device = TOTPDevice.objects.create(user=account, name="app", confirmed=False)
            drawn = segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=3, light="white")
            return {"drawn": drawn, "secret": device.config_url.split("secret=")[1].split("&")[0]}
        case "confirm":
            waiting = TOTPDevice.objects.filter(user=account, confirmed=False).first()
            if waiting is None or not waiting.verify_token(said["token"]):
                raise FormError("{why}", why=second_factor.why_not_confirmed(waiting, said["token"]))
            waiting.confirmed = True
            waiting.save()
            otp_login(request, waiting)
            AuditRecord.objects.create(account=account.username, what="second_factor")
            return {"spares": _spares(account)}
        case "end":
            if not account.check_password(said["old"]):
                raise FormError(N_("that is not the password you have now"))
            for each in devices_for_user(account, confirmed=None):
                each.delete()
            AuditRecord.objects.create(account=account.username, what="second_factor_ended")
    return {}


def _spares(account: Account) -> list[str]:
    """Make codes for the day on which the telephone is lost, each good once."""
    device, _made = StaticDevice.objects.get_or_create(user=account, name="paper")
    device.token_set.all().delete()
    tokens = [StaticToken.random_token() for _ in range(SPARES)]
    for token in tokens:
        device.token_set.create(token=token)
    return tokens


def _set_password(account: Account, word: str) -> None:
    try:
        password_validation.validate_password(word, account)
    except ValidationError as error:
        raise FormError("{why}", why=" ".join(error.messages)) from error
    account.set_password(word)
    account.save()


def begin(request: HttpRequest, word: str) -> HttpResponse:
    """Make the first account, once, for whoever started the server."""
    if not first_visit.fits(word):
        return refused(request, _("This link was for the first visit, and is over. Log in."), 404)
    wrong = ""
    if request.method == "POST":
        try:
            said = FirstAccountForm.read(request)
            name = said["username"]
            if not name:
                raise FormError(N_("an account has a name and a role"))
            account = Account(username=name, role=Role.ADMINISTRATOR)
            _set_password(account, said["password"])
            login(request, account, backend="django.contrib.auth.backends.ModelBackend")
            AuditRecord.objects.create(account=name, what="first_account")
            return HttpResponseRedirect("/setup")
        except LoquetError as error:
            wrong = translate(error)
    own = configuration.in_force().server.certificate is Certificate.OWN
    fingerprint = tls.fingerprint(configuration.in_force().data_dir / tls.FILE).upper() if own else ""
    shown = ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2))
    return page(request, "accounts/first.html", 422 if wrong else 200, wrong=wrong, fingerprint=shown)


def speak(request: HttpRequest) -> HttpResponse:
    """Change the language of the pages."""
    chosen = LanguageForm.read(request)["language"]
    response = HttpResponseRedirect(_next(request))
    if request.method == "POST" and chosen in LANGUAGES:
        response.set_cookie(LANGUAGE, chosen, max_age=365 * 86_400, secure=True, httponly=True, samesite="Lax")
        if isinstance(request.user, Account):
            Account.objects.filter(pk=request.user.pk).update(language=chosen)
    return response
