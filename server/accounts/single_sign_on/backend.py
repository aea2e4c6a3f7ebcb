"""From a code to claims that are the provider's: what mozilla-django-oidc checks, and what it leaves unchecked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import jwt
import requests
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from common.texts import N_
from server.accounts.models import Account
from server.accounts.single_sign_on import entering, provider
from server.accounts.single_sign_on.entering import Claims
from server.accounts.single_sign_on.provider import SignInError

LEEWAY_S: Final = 120  # by which the clocks of a workshop and of a provider differ
NEEDED: Final = ["iss", "sub", "aud", "exp", "iat"]  # OpenID Connect Core 1.0, 2
MOST_SUBJECT: Final = 255  # ibid.
WRONG: Final = N_("What {name} said of you will not do: {why}. Begin again; if it stays so, tell an administrator.")
UNREADABLE: Final = N_("it cannot be read")
log = logging.getLogger("loquet.server")


class Provider(OIDCAuthenticationBackend):  # type: ignore[misc]  # the library carries no types
    """Lets in whoever the provider says they are. Raises SignInError where it refuses, with a sentence for them."""

    get_settings = staticmethod(provider.setting)
    # The library's finds closed accounts too.
    get_user = ModelBackend.get_user

    def __init__(self) -> None:
        """Ask nobody anything yet: Django makes one for every login with a password."""

    def authenticate(self, request: HttpRequest | None, *, nonce: str, code_verifier: str) -> Account | None:
        """Change the code that came for a token, and the token for an account. Raises SignInError."""
        if request is None or not (nonce and code_verifier):
            return None
        name = provider.settings().name
        try:
            super().__init__()
            found = super().authenticate(request, nonce=nonce, code_verifier=code_verifier)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise SignInError(provider.UNREACHABLE, name=name) from error
        except (requests.RequestException, SuspiciousOperation, jwt.PyJWTError) as error:
            # Never what it says: there may be a token in it.
            log.warning("[oidc]: a sign-in was refused: %s", type(error).__name__)
            raise SignInError(WRONG, name=name, why=_why(error)) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SignInError):
                raise
            log.warning("[oidc]: the provider answered what cannot be read", exc_info=True)
            raise SignInError(WRONG, name=name, why=SignInError(UNREADABLE)) from error
        if not isinstance(found, Account):
            raise SignInError(WRONG, name=name, why=SignInError(UNREADABLE))
        return found

    def get_payload_data(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """Return what an ID token says, if it is the provider's, for us, and of now. Raises PyJWTError.

        In the library's stead, which checks neither issuer nor audience (OpenID Connect Core 1.0, 3.1.3.7).
        """
        ours = provider.settings()
        said: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[ours.algorithm],
            issuer=ours.issuer,
            audience=ours.client_id,
            leeway=LEEWAY_S,
            options={"require": NEEDED},
        )
        audience = said["aud"] if isinstance(said["aud"], list) else [said["aud"]]
        if said.get("azp", ours.client_id) != ours.client_id or (len(audience) > 1 and "azp" not in said):
            raise jwt.InvalidAudienceError
        return said

    def retrieve_matching_jwk(self, token: str) -> jwt.PyJWK:
        """Return the provider's key that a token says it is signed with; it need not say where there is one (10.1).

        In the library's stead, which asks for a name in any case. Raises RequestException, SuspiciousOperation.
        """
        answer = provider.ask("GET", self.OIDC_OP_JWKS_ENDPOINT)
        named = jwt.get_unverified_header(token).get("kid")
        keys = [each for each in answer.json()["keys"] if _may_sign(each) and named in {None, each.get("kid")}]
        if not keys or (named is None and len(keys) > 1):
            raise SuspiciousOperation
        return jwt.PyJWK(keys[0], provider.settings().algorithm)

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        """Change a code for tokens. In the library's stead, which takes secret and code wherever it is sent on to.

        Raises RequestException.
        """
        said, auth = dict(payload), None
        if self.get_settings("OIDC_TOKEN_USE_BASIC_AUTH"):
            auth = said["client_id"], said.pop("client_secret")
        found: dict[str, Any] = provider.ask("POST", self.OIDC_OP_TOKEN_ENDPOINT, data=said, auth=auth).json()
        return found

    def get_userinfo(self, access_token: str, _id_token: str, _payload: dict[str, Any]) -> dict[str, Any]:
        """Return what else the provider says of somebody. In the library's stead, likewise. Raises RequestException."""
        shown = {"Authorization": f"Bearer {access_token}"}
        found: dict[str, Any] = provider.ask("GET", self.OIDC_OP_USER_ENDPOINT, headers=shown).json()
        return found

    def verify_token(self, token: str, **kwargs: object) -> dict[str, Any]:
        """Return what an ID token says. Raises PyJWTError, SuspiciousOperation."""
        if not isinstance(token, str) or not kwargs.get("nonce"):
            raise jwt.InvalidTokenError
        found: dict[str, Any] = super().verify_token(token, **kwargs)
        return found

    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> Account:
        """Return the account of whom a token is about. Raises SignInError."""
        more = self.get_userinfo(access_token, id_token, payload) if self.OIDC_OP_USER_ENDPOINT else {}
        # What somebody else's userinfo says is not believed of this one (5.3.2).
        if more and more.get("sub") != payload["sub"]:
            raise SuspiciousOperation
        return entering.enter(_claims(payload, more), self.request.session.get(entering.PURPOSE, ""))


def _may_sign(key: Mapping[str, Any]) -> bool:
    """Return whether a key of the provider's is one for tokens that are signed as our settings say."""
    algorithm = provider.settings().algorithm
    kind = "RSA" if algorithm.startswith("RS") else "EC"
    return key.get("kty") == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def _claims(token: Mapping[str, Any], more: Mapping[str, Any]) -> Claims:
    """Gather what counts of a token, and of the userinfo where the token does not say it."""
    ours = provider.settings()
    subject = token["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
        raise SuspiciousOperation
    # An address counts with the word of whoever says it that it is theirs: both of one place.
    email = next((each.get("email") for each in (token, more) if each.get("email_verified") is True), "")
    named = _at(token, ours.username_claim) or _at(more, ours.username_claim)
    groups = _at(token, ours.groups_claim)
    groups = _at(more, ours.groups_claim) if groups is None else groups
    listed = groups if isinstance(groups, list) else [groups]
    return Claims(
        issuer=ours.issuer,
        subject=subject,
        name=" ".join(named.split()) if isinstance(named, str) else "",
        email=email.strip() if isinstance(email, str) else "",
        groups=frozenset(each for each in listed if isinstance(each, str)),
    )


def _at(said: Mapping[str, Any], claim: str) -> object:
    """Return a claim by its name, or by its place: "realm_access.roles". None: there is none."""
    if claim in said:
        return said[claim]
    found: object = said
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _why(error: Exception) -> SignInError:
    """Say what is wrong with a token, as far as somebody can do something about it."""
    match error:
        case jwt.ExpiredSignatureError() | jwt.ImmatureSignatureError():
            return SignInError(N_("its word is of another time; one of the clocks is wrong, its own or this server's"))
        case jwt.InvalidAudienceError() | jwt.InvalidIssuerError():
            return SignInError(N_("its word is not meant for this server, or is another's"))
        case requests.RequestException():
            return SignInError(
                N_("it did not take this server's word; the client or its secret is wrong, or the line broke")
            )
        case _:
            return SignInError(N_("its word is not signed as it should be, or was not asked for"))
