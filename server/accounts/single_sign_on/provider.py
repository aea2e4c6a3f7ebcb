"""The provider: what our settings and its own description say of it, as mozilla-django-oidc asks for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
import requests

from common.errors import LoquetError
from common.texts import N_
from server.core import clock, configuration
from server.core.configuration import OidcTable

DESCRIPTION: Final = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, 4
TIMEOUT_S: Final = 5.0
KEPT_S: Final = 3600.0
MOST_BYTES: Final = 256 * 1024
log = logging.getLogger("loquet.server")


class SignInError(LoquetError, ValueError):
    """Somebody is not let in by the provider's word."""


UNREACHABLE: Final = N_("{name} cannot be reached just now. Log in with your password, or try again later.")


class Description(msgspec.Struct, frozen=True):
    """What the provider says of itself (OpenID Connect Discovery 1.0, 3); "" for what it has not."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


_known: dict[str, tuple[float, Description]] = {}
_lock: Final = threading.Lock()


def settings() -> OidcTable:
    """Return what the settings file says."""
    return configuration.in_force().oidc


def is_on() -> bool:
    """Return whether there is one."""
    return bool(settings().issuer)


def description() -> Description:
    """Return what it says of itself; asked once an hour. Raises SignInError."""
    issuer = settings().issuer
    with _lock:
        at, known = _known.get(issuer, (0.0, None))
    if known is not None and 0 <= clock.seconds() - at < KEPT_S:
        return known
    found = _ask(issuer)
    with _lock:
        _known[issuer] = clock.seconds(), found
    return found


def forget() -> None:
    """Ask anew the next time."""
    with _lock:
        _known.clear()


def known_end_of_session() -> str:
    """Return where somebody logs out there, as far as that is known without asking; "" else."""
    with _lock:
        known = _known.get(settings().issuer)
    return known[1].end_session_endpoint if known else ""


def _ask(issuer: str) -> Description:
    """Fetch and check its description. Raises SignInError; the log says what is wrong."""
    name = settings().name
    try:
        answer = requests.get(issuer.rstrip("/") + DESCRIPTION, timeout=TIMEOUT_S, verify=verify(), stream=True)
        with answer:
            answer.raise_for_status()
            raw = answer.raw.read(MOST_BYTES, decode_content=True)
        # Nextcloud's stands elsewhere than at its issuer: followed, but never out of TLS.
        if not all(configuration.is_safe(each.url) for each in (*answer.history, answer)):
            raise requests.exceptions.InvalidURL
        found = msgspec.json.decode(raw, type=Description)
    except (requests.RequestException, msgspec.MsgspecError, OSError, ValueError) as error:
        log.warning("[oidc]: %s%s cannot be read: %s", issuer, DESCRIPTION, type(error).__name__)
        raise SignInError(UNREACHABLE, name=name) from error
    # A description of somebody else's would have their tokens believed (RFC 8414, 3.3).
    if found.issuer != issuer:
        log.error("[oidc]: the provider calls itself %.300r; write exactly that as issuer", found.issuer)
        raise SignInError(N_("{name} is not set up rightly here; tell an administrator."), name=name)
    places = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    others = [each for each in (found.userinfo_endpoint, found.end_session_endpoint) if each]
    if not all(configuration.is_safe(each) for each in (*places, *others)):
        log.error("[oidc]: the provider names an address without TLS")
        raise SignInError(N_("{name} is not set up rightly here; tell an administrator."), name=name)
    return found


def ask(method: str, address: str, **said: Any) -> requests.Response:  # noqa: ANN401 - what requests takes
    """Ask the provider at an address that its description names, and nowhere else. Raises RequestException.

    It sends nobody on from there: secrets and keys would go out of TLS.
    """
    answer = requests.request(method, address, timeout=TIMEOUT_S, verify=verify(), allow_redirects=False, **said)
    if answer.status_code != HTTPStatus.OK:
        raise requests.HTTPError(response=answer)
    return answer


def verify() -> bool | str:
    """Return by which authorities the provider's certificate is checked."""
    return settings().ca_file or True


_ANSWERS: Final[dict[str, Callable[[], Any]]] = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": lambda: description().authorization_endpoint,
    "OIDC_OP_TOKEN_ENDPOINT": lambda: description().token_endpoint,
    "OIDC_OP_USER_ENDPOINT": lambda: description().userinfo_endpoint,
    "OIDC_OP_JWKS_ENDPOINT": lambda: description().jwks_uri,
    "OIDC_TOKEN_USE_BASIC_AUTH": lambda: (
        "client_secret_post" not in description().token_endpoint_auth_methods_supported
    ),
    "OIDC_RP_CLIENT_ID": lambda: settings().client_id,
    "OIDC_RP_CLIENT_SECRET": lambda: settings().client_secret,
    "OIDC_RP_SIGN_ALGO": lambda: settings().algorithm,
    "OIDC_RP_SCOPES": lambda: settings().scopes,
    "OIDC_VERIFY_SSL": verify,
    "OIDC_TIMEOUT": lambda: TIMEOUT_S,
    "OIDC_USE_NONCE": lambda: True,
    "OIDC_USE_PKCE": lambda: True,
    "OIDC_ALLOW_UNSECURED_JWT": lambda: False,
    "OIDC_STORE_ACCESS_TOKEN": lambda: False,
    "OIDC_STORE_ID_TOKEN": lambda: False,
}


def setting(name: str, *default: object) -> Any:  # noqa: ANN401 - the library's
    """Answer mozilla-django-oidc's question for a setting: its defaults are not asked for what guards a login."""
    if name in _ANSWERS:
        return _ANSWERS[name]()
    return default[0] if default else None
