"""Badges that are read under a new badge key: known by that hash from then on, as far as a controller may say so.

Whoever holds a controller holds the badge keys too: it could make any card of its own be anybody's. So it says so only
while keys rotate or where the badge came with a controller's own list, once of each badge, and of nobody who lets
others in: neither now nor later, unless a person looked at it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from protocol.rows import Badge, Certification, Level, Row, encode_row, known
from server.core import configuration, keys
from server.devices.models import Device, Proposal
from server.edits import editing, rows
from server.edits.authors import Author
from server.edits.models import Change
from server.inbox.notices import notify
from server.people.models import Badge as Known
from server.whitelist.models import Certification as Certified

_HASH: Final = re.compile("[0-9a-f]{32}")


def rehash(device: Device, badge: str, new: str) -> None:
    """Know a badge by its hash under the key in force from now on: it was tapped, and known under an older one."""
    found = rows.find([f"badge/{badge}", f"badge/{new}"])
    old = found.get(f"badge/{badge}")
    if not isinstance(old, Badge) or f"badge/{new}" in found or not _HASH.fullmatch(new):
        return
    if not _may_be_old(badge):
        notify("not_rehashed", device, member=old.member)
        return
    if Known.objects.filter(former=badge).exists() or _times_read(badge) >= max(2, len(_ring())):
        return
    put = Badge(new, old.member, old.kind, old.since, old.until, old.blocked)
    lets_in = Certified.objects.filter(member=old.member, level__gte=int(Level.TRAINER)).exists()
    if lets_in or Device.objects.filter(pk=device.pk, is_held=True).exists():
        _hold(device, put)
        return
    editing.carry_out(Author(device=device, name=device.name), "rehashed", [put])
    Known.objects.filter(hash=new).update(former=badge)
    notify("rehashed", device, member=old.member)


def _may_be_old(badge: str) -> bool:
    """Return whether a badge can be known under another key than the one in force."""
    if len(_ring()) > 1:
        return True
    return Change.objects.filter(key=f"badge/{badge}", edit__what="took_over").exists()


def _ring() -> tuple[str, ...]:
    return keys.load(configuration.in_force().data_dir).ring


def _times_read(badge: str) -> int:
    """Return how many keys a badge is known under, with the one that this would be; each is put in force once."""
    count, former = 1, Known.objects.filter(hash=badge).values_list("former", flat=True).first()
    while former and count <= len(_ring()):
        count, former = count + 1, Known.objects.filter(hash=former).values_list("former", flat=True).first()
    return count


def _hold(device: Device, put: Badge) -> None:
    """Have a person look at a badge; one of each member at a time."""
    waiting = Proposal.objects.filter(device=device, key__startswith="badge/").exclude(row="")
    found = (known(body) for body in waiting.values_list("row", flat=True))
    if any(isinstance(row, Badge) and row.member == put.member for row in found):
        return
    Proposal.objects.create(device=device, key=put.key, row=encode_row(put).decode())
    notify("held", device, by=device.name or device.pk, keys=put.key)


def hold_of_whoever_rises(after: Mapping[str, Row | None], **_signal: object) -> None:
    """Have a person look at the badges that a controller brought of whoever is to let others in from now on."""
    rising = {row.member for row in after.values() if isinstance(row, Certification) and row.level >= Level.TRAINER}
    for badge in Known.objects.filter(member__in=rising, former__isnull=False) if rising else ():
        brought = Change.objects.filter(key=f"badge/{badge.hash}", edit__what="rehashed").order_by("-version").first()
        row = rows.of(badge)
        assert isinstance(row, Badge)  # noqa: S101 - a model of one
        editing.carry_out(Author(name="server"), "held_back", drop=[row.key], about={"name": badge.member})
        if brought is not None and brought.edit.device is not None:
            _hold(brought.edit.device, row)
