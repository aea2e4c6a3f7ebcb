"""Where a revocation has not arrived yet: a controller that is silent goes on opening."""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec
from django.db.models import Q

from common.folding import sort_key
from protocol.rows import Badge, Certification, Member, Row, read_row
from server.core import clock, small
from server.edits.models import Change
from server.whitelist.models import Machine

MOST: Final = 2_000
# What is one now goes under one id and comes under the other; but whoever is excluded by that is.
_GIVES_AGAIN: Final = Q(edit__what__in=["merged", "training_same"]) & ~Q(after__contains='"excluded":true')
_TAKES: Final = Q(key__startswith="certification/") | Q(key__startswith="badge/") | Q(key__startswith="member/")


class Undelivered(msgspec.Struct, frozen=True):
    """A controller that does not know of so many revocations; days: since it was heard of, None: never.

    what: whom something was taken from, and the key of the row.
    """

    device: str
    name: str
    count: int
    days: int | None
    what: frozenset[tuple[str, str]]

    @property
    def members(self) -> frozenset[str]:
        """Whom something was taken from that it does not know."""
        return frozenset(whom for whom, _key in self.what)


def undelivered() -> list[Undelivered]:
    """Return every controller that some revocation has not reached. One that never had a list opens for nobody."""
    told = Machine.objects.filter(device__retired=False, device__holds__gt=0)
    found = set(told.values_list("device_id", "device__name", "device__holds", "device__seen"))
    oldest = min((holds for _device, _name, holds, _seen in found), default=None)
    if oldest is None:
        return []
    changed = Change.objects.filter(version__gt=oldest).exclude(before=None).filter(_TAKES).exclude(_GIVES_AGAIN)
    changes = [
        (version, whom, key)
        for version, key, before, after in changed.order_by("-version").values_list(
            "version", "key", "before", "after"
        )[:MOST]
        if (whom := _revoked(key, before, after)) is not None
    ]
    if not changes:
        return []
    trainings = _trainings()
    now = clock.now()
    made = []
    for device, name, holds, seen in found:
        mine = {
            (whom, key)
            for version, whom, key in changes
            if version > holds and (not key.startswith("certification/") or key.rpartition("/")[2] in trainings[device])
        }
        if mine:
            days = (now - seen).days if seen else None
            made.append(Undelivered(device, name or device, len(mine), days, frozenset(mine)))
    return sorted(made, key=lambda each: (-(each.days or 0), sort_key(each.name), each.device))


def _trainings() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in small.rows(Machine):
        if each.device_id is not None:
            found.setdefault(each.device_id, set()).update(each.requires or ())
    return found


def _revoked(key: str, was: str | None, is_now: str | None) -> str | None:
    """Return whom a change took something from; None where it took nothing."""
    if was is None:
        return None
    before: Row = read_row(key, was)
    after: Row | None = None if is_now is None else read_row(key, is_now)
    today = clock.today()
    match before:
        case Certification():
            if not isinstance(after, Certification):
                return before.member
            return before.member if after.level < before.level or _ended(before.until, after.until, today) else None
        case Badge(blocked=False):
            if not isinstance(after, Badge) or after.blocked or after.member != before.member:
                return before.member
            return before.member if _ended(before.until, after.until, today) else None
        case Member(excluded=False):
            if not isinstance(after, Member) or after.excluded:
                return before.id
            return before.id if _ended(before.until, after.until, today) else None
    return None


def _ended(before: date | None, after: date | None, today: date) -> bool:
    """Return whether an end was put into the past."""
    return after is not None and after < today and (before is None or before > after)
