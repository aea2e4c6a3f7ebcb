"""What other pages show of usage."""

from __future__ import annotations

from typing import Any, Final

from server.usage.models import Session

SHOWN: Final = 20


def of_member(who: str) -> dict[str, Any]:
    """Return a member's latest sessions."""
    return {"sessions": Session.objects.filter(member=who).order_by("-pk")[:SHOWN]}
