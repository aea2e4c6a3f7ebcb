"""A whitelist on its way: a manifest, the server's signature over it, then one row a line.

Applied whole or not at all: the digest in the manifest is that of the list that results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from common.texts import N_
from protocol import messages
from protocol.messages import Delivery, Dropped, Manifest, MessageError, Signed
from protocol.rows import Row, decode_row, encode_row
from protocol.signing import SigningKey, VerifyKey, manifest_text

MAX_LINES: Final = 2_000_000


def write(manifest: Manifest, key: SigningKey, put: Iterable[Row], drop: Iterable[str]) -> Iterator[bytes]:
    """Write a delivery, a line at a time."""
    yield from head(manifest, key)
    for gone in drop:
        yield messages.encode(Dropped(gone)) + b"\n"
    for row in put:
        yield encode_row(row) + b"\n"


def head(manifest: Manifest, key: SigningKey) -> Iterator[bytes]:
    """Write what a delivery begins with: its manifest, and the signature over that."""
    line = messages.encode(manifest)
    yield line + b"\n"
    yield messages.encode(Signed(key.sign(manifest_text(line)))) + b"\n"


def read(lines: Iterable[bytes], key: VerifyKey, device: str) -> Delivery:
    """Read a delivery for this device. Raises MessageError, SignatureError."""
    given = iter(lines)
    first = next(given, b"")
    signed: Signed = messages.read(Signed, next(given, b""))
    key.verify(manifest_text(first), signed.signature)
    manifest: Manifest = messages.read(Manifest, first)
    if manifest.device != device:
        raise MessageError(N_('this whitelist is for "{other}", and not for this controller'), other=manifest.device)
    put: list[Row] = []
    drop: list[str] = []
    for number, line in enumerate(given):
        if number >= MAX_LINES:
            raise MessageError(N_("a whitelist has at most {most} rows"), most=MAX_LINES)
        if line.startswith(b'{"drop"'):
            drop.append(messages.read(Dropped, line).drop)
        elif line:
            try:
                put.append(decode_row(line))
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise MessageError(N_("line {line} of the whitelist: {error}"), line=number + 3, error=error) from error
    return Delivery(manifest, tuple(put), tuple(drop))
