"""Whose account somebody gets whom the provider knows, and with which role.

By what was linked before; else by an invitation, or by whoever is logged in and asks for it; else by an invitation to
an address that the provider has verified; else a new one, where the settings enter newcomers. Never by a name.
"""

from __future__ import annotations

from typing import Final

import msgspec
from django.apps import apps
from django.db import IntegrityError, transaction
from django_otp import user_has_device

from common.texts import N_, _
from server.accounts import invitations, management, names
from server.accounts.models import Account, AuditRecord, Identity, Invitation, Role
from server.accounts.single_sign_on import provider
from server.accounts.single_sign_on.provider import SignInError
from server.core import configuration
from server.core.configuration import Newcomers
from server.core.forms import FormError

# What somebody began a sign-in for, "" for nothing but that: `account:7`, `invitation:DIGEST`.
PURPOSE: Final = "purpose"
MOST_NAME: Final = 150


class Claims(msgspec.Struct, frozen=True):
    """What the provider says of somebody. email: an address that it has verified, "" for none."""

    issuer: str
    subject: str
    name: str
    email: str
    groups: frozenset[str]


def enter(claims: Claims, purpose: str) -> Account:
    """Return the account of somebody, with the role that it has from now on. Raises SignInError."""
    try:
        with transaction.atomic():
            account = _known(claims, purpose) or _linked(claims, purpose) or _new(claims)
            if not account.is_active:
                raise SignInError(N_("Your account here is closed; ask an administrator."))
            _follow(account, claims)
            return account
    except IntegrityError as error:  # the same person twice at once
        raise SignInError(N_("Somebody was just entered as you; begin again.")) from error
    except FormError as error:
        raise SignInError("{why}", why=error) from error


def _known(claims: Claims, purpose: str) -> Account | None:
    """Return the account that this person was linked with before."""
    found = Identity.objects.select_related("account").filter(issuer=claims.issuer, subject=claims.subject).first()
    if found is None:
        return None
    if purpose and not _is_for(purpose, found.account):
        raise SignInError(
            N_("{name} knows you as somebody who has another account here, and one person has one account."),
            name=provider.settings().name,
        )
    return found.account


def _is_for(purpose: str, account: Account) -> bool:
    kind, _colon, what = purpose.partition(":")
    if kind == "account":
        return what == str(account.pk)
    return Invitation.objects.filter(digest=what, account=account).exists()


def _linked(claims: Claims, purpose: str) -> Account | None:
    """Link this person with an account that waits for them, and return it; None where none does."""
    kind, _colon, what = purpose.partition(":")
    if kind == "account":
        account = Account.objects.select_for_update().get(pk=int(what))
    elif invitation := _invitation(claims, what):
        account = invitations.use(invitation)
    else:
        return None
    if Identity.objects.filter(account=account).exists():
        raise SignInError(
            N_("This account belongs to another person of {name} already."), name=provider.settings().name
        )
    # An invitation says nothing of the second factor that was kept; who links their own account has shown it.
    _link(account, claims, owes_second=kind != "account" and user_has_device(account))
    return account


def _invitation(claims: Claims, digest: str) -> Invitation | None:
    """Return the invitation that somebody opened, or the one that was sent to their verified address."""
    if digest:
        found = invitations.waiting().filter(digest=digest).first()
        if found is None:
            raise SignInError(N_("This link was used, taken back, or is over; ask an administrator for another one."))
        return found
    if not claims.email:
        return None
    sent = list(invitations.waiting().filter(email__iexact=claims.email)[:2])
    if len(sent) > 1:
        raise SignInError(N_("Several accounts wait for your address; open the link that you were sent."))
    # One that sets a lost password is for whoever has the link: an account with a password is linked by itself alone.
    return sent[0] if sent and invitations.is_first(sent[0].account) else None


def _new(claims: Claims) -> Account:
    """Make an account for somebody who has none, where the settings enter newcomers."""
    ours = provider.settings()
    role = _role(claims)
    if ours.default_role is Newcomers.NOBODY or role is None:
        raise SignInError(
            N_("{name} knows you, but you have no account here yet: ask an administrator to invite you."),
            name=ours.name,
        )
    if not claims.name or len(claims.name) > MOST_NAME:
        raise SignInError(N_("{name} sends no name for your account; tell an administrator."), name=ours.name)
    if Account.objects.filter(username__iexact=claims.name).exists():
        raise SignInError(
            N_("There is an account {username} here already. If it is yours, log in with its password and link it on "
               "the page My account; if not, ask an administrator."), username=claims.name,
        )  # fmt: skip
    names.hold_to_rules(claims.name)
    account = Account(username=claims.name, role=role, site_id=_site())
    account.set_unusable_password()
    account.save()
    _link(account, claims)
    return account


def _site() -> str | None:
    """Return for which workshop a newcomer is; None for all of them."""
    wanted = provider.settings().site
    sites = apps.get_model("sites", "Site")._default_manager  # noqa: SLF001 - Django's documented way
    if wanted and not sites.filter(pk=wanted).exists():
        raise SignInError(
            N_("{name} is not set up rightly here; tell an administrator."), name=provider.settings().name
        )
    return wanted or None


def _link(account: Account, claims: Claims, *, owes_second: bool = False) -> None:
    Identity.objects.create(account=account, issuer=claims.issuer, subject=claims.subject, owes_second=owes_second)
    AuditRecord.objects.create(account=account.username, what="linked", about=provider.settings().name)


def _role(claims: Claims) -> Role | None:
    """Return the highest role that the settings give somebody; None for none."""
    ours = provider.settings()
    given = {ours.roles[each] for each in claims.groups if each in ours.roles}
    if ours.default_role not in {Newcomers.NOBODY, Newcomers.BY_GROUP}:
        given.add(ours.default_role.value)  # type: ignore[arg-type]  # a role's word
    return next((role for role in Role if role.value in given), None)


def _follow(account: Account, claims: Claims) -> None:
    """Where the provider's groups say the role, have the account have that one, and no other. Raises SignInError."""
    if not provider.settings().roles:
        return
    role = _role(claims)
    if role is None:
        raise SignInError(
            N_("None of your groups at {name} has a role here; ask an administrator."), name=provider.settings().name
        )
    if role == account.role:
        return
    if role != Role.ADMINISTRATOR and management.is_last(account):
        raise SignInError(
            N_("{name} gives you a lesser role than you have, and nobody else could administer this server: log in "
               "with your password."), name=provider.settings().name,
        )  # fmt: skip
    account.role = role
    account.save(update_fields=["role"])
    AuditRecord.objects.create(account=account.username, what="role_by_provider", about=f"{account.username} {role}")


def greeting() -> str:
    """Return what the button on the login page says; "" where there is none."""
    ours = configuration.in_force().oidc
    return _("Log in with {name}").format(name=ours.name) if ours.issuer else ""
