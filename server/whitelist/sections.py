"""What other pages show of the whitelist."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from server.core.sorting import by_name
from server.whitelist import may, teaching
from server.whitelist.models import Machine
from server.whitelist.undelivered import undelivered


def of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return what a member may use, in one workshop or in all, and why not: what they may first."""
    found = Machine.objects.filter(retired=False, requires__isnull=False)
    found = found if site is None else found.filter(Q(device__site=site) | Q(device=None))
    machines = by_name(found)
    mays = may.of(who, machines, teaching.teachers())
    return {"mays": sorted(mays, key=lambda each: not each.is_fine), "may_count": sum(each.is_fine for each in mays)}


def not_arrived(who: str, _site: str | None) -> dict[str, Any]:
    """Return the controllers, wherever they stand, that do not know yet of what was taken from a member."""
    return {"late": [each for each in undelivered() if who in each.members]}
