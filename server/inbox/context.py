"""What every page knows of the inbox."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from server.accounts.models import Account, Role
from server.inbox.models import Notice


def context(request: HttpRequest) -> dict[str, Any]:
    """Count what waits, for whoever may look at it."""
    account = request.user
    looks = isinstance(account, Account) and account.may(Role.FABMANAGER)
    return {"inbox_count": Notice.objects.filter(done=None).count() if looks else 0}
