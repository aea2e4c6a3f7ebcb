"""What the writer tells the loop."""

from __future__ import annotations

import msgspec

from controller.station.events import CommitFailed, Committed, OpenSession
from controller.store.edits import EditFailed, WhitelistChanged, WhitelistReplaced
from protocol import entries
from protocol.whitelist import Whitelist


class GrantAnswer(msgspec.Struct, frozen=True):
    """To the loop: what became of a grant."""

    machine: str
    event: Committed | CommitFailed


class StorageChanged(msgspec.Struct, frozen=True):
    """To the loop: whether anything can be written now, and why not."""

    works: bool
    detail: str = ""


class PurgeDone(msgspec.Struct, frozen=True):
    """To the loop: so many entries were older than they may be kept."""

    passages: int
    usage: int


class StorageOpened(msgspec.Struct, frozen=True):
    """To the loop: the database could be opened, for the first time or in the place of a damaged one."""

    whitelist: Whitelist
    left_open: tuple[OpenSession, ...]
    faults: dict[str, tuple[str, ...]]
    earliest: int
    confirmed: int
    replaced: entries.StorageReplaced | None = None


Answer = EditFailed | GrantAnswer | StorageChanged | StorageOpened | PurgeDone | WhitelistChanged | WhitelistReplaced
