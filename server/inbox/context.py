"""What every page knows of the inbox."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from server.accounts import scope
from server.accounts.models import Account, Role
from server.inbox.models import Notice


def context(request: HttpRequest) -> dict[str, Any]:
    """Count what waits, for whoever may look at it."""
    account = request.user
    looks = isinstance(account, Account) and account.may(Role.FABMANAGER)
    mine = scope.within(request, Notice.objects.filter(done=None), "device__site") if looks else None
    return {"inbox_count": 0 if mine is None else mine.count()}
