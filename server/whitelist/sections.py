"""What other pages show of the whitelist."""

from __future__ import annotations

from typing import Any

from server.whitelist.columns import columns
from server.whitelist.models import Certification
from server.whitelist.undelivered import undelivered


def of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return a member's trainings, with what each opens."""
    held = {row.training: row for row in Certification.objects.filter(member=who)}
    return {"held": [(column, held[column.id]) for column in columns(site=site) if column.id in held]}


def not_arrived(who: str, _site: str | None) -> dict[str, Any]:
    """Return the controllers, wherever they stand, that do not know yet of what was taken from a member."""
    return {"late": [each for each in undelivered() if who in each.members]}
