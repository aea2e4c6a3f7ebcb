"""Who may open a page, and the record of who looked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from functools import wraps
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django_otp import device_classes

from common.texts import _
from server.accounts.models import Account, AuditRecord, Role
from server.core import clock, once, small
from server.core.rendering import refused, show_version
from server.front import sessions
from server.front.connections import identify
from server.front.sessions import Known

HOUR: Final = timedelta(hours=1)
View = Callable[..., HttpResponseBase]


def allowed(role: Role) -> Callable[[View], View]:
    """Open a page to accounts that may do what this role may, once they have shown their second factor."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
            account = request.user
            if not isinstance(account, Account):
                return _redirect(request, f"/login?next={quote(request.get_full_path())}")
            # A password alone opens nothing of an account that has a second factor.
            if owes_second_factor(account):
                return _redirect(request, f"/second?next={quote(request.get_full_path())}")
            identify(getattr(request, "scope", {}), f"account/{account.pk}")
            sessions.saw(request.session.session_key, Known(account.pk, account.may(Role.FABMANAGER)))
            if not account.may(role):
                return refused(request, _("Your account may not open this page; ask an administrator."))
            if request.method == "POST" and (before := once.sent_before(request)) is not None:
                return before
            with small.read_once() if request.method == "GET" else nullcontext():
                show_version(request)
                with once.forgotten_if_it_fails(request):
                    response = view(request, *args, **kwargs)
            if request.method == "POST":
                once.answered(request, response)
            return response

        guarded.opens_to = role  # type: ignore[attr-defined]  # read where the roles are explained
        return guarded

    return decorate


def owes_second_factor(account: Account) -> bool:
    """Return whether somebody has said the password of an account with a second factor, and not shown that."""
    if account.is_verified():  # type: ignore[attr-defined]  # what OTPMiddleware adds
        return False
    # Of every page: in one question for all kinds of them.
    first, *others = (kind.objects.filter(user=account, confirmed=True).values("pk") for kind in device_classes())
    return bool(first.union(*others).exists())


def _redirect(request: HttpRequest, to: str) -> HttpResponse:
    """Send to another page; a part of a page that HTMX asked for sends the whole of it."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = to.partition("?")[0]
        return response
    return HttpResponseRedirect(to)


def audit(request: HttpRequest, what: str, about: str = "", *, hourly: bool = False) -> None:
    """Record that somebody looked at somebody's data; hourly: of what refreshes itself, or comes while one types."""
    if hourly:
        mine = AuditRecord.objects.filter(at__gte=clock.now() - HOUR, account=request.user.get_username(), what=what)
        if mine.exists():
            return
    AuditRecord.objects.create(account=request.user.get_username(), what=what, about=about[:300])
