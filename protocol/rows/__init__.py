"""The kinds of rows that a whitelist has, one module each; how a row is written and read.

A new kind is a module here, its class in `AnyRow`, and one table in the server. Controllers say which kinds they know.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from common.errors import LoquetError
from common.texts import N_
from protocol.rows.badge import Badge, BadgeKind, Hash
from protocol.rows.certification import Certification, Level
from protocol.rows.forced_end import ForcedEnd
from protocol.rows.hours import Hours, Minute
from protocol.rows.machine import Machine
from protocol.rows.member import Member
from protocol.rows.pin import Pin
from protocol.rows.price import Meter, Price
from protocol.rows.row import Id, Row, Text, Topic, Unread
from protocol.rows.site import Site
from protocol.rows.subscription import Subscription
from protocol.rows.training import Training

__all__ = [
    "FIRST",
    "KINDS",
    "MORE",
    "AnyRow",
    "Badge",
    "BadgeKind",
    "Certification",
    "ForcedEnd",
    "Hash",
    "Hours",
    "Id",
    "Level",
    "Machine",
    "Member",
    "Meter",
    "Minute",
    "Pin",
    "Price",
    "Row",
    "RowError",
    "Site",
    "Subscription",
    "Text",
    "Topic",
    "Training",
    "Unread",
    "checked",
    "decode_row",
    "encode_row",
    "known",
    "read_row",
    "split",
]

AnyRow = Member | Badge | Training | Certification | Machine | Hours | ForcedEnd | Site | Pin | Price | Subscription

KINDS: Final[dict[str, type[Row]]] = {
    kind.head(): kind for kind in sorted(get_args(AnyRow), key=lambda kind: (kind.rank, kind.head()))
}
# What every controller knows, however old: whoever knows more says so (`knows` in docs/protocol.md).
FIRST: Final = frozenset({"member", "badge", "training", "certification", "machine", "hours", "cut"})
MORE: Final = ",".join(kind for kind in KINDS if kind not in FIRST)  # as a controller says it

_encode: Final = msgspec.json.Encoder(order="sorted").encode
decode_row: Final = msgspec.json.Decoder(AnyRow).decode


class _Head(msgspec.Struct):
    type: str


_head: Final = msgspec.json.Decoder(_Head).decode


class RowError(LoquetError, ValueError):
    """A row that is out of its bounds."""


def encode_row(row: Row) -> bytes:
    """Write a row as it is stored, sent and hashed; one that was only passed over as it was found."""
    return row.body.encode() if isinstance(row, Unread) else _encode(row)


def read_row(key: str, body: str | bytes) -> Row:
    """Read a row as it is stored under that key; one of a kind that this program does not know stays as it is.

    Raises msgspec.DecodeError for what is no row at all.
    """
    try:
        row: Row = decode_row(body)
    except msgspec.ValidationError:
        kind = _head(body).type
        # A flipped byte makes no new kind: the key still says which it was.
        if kind in KINDS or split(key)[0] != kind:
            raise
        return Unread(key, body if isinstance(body, str) else body.decode())
    return row


def known(body: str | bytes) -> Row | None:
    """Read a row without its key; None for one of a kind that this program does not know. Raises as `read_row`."""
    try:
        row: Row = decode_row(body)
    except msgspec.ValidationError:
        if _head(body).type in KINDS:
            raise
        return None
    return row


def split(key: str) -> tuple[str, str]:
    """Return a key's kind, and what names the row among those of that kind."""
    kind, _, own = key.partition("/")
    return kind, own


def checked(row: Row) -> Row:
    """Hold a row that was put together here to its bounds: lengths, patterns. Raises RowError."""
    try:
        made: Row = msgspec.convert(msgspec.to_builtins(row), type(row))
    except msgspec.ValidationError as error:
        raise RowError(
            N_("{row} will not do: an id has 1 to 64 characters, a name 200 at most ({error})"),
            row=row.key[:80],
            error=error,
        ) from error
    return made
