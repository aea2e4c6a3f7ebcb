"""Who this controller is to its server, and who the server is to it: a file for its owner's eyes alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from common.texts import N_
from controller.store.database import StorageError
from controller.store.files import write_whole
from protocol.messages import Counters, Enrolled

FILE: Final = "server.json"


class Identity(msgspec.Struct, frozen=True):
    """address: host and port; server: its signing key; certificate: SHA-256, empty where an authority vouches.

    device: our id there, empty until we are taken in; signing, sealing: our private keys. All keys in base64url.
    counters: what the controllers before this one had counted for its machines. reader: the server's own sealing key,
    for what goes to it by stick.
    """

    address: str
    server: str
    certificate: str
    signing: str
    sealing: str
    device: str = ""
    name: str = ""
    counters: dict[str, Counters] = {}
    reader: str = ""

    def taken_in(self, enrolled: Enrolled) -> Identity:
        """Return who this controller is once it was taken in."""
        return msgspec.structs.replace(
            self, device=enrolled.device, name=enrolled.name, counters=enrolled.counters, reader=enrolled.sealing
        )


def load(data_dir: Path) -> Identity | None:
    """Read it; None where this controller is not enrolled. Raises StorageError."""
    path = data_dir / FILE
    try:
        mode = path.stat().st_mode & 0o077
        if mode:
            raise StorageError(N_("{path} can be read by others (mode {mode:03o}); chmod 400 it"), path=path, mode=mode)
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            N_("{path} cannot be used ({error}); enrol this controller again: loquet enrol CODE --again"),
            path=path,
            error=error,
        ) from error


def save(data_dir: Path, identity: Identity) -> None:
    """Write it, whole or not at all. Raises OSError."""
    write_whole(data_dir / FILE, [msgspec.json.encode(identity)], 0o400)
