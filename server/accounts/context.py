"""What every page knows of whoever looks at it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from server.accounts.models import Role


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the account, and the roles by which a page shows what."""
    return {"account": request.user if request.user.is_authenticated else None, "Role": Role}
