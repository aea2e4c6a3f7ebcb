"""What is made of the entries that are about no session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from protocol import entries
from protocol.access import Reason
from server.devices import local_edits, rehashing
from server.edits import sentences
from server.edits.models import Change
from server.inbox.notices import notify
from server.journal import clocks
from server.journal.processing import Written, register, register_ready
from server.people.models import UnknownBadge
from server.upkeep import records
from server.upkeep.models import What
from server.upkeep.records import When
from server.upkeep.signals import defect_reported

SERVER: Final = "server"  # by whom a controller says that its list was changed, where that was not there
LATEST: Final = timedelta(days=1)


def unknown_badge(written: Written, entry: entries.Refused) -> None:
    """Keep which badge nobody knew, so that it can be given to somebody."""
    came = datetime.fromtimestamp(written.entry.came / 1000, UTC)
    if entry.reason is Reason.UNKNOWN_BADGE and entry.badge and len(entry.badge) == 32:  # noqa: PLR2004 - a hash
        known = {"machine": entry.machine, "at": came, "tapped": _when(written).wall}
        UnknownBadge.objects.update_or_create(hash=entry.badge, defaults=known)
        UnknownBadge.objects.filter(at__lt=came - LATEST).delete()


def edited(written: Written, entry: entries.Edited) -> None:
    """Take over an edit that was made at a machine."""
    local_edits.take_over(written.device, written.epoch, written.entry.seq, entry)


def rehashed(written: Written, entry: entries.Rehashed) -> None:
    """Know a badge under the new badge key."""
    rehashing.rehash(written.device, entry.badge, entry.new)


def storage_replaced(written: Written, entry: entries.StorageReplaced) -> None:
    """Report that a controller's database was damaged."""
    notify("storage_replaced", written.device, why=entry.why[:200])


def fault(written: Written, entry: entries.FaultLatched) -> None:
    """Report that a machine is out of order."""
    notify("fault", written.device, subject=entry.machine, machine=entry.machine, cause=entry.cause[:300])


def down(written: Written, entry: entries.FaultLatched | entries.Locked) -> None:
    """Count a machine as down from now on."""
    is_lock = isinstance(entry, entries.Locked)
    why = entry.note if isinstance(entry, entries.Locked) else entry.cause
    records.down(_when(written), entry.machine, what=What.LOCK if is_lock else What.FAULT, why=why)


def up(written: Written, entry: entries.FaultCleared | entries.Unlocked) -> None:
    """Count it so no more."""
    what = What.LOCK if isinstance(entry, entries.Unlocked) else What.FAULT
    by = whitelist_author(entry.machine) if isinstance(entry, entries.Unlocked) and entry.by == SERVER else entry.by
    records.up(_when(written), entry.machine, what=what, by=by)


def whitelist_author(machine: str) -> str:
    """Return who unlocked a machine here: its controller heard of it by the whitelist, and says that the server did."""
    change = Change.objects.filter(key=f"machine/{machine}", edit__what__in=["unlocked", "undone"]).order_by("-version")
    latest = change.select_related("edit__account", "edit__device").first()
    return SERVER if latest is None else sentences.who(latest.edit)


def reported(written: Written, entry: entries.Reported) -> None:
    """Keep a defect that was reported at a machine or its controller, and say so; a button that sticks says it once."""
    kept = records.reported(
        _when(written), entry.machine, note=entry.note or entry.input, by=entry.by, member=entry.member
    )
    if kept:
        about = {"machine": entry.machine, "id": entry.machine, "why": (entry.note or entry.input)[:200]}
        notify("defect", written.device, subject=entry.machine, **about)
        defect_reported.send(entries.Reported, machine=entry.machine, name=entry.machine, note=str(about["why"]))


def mended(written: Written, entry: entries.Mended) -> None:
    """Have what was reported of a machine until then be dealt with, however late that is heard of."""
    when = _when(written)
    records.mended(entry.machine, by=entry.by, note=entry.note, when=when.wall, came=when.came)


def dated(written: Written, _entry: entries.Clock) -> None:
    """Date what happened to machines in this boot by what its clock says by now."""
    if clocks.moved(written):
        records.dated(written.device.pk, written.entry.boot, clocks.offset(written.device, written.entry.boot)[0])


def _when(written: Written) -> When:
    shift, _quality = clocks.offset(written.device, written.entry.boot)
    came = datetime.fromtimestamp(written.entry.came / 1000, UTC)
    return When(written.device.pk, written.entry.boot, written.entry.at, shift, came)


def clock_lowered(written: Written, entry: entries.ClockLowered) -> None:
    """Report that somebody set a controller's clock back."""
    notify("clock_lowered", written.device, by=entry.by[:100])


def register_all() -> None:
    """Have the journals' own handlers be called."""
    register(entries.Clock, clocks.read)
    register(entries.Refused, unknown_badge)
    register(entries.Edited, edited)
    register_ready(entries.Edited, local_edits.has_seen)
    register(entries.Rehashed, rehashed)
    register(entries.StorageReplaced, storage_replaced)
    register(entries.FaultLatched, fault)
    register(entries.ClockLowered, clock_lowered)
    register(entries.FaultLatched, down)
    register(entries.Locked, down)
    register(entries.FaultCleared, up)
    register(entries.Unlocked, up)
    register(entries.Reported, reported)
    register(entries.Mended, mended)
    register(entries.Clock, dated)
