"""What a reverse proxy in front of the server has to pass, and what to say where it does not.

With `certificate = "proxy"` scheme, name and client of a request are what the proxy's headers say. Where these are
missing no form is taken, or everybody has the proxy's address; `docs/server.md` has the lines that pass them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.http import HttpRequest

from common.errors import LoquetError
from common.texts import N_
from server.core import configuration
from server.core.configuration import Certificate

PROTO: Final = "X-Forwarded-Proto"
FOR: Final = "X-Forwarded-For"


class ProxyError(LoquetError):
    """The proxy in front of the server does not pass what it should."""


def form_trouble(request: HttpRequest) -> ProxyError | None:
    """Return why no form that comes through this proxy is taken; None where the proxy is not the reason."""
    if not _is_expected():
        return None
    asked = _asked(request)
    if not request.is_secure():
        return _without_tls(request, asked)
    host = request.headers.get("Host", "")
    if asked is None or asked.netloc == host or not _is_from_us(request, asked):
        return None
    return ProxyError(
        N_(
            "Your proxy passes `Host: {host}`, but the browser asked for {asked}. Have it pass Host as it came, with "
            "the port if there is one; docs/server.md, Behind a proxy, has the lines."
        ),
        host=host,
        asked=asked.netloc,
    )


def address_trouble(request: HttpRequest) -> ProxyError | None:
    """Return why the server does not know from which address a request comes; None where it does."""
    if not _is_expected():
        return None
    passed, peer = request.headers.get(FOR, ""), str(request.META.get("REMOTE_ADDR", ""))
    if not passed:
        return ProxyError(
            N_(
                "Your proxy at {peer} does not pass X-Forwarded-For: wrong passwords count as the proxy's, and five of "
                "them keep everybody out who logs in with that name. docs/server.md, Behind a proxy, has the lines."
            ),
            peer=peer,
        )
    if peer in passed:  # uvicorn has put one of the header's addresses in the peer's place
        return None
    return ProxyError(
        N_(
            "X-Forwarded-For is not believed from {peer}: wrong passwords count as from there. If your proxy has that "
            "address, name it in FORWARDED_ALLOW_IPS; docs/server.md, Behind a proxy, says how."
        ),
        peer=peer,
    )


def _is_expected() -> bool:
    return configuration.in_force().server.certificate is Certificate.PROXY


def _asked(request: HttpRequest) -> SplitResult | None:
    """Read which address the browser has the page from; None where it does not say."""
    try:
        found = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    except ValueError:
        return None
    return found if found.netloc else None


def _is_from_us(request: HttpRequest, asked: SplitResult) -> bool:
    """Return whether the form is one of our pages', as the browser says or else as the page's name has it."""
    said = request.headers.get("Sec-Fetch-Site")
    return said == "same-origin" if said else asked.hostname in configuration.in_force().names


def _without_tls(request: HttpRequest, asked: SplitResult | None) -> ProxyError:
    """Say why a request is taken for one without TLS."""
    if asked is not None and asked.scheme == "http":
        return ProxyError(
            N_(
                "This page was opened without TLS, at {asked}. The server stands behind a proxy: open the proxy's "
                "address, which begins with https."
            ),
            asked=asked.netloc,
        )
    if said := request.headers.get(PROTO):
        return ProxyError(
            N_(
                "Your proxy passes `X-Forwarded-Proto: {said}` where the browser spoke TLS: another proxy in front of "
                "it may have taken that off. Have it pass https; docs/server.md, Behind a proxy, has the lines."
            ),
            said=said,
        )
    if "Forwarded" in request.headers:
        return ProxyError(
            N_(
                "Your proxy passes Forwarded (RFC 7239), which this server does not read. Have it pass "
                "X-Forwarded-Proto and X-Forwarded-For; docs/server.md, Behind a proxy, has the lines."
            )
        )
    return ProxyError(
        N_(
            "Your proxy does not pass X-Forwarded-Proto, so that no form counts as sent over TLS. docs/server.md, "
            "Behind a proxy, has the lines."
        )
    )
