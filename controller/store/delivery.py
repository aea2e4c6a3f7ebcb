"""What a server brought, on its way to the disk: carried out by the writer, whole or not at all, held to its digest."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlite_utils import Database

from common.texts import N_
from common.zones import zone_of
from controller.store import served, whitelist
from controller.store.database import StorageError, meta, set_meta
from controller.store.edits import WhitelistChanged, WhitelistReplaced, room_for
from controller.store.whitelist import Change, Staged
from protocol.digest import written
from protocol.messages import Delivery
from protocol.rows import Site


class UnfitError(StorageError):
    """What was brought does not add up with what is here: the whole is to be asked for."""


class PendingDelivery:
    """One delivery, on its way to the disk; nobody waits for it: whoever sent it asks whether it is done."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self._done = threading.Event()
        self._error: Exception | None = None

    def finish(self, error: Exception | None = None) -> None:
        """Report how it ended."""
        self._error = error
        self._done.set()

    @property
    def is_done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._done.is_set()

    def check(self) -> None:
        """Raise what went wrong, once it is done: StorageError, UnfitError."""
        if self._error is not None:
            raise self._error


def carry_out(
    db: Database, delivery: Delivery, between: Callable[[], None]
) -> WhitelistChanged | WhitelistReplaced | None:
    """Put a delivery in force; None where nothing changes by it. Raises UnfitError, StorageError, sqlite3.Error."""
    manifest = delivery.manifest
    for row in delivery.put:
        if isinstance(row, Site):
            zone_of(row.zone)  # read here: the loop reads no disk
    held = served.served(db)
    if held is not None and (manifest.generation, manifest.version) < held:
        raise StorageError(N_("the server sent an older whitelist than the one in force; it was not taken"))
    includes = manifest.includes.get(meta(db, "epoch"), 0)
    if delivery.is_whole:
        return _whole(db, delivery, includes, between)
    if held != (manifest.generation, manifest.base):
        raise UnfitError(N_("the change is for another whitelist than the one in force"))
    if held == (manifest.generation, manifest.version) and not (delivery.put or delivery.drop):
        if whitelist.digest(db) != manifest.digest:
            raise UnfitError(N_("the server's whitelist of this version is another one than the one in force"))
        with db.atomic():
            set_meta(db, "confirmed", str(manifest.time))
        return None
    return _change(db, delivery, includes)


def _change(db: Database, delivery: Delivery, includes: int) -> WhitelistChanged:
    manifest = delivery.manifest
    with db.atomic():
        found = whitelist.bring(db, delivery.put, delivery.drop, includes)
        if whitelist.digest(db) != manifest.digest:
            raise UnfitError(N_("the changes do not add up to the whitelist that the server has"))
        version = served.set_served(db, manifest.generation, manifest.version)
        set_meta(db, "confirmed", str(manifest.time))
    rows = tuple(row for row in found if not isinstance(row, str))
    gone = tuple(key for key in found if isinstance(key, str))
    return WhitelistChanged(Change(put=rows), version, confirmed=manifest.time, gone=gone)


def _whole(db: Database, delivery: Delivery, includes: int, between: Callable[[], None]) -> WhitelistReplaced:
    manifest = delivery.manifest
    staged = Staged()
    change = Change(put=delivery.put, replace=True)
    room_for(db, change)
    for each in whitelist.stage(db, change, between):
        staged = each
    if written(staged.digest) != manifest.digest:
        whitelist.clear(db, between)
        raise StorageError(N_("the whitelist that the server sent is not the one that it signed; it was not taken"))
    keep = served.served(db) is not None or bool(meta(db, "rebuilt", ""))
    with db.atomic():
        whitelist.bring_whole(db, staged, includes, keep=keep)
        served.set_served(db, manifest.generation, manifest.version)
        set_meta(db, "confirmed", str(manifest.time))
    return WhitelistReplaced(whitelist.load(db, between), confirmed=manifest.time)
