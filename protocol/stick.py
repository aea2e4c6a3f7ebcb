"""What travels by foot: the documents of the line in one file on a stick, sealed for its reader, signed by its writer.

A header line (JSON), then pieces: four bytes of length, big-endian, and so many bytes of ciphertext. A piece holds a
signature, whether it is the last one, which kind of document it is of, and the document or a part of it. Each is
believed by itself, so that of a file which was cut short what is whole counts; and none fits into another file, since
the signature is over the header and the piece's number. `docs/protocol.md`, "By foot".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated, BinaryIO, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import LoquetError
from common.texts import N_
from protocol.messages import Count, Enrolled, Epoch, KeyText, Message
from protocol.rows import Id
from protocol.signing import SealingKey, SignatureError, SigningKey, VerifyKey, decoded, encoded

FORMAT: Final = 1
SUFFIX: Final = ".loquet"
FOLDER: Final = "loquet"
MAX_HEADER: Final = 4_096
MAX_PIECE: Final = 2_000_000  # bytes of a document in one piece
_SIGNATURE: Final = 64  # bytes (RFC 8032)
_TAG: Final = 16  # bytes (RFC 8439)
_SEALED: Final = b"loquet stick 1"
_LENGTH: Final = 4

Kind = Literal["ask", "up", "down", "copy"]
Document = Literal[
    "enrol", "welcome", "proposals", "journal", "report", "holds", "ring", "receipts", "whitelist",
    "key", "identity", "settings", "database",
]  # fmt: skip


class StickError(LoquetError, ValueError):
    """A file that is none of ours, not for us, or damaged: nothing more of it is believed."""


class CutShortError(StickError):
    """A file that ends before its end; what was whole of it counts."""


class Header(Message, frozen=True):
    """What anybody may read of a file: who it is from or for, and no more.

    device: the controller's id; of one that asks to be taken in, the first letters of its code. server: the fingerprint
    of the server's signing key. once: the key of this file, by which its reader opens it. made: milliseconds since 1970
    by the clock of whoever wrote it. key: the server's signing key, where it answers one that asked to be taken in.
    """

    loquet: Kind
    device: Id
    server: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
    once: KeyText
    made: Count
    key: str = ""
    format: int = FORMAT


class Holds(Message, frozen=True):
    """Which of the server's lists a controller has in force; and up to where it heard that its journals have come."""

    generation: Count = 0
    version: Count = 0
    knows: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class Receipts(Message, frozen=True):
    """Up to where a server has committed a controller's journals, by epoch; closed: of which it takes no more."""

    generation: Count
    epochs: dict[Epoch, Count] = msgspec.field(default_factory=dict)
    closed: Annotated[tuple[Epoch, ...], msgspec.Meta(max_length=1_000)] = ()


class Welcome(Message, frozen=True):
    """What a server answers to one that asked by stick. enrolled, certificate: as on the line, in `Hello` there."""

    enrolled: Enrolled
    certificate: str = ""


class Writer:
    """Writes one file, piece by piece; nothing is held in memory but the piece."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes, signer: SigningKey | None) -> None:
        """key: as `for_reader` or `by_code` gives it. signer: None where knowing the code is what is proved."""
        self._file = file
        self._line = msgspec.json.encode(header)
        self._cipher = ChaCha20Poly1305(key)
        self._signer = signer
        self._number = 0
        file.write(self._line + b"\n")

    def add(self, kind: Document, document: bytes) -> None:
        """Write a document; of one that is larger than a piece, its parts one after the other."""
        for start in range(0, len(document), MAX_PIECE) or (0,):
            self._piece(kind, document[start : start + MAX_PIECE], last=False)

    def end(self) -> None:
        """Mark the end: what has none was cut short."""
        self._piece("", b"", last=True)

    def _piece(self, kind: str, document: bytes, *, last: bool) -> None:
        said = bytes([last, len(kind)]) + kind.encode() + document
        signature = bytes(_SIGNATURE)
        if self._signer is not None:
            signature = decoded(self._signer.sign(_text(self._line, self._number, said)))
        sealed = self._cipher.encrypt(_nonce(self._number), signature + said, self._line)
        self._file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)
        self._number += 1


def for_reader(public: bytes) -> tuple[str, bytes]:
    """Return the key of a new file, as its header says it, and the secret that only the reader derives too.

    Raises SignatureError where *public* is no X25519 key.
    """
    try:
        other = X25519PublicKey.from_public_bytes(public)
        once = X25519PrivateKey.generate()
        mine = once.public_key().public_bytes_raw()
        return encoded(mine), _derived(once.exchange(other), mine + public)
    except ValueError as error:
        raise SignatureError(N_("this is no X25519 key: {error}"), error=error) from error


def by_code(secret: str) -> tuple[str, bytes]:
    """Return the same for whoever knows an enrolment code's secret."""
    once = X25519PrivateKey.generate().public_key().public_bytes_raw()  # random, and of the shape of the others
    return encoded(once), of_code(secret, encoded(once))


def of_code(secret: str, once: str) -> bytes:
    """Return the secret of a file that was sealed by an enrolment code."""
    return _derived(secret.encode(), decoded(once))


def of_reader(mine: SealingKey, once: str) -> bytes:
    """Return the secret of a file that was sealed for us. Raises StickError."""
    raw = decoded(once)
    try:
        shared = mine.exchange(raw)
    except ValueError as error:
        raise StickError(N_("the file's key is none: it is damaged")) from error
    return _derived(shared, raw + mine.public)


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """Read what a file says of itself: the header, and its line. Raises StickError."""
    line = file.readline(MAX_HEADER)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise StickError(N_("this is no file of Loquet's, or its beginning is damaged")) from error
    if header.format != FORMAT:
        raise StickError(N_("this file was written by a later version of Loquet: update this one first"))
    if not line.endswith(b"\n"):
        raise StickError(N_("this is no file of Loquet's, or its beginning is damaged"))
    return header, line[:-1]


def read(
    file: BinaryIO, line: bytes, key: bytes, writer: Callable[[], VerifyKey | None]
) -> Iterator[tuple[str, bytes]]:
    """Return each document or part of one, once it is believed. Raises CutShortError, StickError, SignatureError.

    line: the header's; writer: whose signature it is to have, asked anew for each piece; None: that of nobody.
    """
    cipher = ChaCha20Poly1305(key)
    number = 0
    while True:
        sealed = _next(file)
        try:
            opened = cipher.decrypt(_nonce(number), sealed, line)
        except InvalidTag as error:
            if number:
                raise StickError(N_("the file is damaged after its part {number}"), number=number) from error
            raise StickError(N_("it cannot be opened: sealed for somebody else, or damaged")) from error
        signature, said = opened[:_SIGNATURE], opened[_SIGNATURE:]
        by = writer()
        if by is not None:
            by.verify(_text(line, number, said), encoded(signature))
        head = said[:2]
        if len(head) < 2 or len(said) < 2 + head[1]:  # noqa: PLR2004 - last, and the length of the kind
            raise StickError(N_("the file is damaged after its part {number}"), number=number)
        if head[0]:
            return
        yield said[2 : 2 + head[1]].decode("ascii", "replace"), said[2 + head[1] :]
        number += 1


def _next(file: BinaryIO) -> bytes:
    raw = file.read(_LENGTH)
    size = int.from_bytes(raw, "big")
    if len(raw) == _LENGTH and not _SIGNATURE + _TAG < size <= MAX_PIECE + 1_000:
        raise StickError(N_("the file is damaged: a part of it says that it has {size} bytes"), size=size)
    sealed = file.read(size) if len(raw) == _LENGTH else b""
    if len(raw) < _LENGTH or len(sealed) < size:
        raise CutShortError(
            N_("the file ends before its end: the stick was pulled while it was written. What was whole of it counts")
        )
    return sealed


def _text(line: bytes, number: int, said: bytes) -> bytes:
    """Return what the signature of a piece is over."""
    of_file, of_piece = hashlib.sha256(line).hexdigest(), hashlib.sha256(said).hexdigest()
    return f"loquet stick 1\n{of_file}\n{number}\n{of_piece}\n".encode()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _derived(shared: bytes, names: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_SEALED + names).derive(shared)
