"""Journals as they come in: written whole, each number once, acknowledged once committed.

The same number with another payload is an alarm and closes the stream: the controller goes on in a new epoch.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec
from django.db import IntegrityError, connection, transaction

from common.texts import N_
from protocol import messages
from protocol.messages import Batch, Line, MessageError, Receipt
from server.core import clock
from server.devices import names
from server.devices.models import Device
from server.inbox.notices import notify
from server.journal.models import Entry, Gap, Stream

# What one controller may send in a day: all that a journal holds (two million entries) after years without a line.
MOST_ENTRIES: Final = 3_000_000
MOST_BYTES: Final = 256_000_000
DAY_MS: Final = 86_400_000
AT_ONCE: Final = 100  # rows in one statement
MOST_STREAMS: Final = 200  # epochs of one controller: each is a database of its own that was damaged or replaced
_READ: Final = msgspec.json.Decoder(Line).decode
TABLE: Final = Entry._meta.db_table  # noqa: SLF001 - Django's documented way
STREAMS: Final = Stream._meta.db_table  # noqa: SLF001 - likewise
DAY: Final = "day, day_entries, day_bytes"
FIND: Final = f"select id, epoch, acknowledged_seq, closed, {DAY} from {STREAMS} where device_id = %s"  # noqa: S608 - likewise
REACHED: Final = f"update {STREAMS} set acknowledged_seq = %s, day = %s, day_entries = %s, day_bytes = %s where id = %s"  # noqa: S608 - likewise
INSERT: Final = f"insert into {TABLE} (stream_id, seq, boot, at, came, body) values (%s, %s, %s, %s, %s, %s)"  # noqa: S608 - our own name


class ExpectedError(Exception):
    """A batch that does not follow what is there: it is to begin after `expected`."""

    def __init__(self, expected: int) -> None:
        self.expected = expected


class ConflictError(Exception):
    """A number that holds something else already."""


class TooMuchError(Exception):
    """More than a controller may send in a day: the rest of it waits there."""


class Upload(msgspec.Struct, frozen=True):
    """One batch, read; size: its bytes."""

    batch: Batch
    rows: list[tuple[int, str, int, str]]
    size: int = 0


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
    return Upload(batch, rows, len(body))


def take(device: Device, upload: Upload) -> Receipt:
    """Commit a batch.

    Raises ExpectedError, ConflictError and TooMuchError (and remembers the alarm), MessageError.
    """
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
    except TooMuchError:
        notify("too_much", device, once=f"too_much/{device.pk}/{_today()}")
        raise


def _take(device: Device, upload: Upload, *, carefully: bool = False) -> Receipt:
    batch = upload.batch
    streams = _find(device)
    stream = streams.get(batch.epoch)
    if stream is None:
        if len(streams) >= MOST_STREAMS:
            raise MessageError(N_("a controller has at most {most} epochs"), most=MOST_STREAMS)
        begun = batch.begins - 1
        stream = Stream.objects.create(
            device=device, epoch=batch.epoch, acknowledged_seq=begun, processed_seq=begun,
            booked_seq=begun, sifted_seq=0, day=0, day_entries=0, day_bytes=0,
        )  # fmt: skip
    if stream.closed:
        raise ConflictError
    if batch.after > stream.acknowledged_seq:
        raise ExpectedError(stream.acknowledged_seq)
    known = _hold(
        stream, upload.rows if carefully else [row for row in upload.rows if row[0] <= stream.acknowledged_seq]
    )
    new = [row for row in upload.rows if row[0] > stream.acknowledged_seq and row[0] not in known]
    is_news = bool(new) or batch.upto > stream.acknowledged_seq
    came = _hold_to_a_day(streams, stream, max(is_news, len(new) + len(batch.names)), upload.size if is_news else 0)
    if batch.names:
        names.keep(device, batch.names)
    _write(stream, new)
    _note_gaps(stream, upload)
    high = max(stream.acknowledged_seq, batch.upto)
    if high != stream.acknowledged_seq:
        with connection.cursor() as cursor:
            cursor.execute(REACHED, [high, *came, stream.pk])
    return Receipt(batch.epoch, high)


def _find(device: Device) -> dict[str, Stream]:
    """Find a controller's journals by epoch, and hold them: so much of each as is asked for here.

    Past Django's models, as all that every batch does: a storm of a thousand controllers is bound by it.
    """
    held = " for update" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(FIND + held, [device.pk])
        found = cursor.fetchall()
    return {
        epoch: Stream(
            pk=pk, device=device, epoch=epoch, acknowledged_seq=seq, closed=bool(closed),
            day=day, day_entries=entries, day_bytes=size,
        )
        for pk, epoch, seq, closed, day, entries, size in found
    }  # fmt: skip


def _today() -> int:
    return clock.ms() // DAY_MS


def _hold_to_a_day(streams: dict[str, Stream], stream: Stream, entries: int, size: int) -> tuple[int, int, int]:
    """Hold a controller to what one may send in a day; return the day, and how much of it came by this journal.

    entries: with what a batch costs that has none; size: in bytes.

    Raises TooMuchError.
    """
    today = _today()
    lately = [each for each in streams.values() if each.day == today]
    if entries + sum(each.day_entries for each in lately) > MOST_ENTRIES or (
        size + sum(each.day_bytes for each in lately) > MOST_BYTES
    ):
        raise TooMuchError
    mine = (stream.day_entries, stream.day_bytes) if stream.day == today else (0, 0)
    return today, mine[0] + entries, mine[1] + size


def _write(stream: Stream, new: list[tuple[int, str, int, str]]) -> None:
    """Write entries, many in one statement: SQLite spends on each statement three times what it spends on a row."""
    came, pk = clock.ms(), stream.pk
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            cursor.executemany(INSERT, [(pk, seq, boot, at, came, body) for seq, boot, at, body in new])
        return
    with connection.wrap_database_errors:
        for start in range(0, len(new), AT_ONCE):
            part = new[start : start + AT_ONCE]
            values = [value for seq, boot, at, body in part for value in (pk, seq, boot, at, came, body)]
            connection.connection.execute(_insert(len(part)), values)


@cache
def _insert(count: int) -> str:
    """Return the statement that inserts so many, as SQLite has it: Django would look for its places each time."""
    row = "(?, ?, ?, ?, ?, ?)"
    return INSERT.partition(" values ")[0] + " values " + ", ".join([row] * count)


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
