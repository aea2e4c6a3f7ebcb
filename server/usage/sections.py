"""What other pages show of usage."""

from __future__ import annotations

from typing import Any, Final

from server.usage.models import Session

SHOWN: Final = 20


def of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return a member's latest sessions, of one site or of all."""
    mine = Session.objects.filter(member=who)
    return {"sessions": (mine if site is None else mine.filter(site=site)).order_by("-pk")[:SHOWN]}
