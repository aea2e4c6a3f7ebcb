"""Names that were given at a controller: they come beside its journal, which holds none, and go with its edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from protocol.rows import Member, Row
from server.core import clock
from server.devices.models import Device, GivenName

MOST: Final = 2_000


def keep(device: Device, given: Mapping[str, str]) -> None:
    """Keep names until the edits are read out that they belong to: the latest of each member."""
    if GivenName.objects.filter(device=device).count() > MOST:
        return  # nobody gives so many in a day
    GivenName.objects.bulk_create(
        [GivenName(device=device, member=member, name=name, at=clock.now()) for member, name in given.items()],
        update_conflicts=True,
        unique_fields=["device", "member"],
        update_fields=["name", "at"],
    )


def with_names(device: Device, wanted: Mapping[str, Row | None]) -> dict[str, Row | None]:
    """Return rows with the names that were given with them."""
    ids = [row.id for row in wanted.values() if isinstance(row, Member) and not row.name]
    given = dict(GivenName.objects.filter(device=device, member__in=ids).values_list("member", "name")) if ids else {}
    return {
        key: msgspec.structs.replace(row, name=given[row.id]) if isinstance(row, Member) and row.id in given else row
        for key, row in wanted.items()
    }


def used(device: Device, members: list[str]) -> None:
    """Have nothing of names that were made use of."""
    GivenName.objects.filter(device=device, member__in=members).delete()


def forget(member: str, **_signal: object) -> None:
    """Have nothing of a name of whoever is forgotten."""
    GivenName.objects.filter(member=member).delete()
