"""Edits made at machines, taken over: by versions, never by clocks; the stricter one wins where neither saw the other.

A controller may say by itself what a trainer at its reader may: who may use its own machines, as a user. What is
stricter it may say too, of as many people in an hour as its workshop allows. All else waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from protocol.entries import Edited
from protocol.overlay import Edit, lay_over
from protocol.rows import Badge, Certification, Level, Member, Pin, Row, encode_row
from server.core import clock, state
from server.devices import names, sent
from server.devices.models import Device, Proposal
from server.edits import editing, rows
from server.edits.authors import Author, Standing
from server.edits.models import Change
from server.edits.models import Edit as Edited_
from server.inbox.notices import notify
from server.people.merging import aliases
from server.people.models import Member as People
from server.sites.models import Site
from server.whitelist.models import Certification as Certified
from server.whitelist.models import Machine as MachineModel

UNNAMED: Final = "new-"
HOUR: Final = timedelta(hours=1)
MOST_HELD: Final = 2_000  # rows of one controller's edits that wait for a person


class LargeError(ValueError):
    """An edit of more rows than one has."""


class Sorted(msgspec.Struct):
    """What becomes of an edit's rows: put, dropped, held for a person, or lost to what was taken away here."""

    put: list[Row] = []
    drop: list[str] = []
    held: dict[str, Row | None] = {}
    lost: list[str] = []


class Told(msgspec.Struct, frozen=True):
    """An edit as a controller told of it: by which entry of its journal."""

    device: Device
    epoch: str
    seq: int
    edited: Edited

    @property
    def name(self) -> str:
        """What it is called, among all that were ever told of."""
        return f"{self.device.pk}/{self.epoch}/{self.seq}"


def take_over(device: Device, epoch: str, seq: int, edited: Edited) -> None:
    """Take over what may be, keep for a person what may not; say either in the inbox.

    epoch, seq: the entry of the journal by which the controller told of it.
    """
    if edited.replaced or not (edited.rows or edited.gone) or not edited.generation:
        return  # without a generation it was made before a server kept the list: it is among the proposals
    if len(edited.rows) + len(edited.gone) > editing.BATCH:
        raise LargeError  # a controller lays no more over its list at once; it is told of as what cannot be read
    with editing.alone():  # whatever is locked, the version is first: as people's decisions do it
        told = Told(Device.objects.get(pk=device.pk), epoch, seq, edited)
        wanted: dict[str, Row | None] = dict.fromkeys(edited.gone)
        # A PIN set at a controller stays there: no journal brings its hash; what it does not say is nothing to hold.
        wanted |= {row.key: row for row in edited.rows if not isinstance(row, Pin)}
        told_of = [row.id for row in wanted.values() if isinstance(row, Member)]
        # A controller that was offline speaks of people by ids that were merged meanwhile.
        wanted = dict(aliases.redirected(names.with_names(told.device, wanted)).values())
        standing = _standing(told.device, edited, wanted)
        found = _sort(told, wanted, standing)
        strict = _people_shut_out(found.put)
        if strict and not told.device.is_held and strict + _shut_out_lately(told.device) > _allowed(told.device):
            Device.objects.filter(pk=device.pk).update(is_held=True)
            told.device.is_held = True
            notify("suspicious", told.device)
        if told.device.is_held or told.device.retired:  # whoever has a card that was replaced decides nothing here
            found = Sorted(held=found.held | {row.key: row for row in found.put} | dict.fromkeys(found.drop))
        _write(told, found, standing, strict)
        names.used(told.device, told_of)


def has_seen(device: Device, edited: Edited) -> bool:
    """Return whether a controller was sent the version over which it says that it made an edit, as far as we know."""
    return edited.base <= sent.up_to(device.pk)


def _sort(told: Told, wanted: Mapping[str, Row | None], standing: Standing) -> Sorted:
    edited = told.edited
    # After a restore versions mean something else: an edit over another generation has seen nothing of this one. And
    # whoever claims a version that was never sent to them has seen none.
    is_ours = edited.generation == int(state.get(state.GENERATION)) and edited.base <= sent.up_to(told.device.pk)
    base = edited.base if is_ours else 0
    here = rows.find(wanted)
    changed = _changed_since(base, list(wanted))
    found = Sorted()
    for key, row in wanted.items():
        below = here.get(key)
        if below is None and key in changed and row is not None:
            found.lost.append(key)  # it was there, and was taken away here: neither edit had seen the other
            continue
        # A journal holds ids only: what it does not say of a person stays.
        complete = row if row is None or below is None else row.completed(below)
        merged = lay_over(below, Edit(complete, base), base if key not in changed else base + 1)
        if merged == below:
            continue
        if not rows.may_say(standing, key, below, merged):
            found.held[key] = row
        elif merged is None:
            found.drop.append(key)
        else:
            found.put.append(merged)
    return found


def _people_shut_out(put: list[Row]) -> int:
    """Count whom an edit excludes, and whose badges it blocks: of what a controller may say, no other row does."""
    return sum((isinstance(row, Member) and row.excluded) or (isinstance(row, Badge) and row.blocked) for row in put)


def _allowed(device: Device) -> int:
    """Return how many people a controller may shut out in an hour."""
    return Site.objects.values_list("exclusions", flat=True).get(pk=device.site_id)


def _shut_out_lately(device: Device) -> int:
    """Count those whom a controller excluded or blocked in the last hour."""
    lately = Edited_.objects.filter(at__gte=clock.now() - HOUR, device=device, what="at_machine")
    return sum(int(about.get("shut_out", 0)) for about in lately.values_list("about", flat=True))


def _changed_since(base: int, keys: list[str]) -> set[str]:
    """Return which of these have changed here after the version that the edit was made over."""
    return set(Change.objects.filter(key__in=keys, version__gt=base).values_list("key", flat=True))


def _standing(device: Device, edited: Edited, wanted: Mapping[str, Row | None]) -> Standing:
    """Return what counts of a controller for an edit of its: asked once, however many rows it has."""
    mine = dict(MachineModel.objects.filter(device=device).values_list("pk", "requires"))
    trainings = {training for each in mine.values() for training in each or ()}
    named = {row.member for row in wanted.values() if isinstance(row, Certification)}
    entered = {row.id for row in wanted.values() if isinstance(row, Member) and row.id.startswith(UNNAMED)}
    known = set(People.objects.filter(pk__in=named | entered).values_list("pk", flat=True))
    return Standing(
        machines=frozenset(mine),
        trainings=trainings,
        is_taught=_is_taught(edited, trainings),
        entered=entered - known,  # whoever is here already is not entered, whatever an edit says
        known=known,
    )


def _is_taught(edited: Edited, trainings: set[str]) -> bool:
    """Return whether a trainer of one of the controller's trainings gave it at a reader."""
    if edited.machine is None:
        return False
    by = aliases.of(edited.by)
    trainer = rows.get(f"member/{by}")
    today = clock.today()
    if not isinstance(trainer, Member) or trainer.excluded or (trainer.until is not None and trainer.until < today):
        return False
    held = Certified.objects.filter(member=by, level__gte=int(Level.TRAINER)).exclude(until__lt=today)
    held = held.exclude(since__gt=today)
    return bool(set(held.values_list("training", flat=True)) & trainings)


def _write(told: Told, found: Sorted, standing: Standing, shut_out: int) -> None:
    device, by = told.device, told.edited.by[:100]
    author = Author(device=device, name=told.edited.by, standing=standing)
    about = {"by": told.edited.by, "machine": told.edited.machine or "", "shut_out": shut_out}
    made = None
    if found.put or found.drop:
        made = editing.carry_out(author, "at_machine", found.put, found.drop, about=about)
    if made is not None:
        keys = ", ".join([*(row.key for row in found.put), *found.drop])[:200]
        notify("edited", device, by=by, keys=keys)
        for row in found.put:
            if isinstance(row, Member) and row.id.startswith(UNNAMED) and not row.name:
                notify("unnamed", device, member=row.id, by=by)
    if found.lost:
        notify("lost_to", device, by=by, keys=", ".join(found.lost)[:200])
    if found.held:
        _hold(told, found.held)
        notify("held", device, by=by, keys=", ".join(found.held)[:200])
    if made is None:  # the list says that it includes the edit, or was decided against: the controller is to hear
        editing.touch()


def _hold(told: Told, held: Mapping[str, Row | None]) -> None:
    """Keep rows for a person, of each the latest that a controller says; up to a bound that only a flood reaches.

    Until somebody has decided, the controller is told that its edits are in force up to the first of these.
    """
    mine = Proposal.objects.filter(device=told.device).exclude(epoch="")
    said = {key[:300]: "" if row is None else encode_row(row).decode() for key, row in held.items()}
    waiting = {each.key: each for each in mine.filter(key__in=list(said))}
    for key, each in waiting.items():
        each.row = said.pop(key)
    Proposal.objects.bulk_update(waiting.values(), ["row"])
    room = max(0, MOST_HELD - mine.count())
    if len(said) > room:
        notify("too_many_held", told.device, most=MOST_HELD)
    Proposal.objects.bulk_create(
        Proposal(device=told.device, key=key, row=row, epoch=told.epoch, seq=told.seq)
        for key, row in list(said.items())[:room]
    )
