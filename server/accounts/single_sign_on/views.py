"""The way to the provider and back. What is begun is in a signed cookie: strangers fill no table with it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.contrib.auth import login
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django_otp import devices_for_user
from django_otp import login as otp_login
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from common.texts import N_, _, translate
from server.accounts import invitations
from server.accounts.models import Account, AuditRecord, Identity
from server.accounts.single_sign_on import entering, provider
from server.accounts.single_sign_on.provider import SignInError
from server.core import forms
from server.core.configuration import SecondFactor
from server.core.rendering import page, refused
from server.core.views import not_found

COOKIE: Final = "oidc"
PATH: Final = "/oidc/"
AGE_S: Final = 600  # for which somebody may be at the provider's
SIGNED_IN: Final = "signed_in_by_provider"  # of a session
LINKS: Final = "links_account"  # of a session: whoever has it has just typed their password
OLD: Final = N_("This sign-in was begun in another browser, or more than ten minutes ago. Begin again.")


class Begun(SessionStore):
    """What this browser has begun at the provider's: as a session, but in a signed cookie, and for ten minutes."""

    def get_session_cookie_age(self) -> int:
        """Return for how many seconds it is believed."""
        return AGE_S


def begin(request: HttpRequest) -> HttpResponseBase:
    """Send somebody to the provider. Nothing is changed by it."""
    if not provider.is_on():
        return not_found(request, Exception())
    try:
        answer: HttpResponseBase = _Begin.as_view()(request)
    except SignInError as error:
        return _no(request, translate(error))
    return answer


def callback(request: HttpRequest) -> HttpResponseBase:
    """Let in whoever comes back from the provider, or say kindly why not."""
    if not provider.is_on():
        return not_found(request, Exception())
    try:
        _hold_to_rules(request)
        answer: HttpResponseBase = _Callback.as_view()(request)
    except SignInError as error:
        answer = _no(request, translate(error))
    except SuspiciousOperation:
        answer = _no(request, _(OLD))
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


def _hold_to_rules(request: HttpRequest) -> None:
    """Refuse an answer that lets nobody in. Raises SignInError."""
    ours = provider.settings()
    # Never what else is said there: it would be a stranger's sentence on our page.
    if request.GET.get("error"):
        raise SignInError(N_("{name} did not let you in, or you turned back there."), name=ours.name)
    # Another provider's answer, brought to us as ours (RFC 9207).
    if request.GET.get("iss", ours.issuer) != ours.issuer or not request.GET.get("code"):
        raise SignInError(OLD)


def left(request: HttpRequest) -> HttpResponse:
    """Show that somebody is logged out here, and how to be there as well: a shared computer is left to others."""
    if not provider.is_on():
        return HttpResponseRedirect("/login")
    ours, end = provider.settings(), provider.known_end_of_session()
    back = {"client_id": ours.client_id, "post_logout_redirect_uri": request.build_absolute_uri("/login")}
    to = f"{end}{'&' if '?' in end else '?'}{urlencode(back)}" if end else ""
    return page(request, "accounts/left.html", to=to, provider=ours.name)


def _no(request: HttpRequest, why: str) -> HttpResponse:
    """Refuse, and leave the way in by password open."""
    if request.user.is_authenticated:
        return refused(request, why)
    return page(request, "accounts/login.html", 403, wrong=why, next="/", empty=False, provider=entering.greeting())


class _Begin(OIDCAuthenticationRequestView):  # type: ignore[misc]  # the library carries no types
    get_settings = staticmethod(provider.setting)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        session, begun = request.session, Begun(request.COOKIES.get(COOKIE, ""))
        purpose = _purpose(request)
        request.session = begun
        try:
            answer: HttpResponseBase = super().get(request)
        finally:
            request.session = session
        begun[entering.PURPOSE] = purpose
        begun.save()
        answer.set_cookie(
            COOKIE, begun.session_key or "", max_age=AGE_S, secure=True, httponly=True, samesite="Lax", path=PATH
        )
        return answer


def _purpose(request: HttpRequest) -> str:
    """Return what somebody is to be linked with: their account, or the invitation that they opened."""
    if request.path.startswith(invitations.PATH):
        # Set once they have said so: a page elsewhere that sends them here links nobody.
        word = request.get_signed_cookie(invitations.AGREED, default="", max_age=invitations.COOKIE_S)
        return f"invitation:{invitations.digest(word or '')}"
    if request.GET.get("for") == "account" and isinstance(request.user, Account):
        return f"account:{request.user.pk}" if request.session.pop(LINKS, None) == request.user.pk else ""
    return ""


class _Callback(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # the library carries no types
    get_settings = staticmethod(provider.setting)

    def get(self, request: HttpRequest) -> HttpResponseBase:
        self._session, who = request.session, request.user.pk
        request.session = Begun(request.COOKIES.get(COOKIE, ""))
        purpose = request.session.get(entering.PURPOSE, "")
        try:
            if purpose.startswith("account:") and purpose != f"account:{who}":
                raise SignInError(OLD)
            answer: HttpResponseBase = super().get(request)
        finally:
            request.session = self._session
        return answer

    def login_failure(self) -> HttpResponseBase:
        raise SignInError(OLD)

    def login_success(self) -> HttpResponseBase:
        request, account = self.request, self.user
        to = forms.inside(request.session.get("oidc_login_next") or "/", "/")
        request.session = self._session
        login(request, account)
        request.session[SIGNED_IN] = True
        owes = Identity.objects.filter(account=account, owes_second=True).exists()
        if provider.settings().second_factor is SecondFactor.PROVIDER and not owes:
            for device in devices_for_user(account):
                otp_login(request, device)
                break
        AuditRecord.objects.create(account=account.username, what="signed_in_by_provider")
        return HttpResponseRedirect(to)
