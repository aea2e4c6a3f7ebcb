"""Edits made at machines, taken over: by versions, never by clocks; the stricter one wins where neither saw the other.

A controller may say by itself what a trainer at its reader may: who may use its own machines, as a user. What is
stricter it may always say. All else waits for a person.
"""

from __future__ import annotations

import re
from typing import Final

from protocol.entries import Edited
from protocol.overlay import Edit, lay_over
from protocol.rows import Badge, BadgeKind, Certification, Level, Machine, Member, Pin, Row, encode_row
from server.core import clock, state
from server.devices.models import Device, Proposal
from server.edits import editing, rows
from server.edits.editing import Author
from server.edits.models import Change
from server.inbox.notices import notify
from server.whitelist.models import Certification as Certified
from server.whitelist.models import Machine as MachineModel

UNNAMED: Final = "new-"
_HASH: Final = re.compile("[0-9a-f]{32}")


def take_over(device: Device, epoch: str, seq: int, edited: Edited) -> None:
    """Take over what may be, keep for a person what may not; say either in the inbox.

    epoch, seq: the entry of the journal by which the controller told of it.
    """
    if edited.replaced or not (edited.rows or edited.gone) or not edited.generation:
        return  # without a generation it was made before a server kept the list: it is among the proposals
    # After a restore versions mean something else: an edit over another generation has seen nothing of this one.
    base = edited.base if edited.generation == int(state.get(state.GENERATION)) else 0
    wanted: dict[str, Row | None] = dict.fromkeys(edited.gone[: editing.BATCH])
    # A PIN set at a controller stays there: no journal brings its hash, and what it does not say is nothing to hold.
    wanted |= {row.key: row for row in edited.rows[: editing.BATCH] if not isinstance(row, Pin)}
    here = rows.find(wanted)
    changed = _changed_since(base, list(wanted))
    put: list[Row] = []
    drop: list[str] = []
    held: dict[str, Row | None] = {}
    lost: list[str] = []
    for key, row in wanted.items():
        below = here.get(key)
        if below is None and key in changed and row is not None:
            lost.append(key)  # it was there, and was taken away here: neither edit had seen the other
            continue
        # A journal holds ids only: what it does not say of a person stays.
        complete = row if row is None or below is None else row.completed(below)
        merged = lay_over(below, Edit(complete, base), base if key not in changed else base + 1)
        if merged == below:
            continue
        if not _may(device, edited, below, merged, put):
            held[key] = row
        elif merged is None:
            drop.append(key)
        else:
            put.append(merged)
    _report(device, (epoch, seq), edited, put, drop, held, lost)


def rehash(device: Device, badge: str, new: str) -> None:
    """Know a badge by its hash under the key in force from now on: it was tapped, and known under an older one."""
    found = rows.find([f"badge/{badge}", f"badge/{new}"])
    old = found.get(f"badge/{badge}")
    if isinstance(old, Badge) and f"badge/{new}" not in found and _HASH.fullmatch(new):
        author = Author(device=device, name=device.name)
        put = Badge(new, old.member, old.kind, old.since, old.until, old.blocked)
        if Certified.objects.filter(member=old.member, level__gte=int(Level.TRAINER)).exists():
            # Whoever lets others in: a stolen controller must not make itself such a badge.
            Proposal.objects.create(device=device, key=put.key, row=encode_row(put).decode())
            notify("held", device, once=f"rehashed/{new}", by=device.name or device.pk, keys=put.key)
            return
        editing.carry_out(author, "rehashed", [put])
        notify("rehashed", device, once=f"rehashed/{new}", member=old.member)


def _changed_since(base: int, keys: list[str]) -> set[str]:
    """Return which of these have changed here after the version that the edit was made over."""
    return set(Change.objects.filter(key__in=keys, version__gt=base).values_list("key", flat=True))


def _may(device: Device, edited: Edited, below: Row | None, row: Row | None, put: list[Row]) -> bool:
    """Return whether a controller may say this by itself."""
    match below, row:
        case Member(excluded=False), Member(excluded=True):
            return row == Member(below.id, below.name, below.category, below.payer, below.until, excluded=True)
        case Badge(blocked=False), Badge(blocked=True):
            return row == Badge(below.hash, below.member, below.kind, below.since, below.until, blocked=True)
        case Machine(), Machine():
            mine = MachineModel.objects.filter(pk=row.id, device=device).exists()
            same = Machine(
                below.id,
                below.name,
                below.requires,
                row.locked,
                below.now and bool(row.locked),
                below.longest,
                below.supervised,
                below.buddy,
            )
            return mine and row == same
        case None, Member():
            return _is_taught(device, edited) and row == Member(row.id) and row.id.startswith(UNNAMED)
        case None, Badge():
            fresh = any(isinstance(each, Member) and each.id == row.member for each in put)
            return fresh and row == Badge(row.hash, row.member) and row.kind is BadgeKind.MEMBER
        case ((None | Certification()), Certification()):
            higher = below is not None and below.level > Level.USER
            known = rows.get(Member(row.member).key) is not None or row.member.startswith(UNNAMED)
            return (
                _is_taught(device, edited)
                and row.level <= Level.USER
                and not higher
                and known
                and row.training in _trainings_of(device)
            )
    return False


def _trainings_of(device: Device) -> set[str]:
    lists = MachineModel.objects.filter(device=device).values_list("requires", flat=True)
    return {training for each in lists for training in each or ()}


def _is_taught(device: Device, edited: Edited) -> bool:
    """Return whether a trainer of one of the device's trainings gave it at a reader."""
    if edited.machine is None:
        return False
    trainer = rows.get(f"member/{edited.by}")
    today = clock.today()
    if not isinstance(trainer, Member) or trainer.excluded or (trainer.until is not None and trainer.until < today):
        return False
    held = Certified.objects.filter(member=edited.by, level__gte=int(Level.TRAINER)).exclude(until__lt=today)
    held = held.exclude(since__gt=today)
    return bool(set(held.values_list("training", flat=True)) & _trainings_of(device))


def _report(
    device: Device,
    entry: tuple[str, int],
    edited: Edited,
    put: list[Row],
    drop: list[str],
    held: dict[str, Row | None],
    lost: list[str],
) -> None:
    author = Author(device=device, name=edited.by)
    epoch, seq = entry
    named = f"{device.pk}/{epoch}/{seq}"
    about = {"by": edited.by, "machine": edited.machine or ""}
    made = editing.carry_out(author, "at_machine", put, drop, about=about) if put or drop else None
    if made is not None:
        keys = ", ".join([*(row.key for row in put), *drop])[:200]
        notify("edited", device, once=f"edited/{named}", by=edited.by[:100], keys=keys)
        for row in put:
            if isinstance(row, Member) and row.id.startswith(UNNAMED):
                notify("unnamed", device, once=f"unnamed/{row.id}", member=row.id, by=edited.by[:100])
    if lost:
        notify("lost_to", device, once=f"lost/{named}", by=edited.by[:100], keys=", ".join(lost)[:200])
    if held:
        Proposal.objects.bulk_create(
            Proposal(
                device=device,
                key=key[:300],
                row="" if row is None else encode_row(row).decode(),
                epoch=epoch,
                seq=seq,
            )
            for key, row in held.items()
        )
        notify("held", device, once=f"held/{named}", by=edited.by[:100], keys=", ".join(held)[:200])
    if made is None:  # the list says that it includes the edit, or was decided against: the controller is to hear
        editing.touch()
