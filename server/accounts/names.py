"""What somebody types as their name: telephones put capitals and spaces where nobody meant them."""

from __future__ import annotations

from server.accounts.models import Account


def meant(typed: str) -> str:
    """Return the name of the account that is meant; where there is none, what was typed, in one spelling."""
    said = typed.strip()
    if Account.objects.filter(username=said).exists():
        return said
    found = list(Account.objects.filter(username__iexact=said).values_list("username", flat=True)[:2])
    return found[0] if len(found) == 1 else said.lower()


def taken(name: str) -> bool:
    """Return whether another account has this name but for its capitals."""
    return Account.objects.filter(username__iexact=name).exclude(username=name).exists()
