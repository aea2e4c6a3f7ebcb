"""Which list of a server's is in force here, and what it says of the place: kept beside the list itself."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sqlite_utils import Database

from common.zones import zone_of
from controller.store import whitelist
from controller.store.database import meta, set_meta
from protocol.rows import MORE, Site, read_row

GENERATION: Final = "server/generation"
SERVED: Final = "server/version"
KNEW: Final = "server/knows"  # which kinds of row beyond the first the list was asked for with


def belong(db: Database, server: str) -> None:
    """Forget what another server had brought and acknowledged, in the transaction that is open; *server*: its key."""
    if meta(db, "server/key", "") == server:
        return
    if meta(db, "server/key", ""):
        db.conn.execute(
            "delete from meta where key in (?, ?, ?) or key like 'acknowledged/%'", (GENERATION, SERVED, KNEW)
        )
    set_meta(db, "server/key", server)


def served(db: Database) -> tuple[int, int] | None:
    """Return generation and version of the list that a server brought; None where none did."""
    generation = meta(db, GENERATION, "")
    return (int(generation), int(meta(db, SERVED))) if generation else None


def is_for_this_program(db: Database) -> bool:
    """Return whether the list that a server brought was asked for by a program that knew the same kinds of row."""
    slot = int(meta(db, "slot"))
    return meta(db, KNEW, "") == MORE and (bool(whitelist.later_rows(db, slot)) or not whitelist.later_digest(db, slot))


def set_served(db: Database, generation: int, version: int) -> int:
    """Return which of the server's lists is in force, in the transaction that is open; return the new version here."""
    set_meta(db, GENERATION, str(generation))
    set_meta(db, SERVED, str(version))
    set_meta(db, KNEW, MORE)
    set_meta(db, "base", str(version))
    return whitelist.next_version(db)


def zone(db: Database, own: ZoneInfo) -> ZoneInfo:
    """Return the time zone of the site that the list names; *own*, the settings', where it names none."""
    found = db.execute(
        "select key, body from whitelist where slot = ? and key > 'site/' and key < 'site0' limit 1",
        [int(meta(db, "slot")) + whitelist.LATER],
    ).fetchone()
    row = None if found is None else read_row(*found)
    return (zone_of(row.zone) if isinstance(row, Site) and row.zone else None) or own
