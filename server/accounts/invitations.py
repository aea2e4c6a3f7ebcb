"""Invitations: a link by which somebody sets the password of an account, once, within a week.

Whoever has the link is believed to be the person; so its word is kept nowhere but in the link itself.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import Final

from axes.helpers import get_client_ip_address
from axes.models import AccessAttempt
from axes.utils import reset
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from common.texts import N_
from server.accounts import names
from server.accounts.models import INVITED_FOR, Account, AuditRecord, Ending, Invitation
from server.core import clock
from server.core.forms import FormError

PATH: Final = "/invitation"
COOKIE: Final = "invited"  # holds the word while somebody fills the form in: addresses come to be in logs
AGREED: Final = "invited_by_provider"  # holds it on the way to a provider
COOKIE_S: Final = 3600
WORD_BYTES: Final = 24


class State(StrEnum):
    """What an invitation is good for."""

    OPEN = "open"
    USED = "used"
    TAKEN_BACK = "taken back"
    OVER = "over"
    CLOSED = "closed"  # the account is
    UNKNOWN = "unknown"


def digest(word: str) -> str:
    """Return what is kept of a link's word: it has 192 bits, so that a plain hash gives nothing away."""
    return hashlib.sha256(word.encode()).hexdigest()


def make(account: Account, email: str = "") -> str:
    """Make a link's word for an account; the links that it had before let nobody in any more."""
    word = secrets.token_urlsafe(WORD_BYTES)
    with transaction.atomic():
        take_back(account)
        Invitation.objects.create(account=account, digest=digest(word), email=email)
    return word


def take_back(account: Account) -> bool:
    """Have no link let anybody in as this account; return whether one did."""
    return bool(account.invitations.filter(ending="").update(ending=Ending.TAKEN_BACK))


def waiting() -> QuerySet[Invitation]:
    """Return the invitations that may still be used."""
    return Invitation.objects.filter(ending="", made__gt=clock.now() - INVITED_FOR, account__is_active=True)


def of(word: str) -> Invitation | None:
    """Return the invitation that a link is, whatever has become of it."""
    return Invitation.objects.select_related("account").filter(digest=digest(word)).first() if word else None


def state(invitation: Invitation | None) -> State:
    """Return what an invitation is good for now."""
    if invitation is None:
        return State.UNKNOWN
    if invitation.ending:
        return State(invitation.ending)
    if invitation.made <= clock.now() - INVITED_FOR:
        return State.OVER
    return State.OPEN if invitation.account.is_active else State.CLOSED


def is_first(account: Account) -> bool:
    """Return whether nobody has ever logged in as this account: only then its name is still to be chosen."""
    return account.last_login is None and not account.has_usable_password()


def use(invitation: Invitation) -> Account:
    """Let whoever has the link in, once, in the transaction that is open. Raises FormError where another was faster."""
    # Of its own columns alone: PostgreSQL looks at these again after it has waited for another who uses it.
    mine = Invitation.objects.filter(pk=invitation.pk, ending="", made__gt=clock.now() - INVITED_FOR)
    if not mine.update(ending=Ending.USED):
        raise FormError(N_("this link was used or taken back meanwhile; open it again to see"))
    account = Account.objects.select_for_update().get(pk=invitation.account_id)
    if not account.is_active:
        raise FormError(N_("this account is closed; open it first"))
    return account


def accept(invitation: Invitation, name: str, password: str) -> Account:
    """Set the password of the account, and its name where nobody has logged in yet. Raises FormError."""
    try:
        with transaction.atomic():
            account = use(invitation)
            before = account.username
            if is_first(account) and name and name != before:
                names.hold_to_rules(name, account)
                account.username = name
            set_password(account, password)
            AuditRecord.objects.create(account=account.username, what="invitation_used", about=before)
    except IntegrityError as error:  # somebody else took the name in the same moment
        raise FormError(names.TAKEN) from error
    for each in {before, account.username}:  # wrong passwords of before are over with the password
        reset(username=each)
    return account


def set_password(account: Account, word: str) -> None:
    """Set an account's password, and save it. Raises FormError where it is too easy to guess."""
    try:
        password_validation.validate_password(word, account)
    except ValidationError as error:
        raise FormError("{why}", why=" ".join(error.messages)) from error
    account.set_password(word)
    account.save()


def note_wrong(request: HttpRequest, word: str) -> None:
    """Count a word that is none as a name with a wrong password: past so many, where it comes from waits."""
    AccessAttempt.objects.get_or_create(
        username=f"{PATH} {digest(word)[:12]}",
        ip_address=get_client_ip_address(request),
        user_agent=request.headers.get("User-Agent", "")[:255],
        defaults={"path_info": PATH, "failures_since_start": 1},
    )


def forget(accounts: QuerySet[Account]) -> list[str]:
    """Have nothing of the invitations of some accounts; return where they were sent."""
    found = Invitation.objects.filter(account__in=accounts)
    addresses = list(found.exclude(email="").values_list("email", flat=True).distinct())
    found.delete()
    return addresses
