"""Journals as they come in: written whole, each number once, acknowledged once committed.

The same number with another payload is an alarm and closes the stream: the controller goes on in a new epoch.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db import IntegrityError, connection, transaction

from common.texts import N_
from protocol import messages
from protocol.messages import Batch, Line, MessageError, Receipt
from server.core import clock
from server.devices.models import Device
from server.inbox.notices import notify
from server.journal.models import Entry, Gap, Stream

MOST_STREAMS: Final = 200  # epochs of one controller: each is a database of its own that was damaged or replaced
_READ: Final = msgspec.json.Decoder(Line).decode
TABLE: Final = Entry._meta.db_table  # noqa: SLF001 - Django's documented way
STREAMS: Final = Stream._meta.db_table  # noqa: SLF001 - likewise
FIND: Final = f"select id, acknowledged_seq, closed from {STREAMS} where device_id = %s and epoch = %s"  # noqa: S608 - likewise
REACHED: Final = f"update {STREAMS} set acknowledged_seq = %s where id = %s"  # noqa: S608 - likewise
INSERT: Final = f"insert into {TABLE} (stream_id, seq, boot, at, came, body) values (%s, %s, %s, %s, %s, %s)"  # noqa: S608 - our own name


class ExpectedError(Exception):
    """A batch that does not follow what is there: it is to begin after `expected`."""

    def __init__(self, expected: int) -> None:
        self.expected = expected


class ConflictError(Exception):
    """A number that holds something else already."""


class Upload(msgspec.Struct, frozen=True):
    """One batch, read."""

    batch: Batch
    rows: list[tuple[int, str, int, str]]


def read(body: bytes) -> Upload:
    """Read a batch: its head, then one entry a line, in order, each within its bounds. Raises MessageError."""
    head, *lines = body.split(b"\n")
    batch: Batch = messages.read(Batch, head)
    if batch.upto < batch.after:
        raise MessageError(N_("line 1: upto lies before after"))
    rows = []
    last = batch.after
    for number, raw in enumerate(lines, 2):
        if not raw:
            continue
        if len(raw) > messages.MAX_LINE:
            raise MessageError(
                N_("line {line}: an entry has at most {most} bytes"), line=number, most=messages.MAX_LINE
            )
        try:
            line = _READ(raw)
            text = bytes(line.entry).decode()
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise MessageError(N_("line {line}: {error}"), line=number, error=error) from error
        if not last < line.seq <= batch.upto or text[:1] != "{" or "\\u0000" in text or "\0" in line.boot:
            raise MessageError(N_("line {line}: entries come in order, between after and upto"), line=number)
        rows.append((line.seq, line.boot, line.at, text))
        last = line.seq
    if len(rows) > messages.BATCH:
        raise MessageError(N_("a batch has at most {most} entries"), most=messages.BATCH)
    return Upload(batch, rows)


def take(device: Device, upload: Upload) -> Receipt:
    """Commit a batch. Raises ExpectedError, ConflictError (and remembers the alarm), MessageError."""
    try:
        try:
            with transaction.atomic():
                return _take(device, upload)
        # The quick way writes without looking; only where that fails it is looked at one by one.
        except IntegrityError:  # something stands past what was acknowledged: it is looked at one by one
            with transaction.atomic():
                return _take(device, upload, carefully=True)
    except ConflictError:
        Stream.objects.filter(device=device, epoch=upload.batch.epoch).update(closed=True)
        notify("conflict", device, once=f"conflict/{device.pk}/{upload.batch.epoch}", epoch=upload.batch.epoch)
        raise


def _take(device: Device, upload: Upload, *, carefully: bool = False) -> Receipt:
    batch = upload.batch
    stream = _find(device, batch.epoch)
    if stream is None:
        if Stream.objects.filter(device=device).count() >= MOST_STREAMS:
            raise MessageError(N_("a controller has at most {most} epochs"), most=MOST_STREAMS)
        begun = batch.begins - 1
        stream = Stream.objects.create(device=device, epoch=batch.epoch, acknowledged_seq=begun, processed_seq=begun)
    if stream.closed:
        raise ConflictError
    if batch.after > stream.acknowledged_seq:
        raise ExpectedError(stream.acknowledged_seq)
    known = _hold(
        stream, upload.rows if carefully else [row for row in upload.rows if row[0] <= stream.acknowledged_seq]
    )
    _write(stream, [row for row in upload.rows if row[0] > stream.acknowledged_seq and row[0] not in known])
    _note_gaps(stream, upload)
    high = max(stream.acknowledged_seq, batch.upto)
    if high != stream.acknowledged_seq:
        with connection.cursor() as cursor:
            cursor.execute(REACHED, [high, stream.pk])
    return Receipt(batch.epoch, high)


def _find(device: Device, epoch: str) -> Stream | None:
    """Find a journal, and hold it: so much of it as is asked for here.

    Past Django's models, as all that every batch does: a storm of a thousand controllers is bound by it.
    """
    held = " for update" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(FIND + held, [device.pk, epoch])
        found = cursor.fetchone()
    if found is None:
        return None
    return Stream(pk=found[0], device=device, epoch=epoch, acknowledged_seq=found[1], closed=bool(found[2]))


def _write(stream: Stream, new: list[tuple[int, str, int, str]]) -> None:
    if not new:
        return
    came = clock.ms()
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [(stream.pk, seq, boot, at, came, body) for seq, boot, at, body in new])


def _hold(stream: Stream, found: list[tuple[int, str, int, str]]) -> set[int]:
    """Hold what comes again to what is there; return the numbers that are. Raises ConflictError."""
    if not found:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            f"select seq, boot, at, body from {TABLE} where stream_id = %s and seq between %s and %s",  # noqa: S608 - likewise
            [stream.pk, found[0][0], found[-1][0]],
        )
        held: dict[int, Any] = {row[0]: row[1:] for row in cursor.fetchall()}
    for seq, *rest in found:
        if seq in held and tuple(rest) != tuple(held[seq]):
            raise ConflictError
    return held.keys() & {row[0] for row in found}


def _note_gaps(stream: Stream, upload: Upload) -> None:
    """Remember the numbers that are missing: they were purged before they could be sent."""
    batch = upload.batch
    low, high = max(batch.after, stream.acknowledged_seq), batch.upto
    if high <= low:
        return
    seqs = [row[0] for row in upload.rows if row[0] > low]
    if len(seqs) == high - low:
        return
    gaps, last = [], low
    for seq in [*seqs, high + 1]:
        if seq > last + 1:
            gaps.append(Gap(stream=stream, first=last + 1, last=seq - 1))
        last = seq
    Gap.objects.bulk_create(gaps)
    missing = sum(gap.last - gap.first + 1 for gap in gaps)
    notify("gap", stream.device, epoch=stream.epoch, missing=missing)
