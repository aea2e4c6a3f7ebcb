"""What a server wrote on a stick for this controller: its list, its keys, up to where it has the journals.

Nothing of a file counts before its end was seen, and each part of it was signed by this controller's own server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from common.carried import opened
from common.texts import N_
from controller.store import journal, served, whitelist
from controller.store.database import StorageError, meta, open_for_reading
from controller.store.delivery import PendingDelivery
from controller.store.files import write_whole
from controller.sync.asking import Asking
from controller.sync.identity import Identity
from controller.sync.line import MAX_WHITELIST
from controller.sync.stick_out import WANTED
from protocol import delivery, messages, stick
from protocol.messages import Delivery, Ring, read_code
from protocol.signing import SealingKey, SignatureError, VerifyKey, decoded
from protocol.stick import CutShortError, Header, Receipts, StickError, Welcome

IN: Final = "stick.in"  # where the daemon reads what was brought
WRITE_S: Final = 600.0
SOON_S: Final = 0.05


class Writes(Protocol):
    """What the writer does for us."""

    def edit(self, brought: PendingDelivery) -> None:
        """Put what was brought in force."""
        ...

    def acknowledge(self, epoch: str, seq: int) -> None:
        """Note what the server has committed."""
        ...

    def renew_epoch(self, epoch: str) -> None:
        """Go on in a new epoch with what that one holds and the server has not."""
        ...


class Taken(msgspec.Struct, frozen=True):
    """What came of it. word: `new`, `same` (the list in force), `old` (older than that). time: of the list."""

    word: str
    version: int
    time: int
    rows: int
    received: int


class _Read(msgspec.Struct):
    """All that a file holds."""

    ring: str = ""
    receipts: Receipts | None = None
    lines: bytearray = msgspec.field(default_factory=bytearray)


def header_of(path: Path, identity: Identity) -> Header:
    """Read for whom a file is. Raises StickError where it is not for this controller, OSError."""
    with opened(path) as file:
        header, _line = stick.read_header(file)
    if header.loquet != "down":
        raise StickError(N_("this file goes to the server, and not to a controller"))
    if header.server != VerifyKey(decoded(identity.server)).fingerprint:
        raise StickError(N_("this file comes from another server than this controller's own"))
    if header.device != identity.device:
        raise StickError(N_('this file is for another controller ("{other}")'), other=header.device)
    return header


def welcomed(path: Path, waiting: Asking) -> tuple[Identity, bytes] | None:
    """Return who this controller is by a server's answer, and the badge keys; None where it is not for us.

    The server is the one whose key the code vouches for, or nobody. Raises MessageError, SignatureError, OSError.
    """
    code, sealing = read_code(waiting.code), SealingKey(decoded(waiting.sealing))
    try:
        with opened(path) as file:
            header, line = stick.read_header(file)
            server = VerifyKey(decoded(header.key))
            if server.fingerprint != code.fingerprint:
                return None
            pieces = stick.read(file, line, stick.of_reader(sealing, header.once), lambda: server)
            kind, raw = next(pieces, ("", b""))
    except (StickError, SignatureError):
        return None  # for another controller that asked, or from somebody else
    if kind != "welcome":
        return None
    said: Welcome = messages.read(Welcome, raw)
    identity = Identity(code.address, header.key, said.certificate, waiting.signing, waiting.sealing)
    return identity.taken_in(said.enrolled), sealing.unseal(said.enrolled.ring)


def take(
    path: Path,
    data_dir: Path,
    identity: Identity,
    writes: Writes,
    *,
    new_ring: Callable[[bytes], None],
    confirmed: Callable[[int], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Taken:
    """Carry out what a file says. Raises StickError, SignatureError, MessageError, StorageError, OSError."""
    found = _read(path, identity)
    if found.receipts is None or not found.lines:
        raise StickError(N_("there is no list in this file: have the server write it once more"))
    brought = delivery.read(bytes(found.lines).split(b"\n"), VerifyKey(decoded(identity.server)), identity.device)
    held, sure, digest = _held(data_dir)
    manifest = brought.manifest
    if held is not None and found.receipts.generation < held[0]:
        return Taken("old", manifest.version, manifest.time, 0, 0)  # of a server that was restored since
    received = _receive(found.receipts, data_dir, writes)
    if held is not None and (manifest.generation, manifest.version) < held:
        return Taken("old", manifest.version, manifest.time, 0, received)
    if found.ring:
        new_ring(SealingKey(decoded(identity.sealing)).unseal(found.ring))
    if held == (manifest.generation, manifest.version) and digest == manifest.digest:
        if manifest.time > sure:
            confirmed(manifest.time)
        return Taken("same", manifest.version, manifest.time, 0, received)
    _put_in_force(brought, writes, sleep)
    return Taken("new", manifest.version, manifest.time, len(brought.put), received)


def _read(path: Path, identity: Identity) -> _Read:
    header_of(path, identity)
    server, found = VerifyKey(decoded(identity.server)), _Read()
    with opened(path) as file:
        header, line = stick.read_header(file)
        key = stick.of_reader(SealingKey(decoded(identity.sealing)), header.once)
        try:
            for kind, document in stick.read(file, line, key, lambda: server):
                match kind:
                    case "ring":
                        ring: Ring = messages.read(Ring, document)
                        found.ring = ring.ring
                    case "receipts":
                        found.receipts = messages.read(Receipts, document)
                    case "whitelist":
                        found.lines += document
                if len(found.lines) > MAX_WHITELIST:
                    raise StickError(N_("the list in this file is too long"))
        except CutShortError as error:
            raise StickError(
                N_("the file ends before its end: the stick was pulled while it was written. Have it written once more")
            ) from error
    return found


def _receive(receipts: Receipts, data_dir: Path, writes: Writes) -> int:
    """Note up to where the server has the journals; return how many entries that are by now."""
    db = open_for_reading(data_dir)
    wanted: dict[str, int] = {}
    count = 0
    try:
        current = meta(db, "epoch")
        for epoch in [*journal.saved_epochs(db), current]:
            known, seq = journal.acknowledged(db, epoch), receipts.epochs.get(epoch, 0)
            if epoch in receipts.closed or (epoch == current and seq > journal.last(db)):
                # The server takes no more of it; or has more than this disk, which is an older copy of itself.
                writes.renew_epoch(epoch)
            elif seq > known:
                writes.acknowledge(epoch, seq)
                count += seq - known
            elif seq < known:
                wanted[epoch] = seq  # it was restored: it is written once more what is still here
    finally:
        db.close()
    write_whole(data_dir / WANTED, [msgspec.json.encode(wanted)], 0o600)
    return count


def _held(data_dir: Path) -> tuple[tuple[int, int] | None, int, str]:
    db = open_for_reading(data_dir)
    try:
        held = served.served(db) if served.is_for_this_program(db) else None
        return held, int(meta(db, "confirmed", "0")), whitelist.digest(db)
    finally:
        db.close()


def _put_in_force(brought: Delivery, writes: Writes, sleep: Callable[[float], None]) -> None:
    pending = PendingDelivery(brought)
    writes.edit(pending)
    until = time.monotonic() + WRITE_S
    while not pending.is_done:
        if time.monotonic() > until:
            raise StorageError(N_("what the server brought has not been written in time"))
        sleep(SOON_S)
    pending.check()


def plain(taken: Taken) -> dict[str, Any]:
    """Return what came of it, as the control socket says it."""
    return dict(msgspec.to_builtins(taken))
