"""Logging in and out, the second factor, the first visit; the language of the pages."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST
from django_otp import login as otp_login
from django_otp import match_token

from common.errors import LoquetError
from common.texts import LANGUAGES, N_, _, translate
from server.accounts import first_visit, invitations, names, second_factor, throttle
from server.accounts.forms import FirstAccountForm, LanguageForm, LoginForm, NextForm, SecondForm
from server.accounts.models import Account, AuditRecord, Identity, Role
from server.accounts.single_sign_on import entering
from server.accounts.single_sign_on.views import SIGNED_IN
from server.core import configuration, forms, tls
from server.core.configuration import Certificate
from server.core.forms import FormError
from server.core.middleware import LANGUAGE
from server.core.rendering import page, refused
from server.core.views import locked_out
from server.front import sessions


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
    empty = not Account.objects.exists()
    context = {"wrong": wrong, "next": _next(request), "empty": empty, "provider": entering.greeting()}
    return page(request, "accounts/login.html", 422 if wrong else 200, **context)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """Log out; whoever came by a provider hears that they are still logged in there."""
    sessions.lost(request.session.session_key)
    came_by_provider = SIGNED_IN in request.session
    logout(request)
    return HttpResponseRedirect("/oidc/left" if came_by_provider else "/login")


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
            if SIGNED_IN in request.session:  # it was they who came by the provider
                Identity.objects.filter(account=request.user).update(owes_second=False)
            return HttpResponseRedirect(_next(request))
        wrong = second_factor.why_not(request.user, token)
    return page(request, "accounts/second.html", 422 if wrong else 200, wrong=wrong, next=_next(request))


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
            invitations.set_password(account, said["password"])
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
