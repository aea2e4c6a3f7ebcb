"""What is read out of the journals that came: each entry gone through once, in order, in short transactions.

Apps register what they make of a kind of entry. One that makes no sense is told of and passed.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, get_args

import msgspec
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from protocol.entries import AnyEntry, decode_entry
from server.core import clock
from server.devices.models import Device
from server.inbox.notices import notify
from server.journal import book
from server.journal.models import Entry, Stream
from server.people.merging import aliases
from server.whitelist.models import Machine

BATCH: Final = 200
CHUNK: Final = 20  # read at once
BYTES: Final = 200_000  # of entries in one transaction
SLICE_S: Final = 0.02  # after which others have their turn
EARLY_MS: Final = 2_000
AT_MOST: Final = 50  # journals that are gone on with, in one step
PASSING: Final = ("locked", "busy", "full", "disk I/O", "readonly", "unable to open")
log = logging.getLogger("loquet.server")


class Written(msgspec.Struct, frozen=True):
    """An entry as it stands in its journal: whose, of which epoch, and the row that keeps it."""

    device: Device
    epoch: str
    entry: Entry


Handler = Callable[[Written, Any], None]
BatchHandler = Callable[[Device, list[Any]], None]
_handlers: defaultdict[type, list[Handler]] = defaultdict(list)
_ready: dict[type, Callable[[Device, Any], bool]] = {}
_in_batches: set[type] = set()
_batch_handlers: list[tuple[tuple[type, ...], BatchHandler]] = []


def register(kind: type, handler: Handler) -> None:
    """Have a handler called for each entry of a kind, after those that are there, in the same transaction."""
    _handlers[kind].append(handler)


def register_ready(kind: type, is_ready: Callable[[Device, Any], bool]) -> None:
    """Have an entry of a kind wait a little where what it speaks of may be on its way to the database."""
    _ready[kind] = is_ready


def register_batch(kinds: tuple[type, ...], handler: BatchHandler) -> None:
    """Have a handler called once a batch with what it holds of these kinds, in order, in the same transaction."""
    _in_batches.update(kinds)
    _batch_handlers.append((kinds, handler))


def processed() -> Iterable[tuple[str, str, int]]:
    """Return up to which entry each journal is processed: controller, epoch, number; the newest journals first."""
    return Stream.objects.order_by("-pk").values_list("device_id", "epoch", "processed_seq")


def step(pause: Callable[[float], None] = lambda _seconds: None) -> bool:
    """Go through one batch of each journal; return whether there was anything that may be gone on with at once.

    pause: is given the seconds for which each transaction kept others from writing.
    """
    found = 0
    waiting = Q(processed_seq__lt=F("acknowledged_seq")) | Q(booked_seq__lt=F("processed_seq"))
    # One that waits for something keeps no other from its turn, however many of them a controller has.
    for stream in Stream.objects.filter(waiting).select_related("device"):
        if found >= AT_MOST:
            break
        begun = time.monotonic()
        if stream.booked_seq < stream.processed_seq:
            book.catch_up(stream, _machines_of(stream))
            found += 1
        else:
            found += _process(stream)
        pause(time.monotonic() - begun)
    return bool(found)


def is_behind() -> bool:
    """Return whether there is an entry that nobody has gone through yet."""
    return Stream.objects.filter(processed_seq__lt=F("acknowledged_seq")).exists()


class _Foreign(msgspec.Struct):
    """What a controller tells of a machine that is not its own."""

    machine: str


class _Broken(msgspec.Struct):
    """What cannot be read."""

    error: str


class _Due(msgspec.Struct, frozen=True):
    """An entry, and what is to be done about it; None for nothing."""

    row: Entry
    found: AnyEntry | _Foreign | _Broken | None


def _process(stream: Stream) -> bool:
    """Read and sort first, so that nobody waits for the database meanwhile; then write what follows from it.

    What was not done in a slice of time is done in the next one, once others had their turn. Return whether there may
    be more at once.
    """
    due, reached = _read(stream)
    first = stream.processed_seq
    if due and _is_early(stream.device, due[0]):
        return False
    with transaction.atomic():
        aliases.hold()
        skip = connection.features.has_select_for_update_skip_locked
        locked = Stream.objects.select_for_update(of=("self",), skip_locked=skip).filter(pk=stream.pk).first()
        if locked is None or locked.processed_seq != first:
            return False  # another process does it, or has done it
        end = time.monotonic() + SLICE_S
        taken: list[tuple[Entry, Any]] = []
        for number, each in enumerate(due):
            if number and (time.monotonic() > end or _is_early(stream.device, each)):
                reached = due[number - 1].row.seq
                break
            if each.found is not None and _take(Written(stream.device, stream.epoch, each.row), each.found):
                taken.append((each.row, each.found))
        book.mark_all(taken)
        for kinds, handler in _batch_handlers:
            mine_of_them = [found for _entry, found in taken if isinstance(found, kinds)]
            if mine_of_them:
                handler(stream.device, mine_of_them)
        Stream.objects.filter(pk=stream.pk).update(processed_seq=reached, booked_seq=reached)
    return True


def _read(stream: Stream) -> tuple[list[_Due], int]:
    """Return the next entries of a journal, up to a bound of bytes, and up to which number that is."""
    first, last = stream.processed_seq, stream.acknowledged_seq
    mine = _machines_of(stream)
    due: list[_Due] = []
    size = 0
    rows = Entry.objects.filter(stream=stream, seq__gt=first, seq__lte=last).order_by("seq")[:BATCH]
    for row in rows.iterator(chunk_size=CHUNK):
        due.append(_Due(row, _due(row.body, mine)))
        size += len(row.body)
        if size > BYTES:
            return due, row.seq
    # Where a batch was not full, numbers may be missing at its end: they were purged, and nobody waits for them.
    return due, due[-1].row.seq if len(due) == BATCH else last


def _is_early(device: Device, due: _Due) -> bool:
    """Return whether an entry is to wait for what this server is writing meanwhile: for two seconds, and no longer."""
    ready = _ready.get(type(due.found))
    return ready is not None and 0 <= clock.ms() - due.row.came < EARLY_MS and not ready(device, due.found)


def catch_up() -> None:
    """Mark all that was processed and is not marked yet; nobody is told of anything again."""
    behind = Stream.objects.filter(booked_seq__lt=F("processed_seq")).select_related("device")
    while streams := list(behind[:50]):
        for stream in streams:
            book.catch_up(stream, _machines_of(stream))


def _machines_of(stream: Stream) -> set[str]:
    """Return the machines of a controller, and of those that have taken its place since: of these it told too."""
    devices, device = [stream.device_id], stream.device
    while (after := device.replaced_by) is not None and after.pk not in devices:
        devices.append(after.pk)
        device = after
    return set(Machine.objects.filter(device_id__in=devices).values_list("pk", flat=True))


class _Head(msgspec.Struct):
    """The first that is read of an entry."""

    type: str
    machine: str | None = None


_HEAD: Final = msgspec.json.Decoder(_Head).decode
_KINDS: Final = {str(each.__struct_config__.tag): each for each in get_args(AnyEntry)}


def _due(body: str, mine: set[str]) -> AnyEntry | _Foreign | _Broken | None:
    """Read an entry; return what is to be done about it, None for nothing."""
    try:
        head = _HEAD(body)
        if head.machine is not None and head.machine not in mine:
            return _Foreign(head.machine[:64])
        kind = _KINDS.get(head.type)
        if kind not in _handlers and kind not in _in_batches:
            return None if kind is not None else _Broken(head.type[:40])
        entry: AnyEntry = decode_entry(body)
    except Exception as error:  # noqa: BLE001 - whatever stands in an entry, those after it are read
        return _Broken(type(error).__name__)
    return entry


def _take(written: Written, found: AnyEntry | _Foreign | _Broken) -> bool:
    """Do what is due about an entry; return whether it made sense."""
    device = written.device
    today = clock.today()  # such things are told once a day
    if isinstance(found, _Foreign):
        notify("foreign", device, once=f"foreign/{device.pk}/{today}", machine=found.machine)
        return False
    error = found.error if isinstance(found, _Broken) else ""
    if not isinstance(found, _Broken) and type(found) in _handlers:
        try:
            with transaction.atomic():  # a savepoint: what one entry breaks, no other one suffers
                for handler in _handlers[type(found)]:
                    handler(written, found)
        except Exception as failed:
            if _passes(failed):
                raise  # the entry is not at fault: all of it is tried again
            error = type(failed).__name__
    if error:
        unreadable(device, f"entry {written.entry.seq}", error)
    return not error


def _passes(failed: Exception) -> bool:
    """Return whether an error is of the database, and gone the next time: a lock, a full disk, a deadlock."""
    if not isinstance(failed, OperationalError | InterfaceError):
        return False
    return connection.vendor == "postgresql" or any(word in str(failed) for word in PASSING)


def unreadable(device: Device, what: str, error: str) -> None:
    """Report, once a day, that something of a controller's journal makes no sense."""
    log.warning("%s of %s cannot be read: %s", what, device.pk, error)
    notify("unreadable", device, once=f"unreadable/{device.pk}/{clock.today()}", kind=error)
