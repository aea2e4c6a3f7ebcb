"""What every page is wrapped in: safe headers, no NUL, an eye on the proxy, the reader's language."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation

from common.texts import LANGUAGES, spoken
from server.core import proxies

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LANGUAGE: Final = "loquet_language"
log = logging.getLogger("loquet.server")

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
        # The Back button of a shared computer shows nothing after a log-out.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def without_nul(get_response: View) -> View:
    """Refuse what holds a NUL, in path or form, in what stands there or in what that is called.

    No name has one, and not every database keeps one.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        said = [request.path]
        for form in (request.GET, request.POST, request.FILES) if request.method == "POST" else (request.GET,):
            for name, values in form.lists():
                said += [str(name), *map(str, values)]
        if any("\0" in each for each in said):
            return HttpResponse("400", status=400, content_type="text/plain")
        return get_response(request)

    return middleware


def through_a_proxy(get_response: View) -> View:
    """Say in the log what a proxy in front of the server does not pass, once each: forms show it."""
    said: set[str] = set()

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST":
            for trouble in (proxies.form_trouble(request), proxies.address_trouble(request)):
                if trouble is not None and trouble.template not in said:
                    said.add(trouble.template)
                    log.warning("%s", trouble)
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
