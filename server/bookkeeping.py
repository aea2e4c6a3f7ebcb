"""What is read out of the journals that came: sessions, clocks, unknown badges, edits made at machines.

Each entry is gone through once, in order, in short transactions; an entry that makes no sense is told of and passed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final, cast, get_args

import msgspec
from django.db import transaction
from django.db.models import F

from protocol import entries
from protocol.access import Reason
from protocol.entries import AnyEntry, decode_entry
from protocol.moment import Quality
from protocol.whitelist import Level
from server import merging
from server.inbox import tell
from server.models import ClockReading, Device, Event, Machine, Session, Stream, UnknownBadge

BATCH: Final = 200
LAST_MS: Final = 7_258_118_400_000  # 2200: whoever says later has no clock
log = logging.getLogger("loquet.server")
LATEST: Final = timedelta(days=1)
_ORDER: Final = [each.value for each in Quality]


def step() -> bool:
    """Go through one batch of each stream; return whether there was anything."""
    found = False
    for stream in Stream.objects.filter(told__lt=F("high")).select_related("device")[:50]:
        _read_out(stream)
        found = True
    return found


def _read_out(stream: Stream) -> None:
    """Read and sort first, so that nobody waits for the database meanwhile; then write what follows from it."""
    wanted = Event.objects.filter(stream=stream, seq__gt=stream.told, seq__lte=stream.high).order_by("seq")
    events = list(wanted[:BATCH])
    mine = set(Machine.objects.filter(device_id=stream.device_id).values_list("pk", flat=True))
    due = [(event, found) for event in events if (found := _due(event.body, mine)) is not None]
    told = events[-1].seq if len(events) == BATCH else stream.high
    with transaction.atomic():
        locked = Stream.objects.select_for_update(of=("self",)).get(pk=stream.pk)
        if locked.told != stream.told:
            return  # another process has done it
        for event, entry in due:
            _take(stream.device, stream, event, entry)
        Stream.objects.filter(pk=stream.pk).update(told=told)


def read_usage_again() -> int:
    """Make sessions again from the entries that are there, in the transaction that is open; return how many there are.

    Only what usage is made of is read: whoever was told of the rest was told once.
    """
    for stream in Stream.objects.order_by("pk").select_related("device"):
        mine = set(Machine.objects.filter(device_id=stream.device_id).values_list("pk", flat=True))
        for event in Event.objects.filter(stream=stream, seq__lte=stream.told).order_by("seq").iterator(BATCH):
            entry = _due(event.body, mine)
            if isinstance(entry, _USAGE):
                with contextlib.suppress(ValueError), transaction.atomic():
                    _HANDLERS[type(entry)](stream.device, stream, event, entry)
    return Session.objects.count()


class _Foreign(msgspec.Struct):
    """What a controller tells of a machine that is not its own."""

    machine: str


class _Broken(msgspec.Struct):
    """What cannot be read."""

    error: str


def _due(body: str, mine: set[str]) -> AnyEntry | _Foreign | _Broken | None:
    """Read an entry; return what is to be done about it, None for nothing."""
    try:
        head = _HEAD(body)
        if head.machine is not None and head.machine not in mine:
            return _Foreign(head.machine[:64])
        if head.type not in _KINDS:
            return None if head.type in _KNOWN else _Broken(head.type[:40])
        entry: AnyEntry = decode_entry(body)
    except Exception as error:  # noqa: BLE001 - whatever stands in an entry, those after it are read
        return _Broken(type(error).__name__)
    if isinstance(entry, entries.Refused) and entry.reason is not Reason.UNKNOWN_BADGE:
        return None
    return entry


def _take(device: Device, stream: Stream, event: Event, entry: AnyEntry | _Foreign | _Broken) -> None:
    today = date.today()  # noqa: DTZ011 - such things are told once a day
    if isinstance(entry, _Foreign):
        tell("foreign", device, once=f"foreign/{device.pk}/{today}", machine=entry.machine)
        return
    error = entry.error if isinstance(entry, _Broken) else ""
    if not isinstance(entry, _Broken):
        try:
            with transaction.atomic():  # a savepoint: what one entry breaks, no other one suffers
                _HANDLERS[type(entry)](device, stream, event, entry)
        except Exception as failed:  # noqa: BLE001 - likewise
            error = type(failed).__name__
    if error:
        log.warning("entry %s of %s cannot be read: %s", event.seq, device.pk, error)
        tell("unreadable", device, once=f"unreadable/{device.pk}/{today}", kind=error)


class _Head(msgspec.Struct):
    """The first that is read of an entry."""

    type: str
    machine: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head).decode


_USAGE: Final = (entries.Granted, entries.Resumed, entries.Withdrawn, entries.Ended, entries.Corrected)
Handler = Callable[[Device, Stream, Event, AnyEntry], None]


def _clock(device: Device, _stream: Stream, event: Event, entry: entries.Clock) -> None:
    if not 0 <= event.at + entry.offset <= LAST_MS:
        raise ValueError(entry.offset)
    ClockReading.objects.create(
        device=device, boot=event.boot, at=event.at, offset=entry.offset, quality=entry.quality.value
    )
    offset, quality = _offset(device, event.boot)
    Session.objects.filter(device=device, boot=event.boot).update(started=F("began") + offset, quality=quality)


def _offset(device: Device, boot: str) -> tuple[int | None, str]:
    """Return what to add to a boot's own time: its best reading, the last of them."""
    readings = list(
        ClockReading.objects.filter(device=device, boot=boot).order_by("pk").values_list("offset", "quality")
    )
    if not readings:
        return None, Quality.UNKNOWN.value
    best = min(_ORDER.index(quality) for _offset, quality in readings)
    return next(offset for offset, quality in reversed(readings) if _ORDER.index(quality) == best), _ORDER[best]


def _granted(device: Device, _stream: Stream, event: Event, entry: entries.Granted) -> None:
    offset, quality = _offset(device, event.boot)
    Session.objects.update_or_create(
        device=device,
        session=entry.session[:64],
        defaults={
            "machine": entry.machine,
            "member": entry.member[:64],
            "badge": entry.badge[:32],
            "level": int(entry.level),
            "boot": event.boot,
            "began": event.at,
            "started": None if offset is None else event.at + offset,
            "quality": quality,
            "purpose": entry.purpose.value,
            "category": entry.category[:200],
            "payer": entry.payer[:200],
            "organisation": entry.organisation[:200],
            "people": entry.people,
            "meter": entry.meter,
        },
    )


def _resumed(device: Device, stream: Stream, event: Event, entry: entries.Resumed) -> None:
    """Take up a session whose grant was lost with a damaged database."""
    if entry.member and not Session.objects.filter(device=device, session=entry.session).exists():
        purpose = entry.purpose or entries.Purpose.OWN
        granted = entries.Granted(entry.session, entry.machine, entry.member, entry.badge or "", Level.USER, purpose)
        _granted(device, stream, event, granted)


def _withdrawn(device: Device, _stream: Stream, _event: Event, entry: entries.Withdrawn) -> None:
    Session.objects.filter(device=device, session=entry.session).delete()


def _ended(device: Device, _stream: Stream, event: Event, entry: entries.Ended) -> None:
    offset, quality = _offset(device, event.boot)
    session, _made = Session.objects.get_or_create(
        device=device,
        session=entry.session[:64],
        defaults={
            "machine": entry.machine,
            "member": "",
            "boot": event.boot,
            "began": max(0, event.at - entry.powered),
            "started": None if offset is None else event.at - entry.powered + offset,
            "quality": quality,
        },
    )
    session.ended = True
    if not session.corrected_by:
        session.powered = max(0, entry.powered)
    session.busy = entry.busy
    session.energy = entries.energy_used(session.meter, entry.meter)
    session.why = entry.why.value
    session.ended_by = (entry.by or "")[:200]
    session.save()


def _corrected(device: Device, _stream: Stream, _event: Event, entry: entries.Corrected) -> None:
    changes = {
        "powered": None if entry.powered is None else max(0, entry.powered),
        "purpose": entry.purpose and entry.purpose.value,
        "organisation": entry.organisation and entry.organisation[:200],
        "people": entry.people,
        "corrected_by": entry.by[:200],
    }
    given = {key: value for key, value in changes.items() if value is not None}
    Session.objects.filter(device=device, session=entry.session).update(**given)


def _refused(_device: Device, _stream: Stream, event: Event, entry: entries.Refused) -> None:
    came = datetime.fromtimestamp(event.came / 1000, UTC)
    if entry.reason is Reason.UNKNOWN_BADGE and entry.badge and len(entry.badge) == 32:  # noqa: PLR2004 - a hash
        UnknownBadge.objects.update_or_create(hash=entry.badge, defaults={"machine": entry.machine, "at": came})
        UnknownBadge.objects.filter(at__lt=came - LATEST).delete()


def _edited(device: Device, stream: Stream, event: Event, entry: entries.Edited) -> None:
    merging.take_over(device, stream, event, entry)


def _rehashed(device: Device, _stream: Stream, _event: Event, entry: entries.Rehashed) -> None:
    merging.rehash(device, entry.badge, entry.new)


def _replaced(device: Device, _stream: Stream, event: Event, entry: entries.StorageReplaced) -> None:
    tell("storage_replaced", device, once=f"replaced/{event.pk}", why=entry.why[:200])


def _fault(device: Device, _stream: Stream, event: Event, entry: entries.FaultLatched) -> None:
    tell("fault", device, once=f"fault/{event.pk}", machine=entry.machine, cause=entry.cause[:300])


def _lowered(device: Device, _stream: Stream, event: Event, entry: entries.ClockLowered) -> None:
    tell("clock_lowered", device, once=f"lowered/{event.pk}", by=entry.by[:100])


_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    entries.Clock: _clock,
    entries.Granted: _granted,
    entries.Resumed: _resumed,
    entries.Withdrawn: _withdrawn,
    entries.Ended: _ended,
    entries.Corrected: _corrected,
    entries.Refused: _refused,
    entries.Edited: _edited,
    entries.Rehashed: _rehashed,
    entries.StorageReplaced: _replaced,
    entries.FaultLatched: _fault,
    entries.ClockLowered: _lowered,
}
_KINDS: Final = {str(cast("type[entries.Entry]", each).__struct_config__.tag) for each in _HANDLERS}
_KNOWN: Final = {str(each.__struct_config__.tag) for each in get_args(AnyEntry)}
