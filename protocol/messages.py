"""What controller and server say to each other: one struct a message, bounded. `docs/protocol.md` tells the rest."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Annotated, Any, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_
from protocol.moment import Quality
from protocol.rows import AnyRow, Id, Row, Text

PREFIX: Final = "/api/v1"
PROTOCOL: Final = 1
WAIT: Final = 40  # seconds for which a line is held at the most
BATCH: Final = 500  # journal lines in one upload
MAX_BODY: Final = 2_000_000  # bytes of a request
MAX_LINE: Final = 65_536
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
KeyText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)")]
Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{1,128}$(?!\n)")]
Epoch = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
Sealed = Annotated[str, msgspec.Meta(max_length=4_096)]
Session = Annotated[str, msgspec.Meta(max_length=64)]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sent as one JSON object. Keys that a later version adds are not read, and are no error."""


class Hello(Message, frozen=True):
    """What a server says of itself to anybody: its name, its signing key, how its certificate is known.

    certificate: SHA-256 of a certificate of its own, to be pinned; empty where a public authority vouches for it.
    """

    name: Text
    key: KeyText
    protocol: int = PROTOCOL
    certificate: str = ""


class StationSaid(Message, frozen=True):
    """A machine as a controller's settings have it."""

    machine: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)")]
    name: Text = ""
    mode: Annotated[str, msgspec.Meta(max_length=20)] = ""


Stations = Annotated[tuple[StationSaid, ...], msgspec.Meta(max_length=64)]


class Enrol(Message, frozen=True):
    """A controller asks to be taken in. proof: HMAC-SHA256 (hex) under the code's secret, over `proof_text`.

    code: the first four characters of the secret, so that it is found; settings: the whole file, for a dead card.
    """

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-9]{4}$(?!\n)")]
    proof: Hex
    key: KeyText
    sealing: KeyText
    version: Annotated[str, msgspec.Meta(max_length=40)] = ""
    stations: Stations = ()
    settings: Annotated[str, msgspec.Meta(max_length=262_144)] = ""


class Enrolled(Message, frozen=True):
    """It is taken in. ring: the badge keys, the one in force first, sealed for it; settings: of the one it replaces.

    sealing: the server's X25519 key, for what goes to it by stick.
    """

    device: Id
    name: Text
    ring: Sealed
    settings: Annotated[str, msgspec.Meta(max_length=262_144)] = ""
    counters: dict[str, Counters] = {}
    sealing: str = ""


class Counters(Message, frozen=True):
    """A machine's hours since its first day, in milliseconds, and its sessions."""

    powered: Count = 0
    busy: Count = 0
    sessions: Count = 0
    maintained: Count = 0


class Manifest(Message, frozen=True):
    """What a delivery of the whitelist says of itself; signed.

    base: the version that its lines change; None: they are the whole. time: milliseconds since 1970. includes: by
    epoch, up to which number this controller's own edits are part of it, or were decided against. ring: names the
    badge keys in force.
    """

    device: Id
    generation: Count
    version: Count
    time: Count
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    rows: Count
    base: Count | None = None
    includes: dict[Epoch, Count] = {}
    ring: str = ""


class Signed(Message, frozen=True):
    """The line after the manifest: the server's signature over it."""

    signature: str


class Dropped(Message, frozen=True):
    """A row that is no longer part of the whitelist, by its key."""

    drop: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class Delivery(msgspec.Struct, frozen=True):
    """A delivery that was read, its signature held to its manifest: rows to put, keys to drop."""

    manifest: Manifest
    put: tuple[Row, ...]
    drop: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it is a list, and not a change to one."""
        return self.manifest.base is None


class Batch(Message, frozen=True):
    """The first line of an upload: all that I have of this epoch with `after` < seq <= `upto` follows.

    begins: the first number that this epoch holds for the server, where that is not 1. What is missing between was
    purged here before it could be sent. names: of members whom an edit in it enters or names, by id: a journal holds no
    names, and nobody else knows these.
    """

    epoch: Epoch
    after: Count
    upto: Count
    begins: Annotated[int, msgspec.Meta(ge=1, le=2**53)] = 1
    names: Annotated[dict[Id, Text], msgspec.Meta(max_length=BATCH)] = {}


class Line(Message, frozen=True):
    """One entry of a journal: number, boot, boot-time in milliseconds, and the entry as it was written."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    boot: Annotated[str, msgspec.Meta(max_length=64)]
    at: Count
    entry: msgspec.Raw


class Receipt(Message, frozen=True):
    """The server has committed all of this epoch up to that number."""

    epoch: Epoch
    seq: Count


class StationNow(Message, frozen=True):
    """How a machine is; `state` is the controller's word for it. answers: its relays and plugs can be reached."""

    machine: Annotated[str, msgspec.Meta(max_length=64)]
    state: Annotated[str, msgspec.Meta(max_length=20)]
    output: Annotated[str, msgspec.Meta(max_length=20)] = "off"
    reader: bool = True
    answers: bool = True
    locked: Text = ""
    cause: Annotated[str, msgspec.Meta(max_length=500)] = ""
    session: Session = ""
    member: Session = ""
    powered_s: Count = 0


class Report(Message, frozen=True):
    """How a controller is. Bytes, degrees Celsius; None where it cannot tell.

    trouble: why it cannot take up the whitelist that it is sent, "" where it can.
    """

    version: Annotated[str, msgspec.Meta(max_length=40)]
    clock: Quality
    generation: Count = 0
    whitelist: Count = 0
    backlog: Count = 0
    storage: Annotated[str, msgspec.Meta(max_length=500)] = "ok"
    free: Count | None = None
    temperature: float | None = None
    under_voltage: bool | None = None
    uptime: Count = 0
    stations: Annotated[tuple[StationNow, ...], msgspec.Meta(max_length=64)] = ()
    trouble: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Proposals(Message, frozen=True):
    """The whitelist that a controller kept alone, for a person at the server to take over or not."""

    rows: Annotated[tuple[AnyRow, ...], msgspec.Meta(max_length=5_000)]
    of: Count = 0


class Ring(Message, frozen=True):
    """The badge keys, the one in force first, sealed for the controller that asked (X25519, see `signing`)."""

    ring: Sealed


class Problem(Message, frozen=True):
    """What went wrong (RFC 9457); `expected` where a number was expected."""

    type: str
    title: str
    status: int
    detail: str = ""
    expected: int | None = None


encode: Final = msgspec.json.encode


# --- the code ---


class CodeError(LoquetError, ValueError):
    """What was typed is no enrolment code."""


class Code(msgspec.Struct, frozen=True):
    """What the page shows once: where the server is, a secret, and the fingerprint of its signing key."""

    address: str
    secret: str
    fingerprint: str

    def __str__(self) -> str:
        groups = "-".join(self.secret[i : i + 4] for i in range(0, len(self.secret), 4))
        return f"{self.address}/{groups}/{self.fingerprint}"

    @property
    def id(self) -> str:
        """What the server finds the code by."""
        return self.secret[:4]


def new_secret() -> str:
    """Make a secret of 80 bits, in letters and digits that nobody confuses."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def read_code(text: str) -> Code:
    """Read a code as a person types it. Raises CodeError."""
    parts = "".join(text.split()).removeprefix("https://").rsplit("/", 2)
    if len(parts) != 3:  # noqa: PLR2004 - address, secret, fingerprint
        raise CodeError(
            N_(
                "this is no enrolment code; the page Controllers shows one: "
                "ADDRESS:PORT/XXXX-XXXX-XXXX-XXXX/FINGERPRINT"
            )
        )
    address, secret, fingerprint = parts[0].rstrip("/"), parts[1].replace("-", "").upper(), parts[2].lower()
    if re.fullmatch(r"[^/\s]+", address) is None or not 0 < len(address) <= 255:  # noqa: PLR2004 - RFC 1035
        raise CodeError(N_("the enrolment code names no server"))
    if len(secret) != 16 or set(secret) - set(_ALPHABET):  # noqa: PLR2004 - as new_secret makes them
        raise CodeError(N_("the middle of an enrolment code has 16 letters and digits, in groups of four"))
    if re.fullmatch(r"[0-9a-f]{32}", fingerprint) is None:
        raise CodeError(N_("the end of an enrolment code has 32 hexadecimal digits; a part of it is missing"))
    return Code(address, secret, fingerprint)


def proof(secret: str, server: str, key: str, sealing: str) -> str:
    """Prove that a code is known, for these keys and no others: the server's, the device's two."""
    text = f"loquet enrol 1\n{server}\n{key}\n{sealing}".encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def read(kind: Any, raw: bytes) -> Any:  # noqa: ANN401 - the struct that is asked for
    """Read a message. Raises MessageError, which names what is wrong."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise MessageError(N_("this is no {kind}: {error}"), kind=kind.__name__, error=error) from error


class MessageError(LoquetError, ValueError):
    """A message that is not as the protocol has it."""
