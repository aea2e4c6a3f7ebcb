"""What other pages show of accounts."""

from __future__ import annotations

from typing import Any

from server.accounts.models import Account


def of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return the accounts of a member, of one site or of all."""
    mine = Account.objects.filter(member=who)
    return {"accounts_of_member": (mine if site is None else mine.filter(site=site)).order_by("username")}
