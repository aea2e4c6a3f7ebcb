"""The journal is the book of usage: which entries say what a session was. They live as long as it does.

An entry is marked with its session once it is processed; what is not marked is passages and refusals.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.db.models import Q

from protocol.entries import USAGE, AnyEntry, Clock, decode_entry, read_entry
from server.devices.models import Device
from server.journal.models import Entry, Stream

BATCH: Final = 500
TABLE: Final = Entry._meta.db_table  # noqa: SLF001 - Django's documented way
CLOCK: Final = "clock/"  # and the boot: when its sessions were
PAST_CLOCK: Final = "clock0"  # the first that begins otherwise
_KINDS: Final = tuple(f'"type":"{each.__struct_config__.tag}"' for each in (*USAGE, Clock))


class Said(msgspec.Struct, frozen=True):
    """One entry about a session: on which boot, at which of its milliseconds."""

    boot: str
    at: int
    entry: AnyEntry


def mark_all(taken: Iterable[tuple[Entry, Any]]) -> None:
    """Note what each of these entries says usage of, if it does."""
    marks = [(name, row.pk) for row, entry in taken if (name := _session(row, entry))]
    if marks:
        with connection.cursor() as cursor:
            cursor.executemany(f"update {TABLE} set session = %s where id = %s", marks)  # noqa: S608 - our own name


def _session(row: Entry, entry: AnyEntry) -> str:
    if isinstance(entry, USAGE):
        return entry.session[:64]
    return f"{CLOCK}{row.boot}"[:64] if isinstance(entry, Clock) else ""


def catch_up(stream: Stream, machines: set[str]) -> None:
    """Mark a batch of what a program processed that marked nothing: the release before, or the server before it."""
    found = list(
        Entry.objects.filter(stream=stream, seq__gt=stream.booked_seq, seq__lte=stream.processed_seq).order_by("seq")[
            :BATCH
        ]
    )
    reached = found[-1].seq if len(found) == BATCH else stream.processed_seq
    ours: list[tuple[Entry, AnyEntry]] = []
    for row in found:
        if any(each in row.body for each in _KINDS):
            with contextlib.suppress(msgspec.MsgspecError, RecursionError):
                entry = decode_entry(row.body)
                if getattr(entry, "machine", None) in {None, *machines}:
                    ours.append((row, entry))
    with transaction.atomic():
        mark_all(ours)
        Stream.objects.filter(pk=stream.pk).update(booked_seq=reached)


def said_of(device: Device, session: str) -> list[Said]:
    """Return what the journals of a controller say of a session, in order."""
    return said_of_many([session]).get((device.pk, session), [])


def said_of_many(sessions: Iterable[str]) -> dict[tuple[str, str], list[Said]]:
    """Return what is said of sessions of these names, by controller and name."""
    found: dict[tuple[str, str], list[Said]] = defaultdict(list)
    rows = Entry.objects.filter(session__in=[name for name in sessions if name]).order_by("stream_id", "seq")
    for device, name, boot, at, body in rows.values_list("stream__device_id", "session", "boot", "at", "body"):
        found[device, name or ""].append(Said(boot, at, read_entry("", body)))
    return found


def names(after: str, count: int) -> list[str]:
    """Return the names of sessions that entries are about, in order, past one of them."""
    found = Entry.objects.filter(Q(session__lt=CLOCK) | Q(session__gte=PAST_CLOCK), session__gt=after)
    return [name or "" for name in found.order_by("session").values_list("session", flat=True).distinct()[:count]]
