"""What every page is wrapped in: safe headers, the reader's language, who may see it, and the trace of who looked."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils import translation
from django_otp import user_has_device

from common.texts import LANGUAGES, _, spoken
from server.models import Account, Role, Trace

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LANGUAGE: Final = "loquet_language"

View = Callable[..., HttpResponseBase]


def safe(get_response: View) -> View:
    """Let pages load nothing from elsewhere and run no script of a stranger's; nothing of them is kept on the way."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def without_nul(get_response: View) -> View:
    """Refuse what holds a NUL, in path or form: no name has one, and not every database keeps one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        said = [request.path, *(value for values in dict(request.GET.lists()).values() for value in map(str, values))]
        if request.method == "POST":
            said += [value for values in dict(request.POST.lists()).values() for value in map(str, values)]
        if any("\0" in each for each in said):
            return HttpResponse("400", status=400, content_type="text/plain")
        return get_response(request)

    return middleware


def in_their_language(get_response: View) -> View:
    """Speak the language that somebody chose, else their browser's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        chosen = request.COOKIES.get(LANGUAGE) or getattr(request.user, "language", "")
        if chosen not in LANGUAGES:
            chosen = _of_browser(request)
        with spoken(chosen), translation.override(chosen):
            response = get_response(request)
            response.headers.setdefault("Content-Language", chosen)
            return response

    return middleware


def _of_browser(request: HttpRequest) -> str:
    for part in request.headers.get("Accept-Language", "").split(","):
        code = part.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "en"


def allowed(role: Role) -> Callable[[View], View]:
    """Open a page to accounts that may do what this role may, once they have shown their second factor."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
            account = request.user
            if not isinstance(account, Account):
                return _redirect(request, f"/login?next={quote(request.get_full_path())}")
            if user_has_device(account) and not account.is_verified():  # type: ignore[attr-defined]
                return _redirect(request, f"/second?next={quote(request.get_full_path())}")
            if not account.may(role):
                return refused(request, _("Your account may not open this page; ask an administrator."))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _redirect(request: HttpRequest, to: str) -> HttpResponse:
    """Send to another page; a part of a page that HTMX asked for sends the whole of it."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = to.partition("?")[0]
        return response
    return HttpResponseRedirect(to)


def looked(request: HttpRequest, what: str, about: str = "") -> None:
    """Leave a trace: somebody looked at somebody's data."""
    Trace.objects.create(account=request.user.get_username(), what=what, about=about[:300])


def refused(request: HttpRequest, why: str, status: int = 403) -> HttpResponse:
    """Say no, kindly, and where to go."""
    from server.pages.rendering import page  # noqa: PLC0415 - it needs Django's applications

    return page(request, "refused.html", status, why=why)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return that a form came from elsewhere, or was too old."""
    return refused(request, _("This form was open for too long, or came from another page. Go back and try again."))


def locked_out(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:  # noqa: ANN401 - axes's signature
    """Return that somebody tried too often."""
    return refused(request, _("Too many wrong passwords. Wait for a quarter of an hour, or ask an administrator."), 429)
