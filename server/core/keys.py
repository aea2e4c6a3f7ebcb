"""The server's keys: a file of their own beside the database, so that a leaked database alone reveals no badge.

The signing key is what controllers know the server by. `ring`: the network's badge keys, the one in force first.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import LoquetError
from common.texts import N_
from protocol.badge import KEY_BYTES, BadgeKey
from protocol.signing import SealingKey, SigningKey, decoded, encoded

FILE: Final = "keys.json"
MOST: Final = 8  # badge keys in a ring


class KeysError(LoquetError, OSError):
    """The server's keys cannot be had."""


class Keys(msgspec.Struct, frozen=True):
    """Secrets, in base64url."""

    signing: str
    web: str
    challenges: str
    ring: tuple[str, ...]

    @property
    def signer(self) -> SigningKey:
        """What the server signs with."""
        return SigningKey(decoded(self.signing))

    @property
    def sealer(self) -> SealingKey:
        """What controllers seal for the server by: made of its signing key, so that no file more can be lost."""
        made = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"loquet server sealing 1")
        return SealingKey(made.derive(decoded(self.signing)))

    @property
    def badge_keys(self) -> list[BadgeKey]:
        """The badge keys, the one in force first."""
        return [BadgeKey(decoded(each)) for each in self.ring]

    @property
    def ring_bytes(self) -> bytes:
        """The badge keys as they are sealed for a controller: one after another."""
        return b"".join(decoded(each) for each in self.ring)

    @property
    def ring_name(self) -> str:
        """Name the ring without revealing it."""
        return "-".join(key.fingerprint for key in self.badge_keys)

    def with_new_badge_key(self) -> Keys:
        """Put a new badge key in force; what was hashed under the others stays readable."""
        return msgspec.structs.replace(self, ring=(encoded(secrets.token_bytes(KEY_BYTES)), *self.ring)[:MOST])


def make() -> Keys:
    """Make new ones."""
    once = [encoded(secrets.token_bytes(KEY_BYTES)) for _ in range(3)]
    return Keys(encoded(SigningKey().raw), once[0], once[1], (once[2],))


def load(data_dir: Path) -> Keys:
    """Read them. Raises KeysError."""
    path = data_dir / FILE
    try:
        mode = path.stat().st_mode & 0o077
        if mode:
            raise KeysError(N_("{path} can be read by others (mode {mode:03o}); chmod 600 it"), path=path, mode=mode)
        return msgspec.json.decode(path.read_bytes(), type=Keys)
    except FileNotFoundError as error:
        raise KeysError(N_("{path} does not exist; `loquet server init` makes it"), path=path) from error
    except (OSError, msgspec.MsgspecError) as error:
        if isinstance(error, KeysError):
            raise
        raise KeysError(
            N_("{path} cannot be used ({error}); restore it from a backup"), path=path, error=error
        ) from error


def save(data_dir: Path, keys: Keys) -> None:
    """Write them whole, for the owner's eyes alone. Raises OSError."""
    write_private(data_dir / FILE, msgspec.json.format(msgspec.json.encode(keys)))


def write_private(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all, readable by its owner alone. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
