"""What somebody types as their name: telephones put capitals and spaces where nobody meant them."""

from __future__ import annotations

from typing import Final

from common.texts import N_
from server.accounts.models import Account
from server.core.forms import FormError

TAKEN: Final = N_("there is an account of this name already, perhaps with other capitals")


def meant(typed: str) -> str:
    """Return the name of the account that is meant; where there is none, what was typed, in one spelling."""
    said = typed.strip()
    if Account.objects.filter(username=said).exists():
        return said
    found = list(Account.objects.filter(username__iexact=said).values_list("username", flat=True)[:2])
    return found[0] if len(found) == 1 else said.lower()


def hold_to_rules(name: str, account: Account | None = None) -> None:
    """Refuse a name that an account may not have from now on. Raises FormError."""
    if not name:
        raise FormError(N_("an account has a name and a role"))
    if not name.isprintable():
        raise FormError(N_("a name is of letters that one can see"))
    others = Account.objects.filter(username__iexact=name)
    if account is not None and account.pk is not None:
        others = others.exclude(pk=account.pk)
    if others.exists():
        raise FormError(TAKEN)
