"""What every page knows of the server's keeping."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from server.accounts.models import Account, Role
from server.operations import backup


def context(request: HttpRequest) -> dict[str, Any]:
    """Return whether whoever runs the workshop is to see that no backup has left the machine for too long."""
    account = request.user
    return {"overdue": isinstance(account, Account) and account.may(Role.FABMANAGER) and backup.is_overdue()}
