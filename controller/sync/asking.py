"""What is kept while this controller asks, by stick, to be taken in: the code, and the keys that it made for that."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec

from controller.store.files import write_whole

FILE: Final = "asking.json"


class Asking(msgspec.Struct, frozen=True):
    """code: as it was typed; signing, sealing: private keys, in base64url."""

    code: str
    signing: str
    sealing: str


def load(data_dir: Path) -> Asking | None:
    """Read it; None where nobody asks."""
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=Asking)
    except (OSError, msgspec.MsgspecError):
        return None


def save(data_dir: Path, asking: Asking) -> None:
    """Write it, for its owner's eyes alone. Raises OSError."""
    write_whole(data_dir / FILE, [msgspec.json.encode(asking)], 0o400)


def clear(data_dir: Path) -> None:
    """Ask no more."""
    with contextlib.suppress(OSError):
        (data_dir / FILE).unlink(missing_ok=True)
