"""Signatures between controller and server: Ed25519 (RFC 8032), over texts that name what they are for.

Imported only where somebody is enrolled: `cryptography` costs memory.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from common.errors import LoquetError
from common.texts import N_

DEVICE: Final = "Loquet-Device"
CHALLENGE: Final = "Loquet-Challenge"
NONCE: Final = "Loquet-Nonce"
SIGNATURE: Final = "Loquet-Signature"
TIME: Final = "Loquet-Time"
REQUEST: Final = "loquet request 1"
ANSWER: Final = "loquet answer 1"
MANIFEST: Final = "loquet whitelist 1"
SEALED: Final = b"loquet sealed 1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class SignatureError(LoquetError, ValueError):
    """Something that is not from whom it says it is."""


class SigningKey:
    """A private key, and what it signs."""

    def __init__(self, raw: bytes | None = None) -> None:
        self._key = Ed25519PrivateKey.generate() if raw is None else Ed25519PrivateKey.from_private_bytes(raw)
        self.raw: Final = self._key.private_bytes_raw()
        self.public: Final = VerifyKey(self._key.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> str:
        """Return the signature over *text*, in base64url without padding."""
        return encoded(self._key.sign(text))


class VerifyKey:
    """A public key: 32 bytes. Raises SignatureError where they are no key."""

    def __init__(self, raw: bytes) -> None:
        try:
            self._key = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise SignatureError(N_("this is no Ed25519 key: {error}"), error=error) from error
        self.raw: Final = raw

    @property
    def text(self) -> str:
        """The key as it is written: base64url without padding."""
        return encoded(self.raw)

    @property
    def fingerprint(self) -> str:
        """Name the key in 32 hexadecimal digits (BLAKE2b, 16 bytes)."""
        return hashlib.blake2b(self.raw, digest_size=16).hexdigest()

    def verify(self, text: bytes, signature: str) -> None:
        """Hold a signature to its text. Raises SignatureError."""
        try:
            self._key.verify(decoded(signature), text)
        except InvalidSignature as error:
            raise SignatureError(N_("the signature does not fit: this comes from somebody else")) from error


def encoded(raw: bytes) -> str:
    """Write bytes in base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Read them. Raises SignatureError."""
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, UnicodeError) as error:
        raise SignatureError(N_("this is no base64url text")) from error


def request_text(method: str, target: str, device: str, challenge: str, nonce: str, body: bytes) -> bytes:
    """Return what a request's signature is over; target: path and query as sent."""
    return _text(REQUEST, method, target, device, challenge, nonce, hashlib.sha256(body).hexdigest())


def answer_text(status: int, target: str, nonce: str, time: str, challenge: str, body: bytes) -> bytes:
    """Return what an answer's signature is over; nonce: the request's, so that no old answer passes for a new one."""
    return answer_text_of(status, target, nonce, time, challenge, hashlib.sha256(body).hexdigest())


def answer_text_of(status: int, target: str, nonce: str, time: str, challenge: str, digest: str) -> bytes:
    """Return the same by the SHA-256 of a body, in hexadecimal: of one that is nowhere in one piece."""
    return _text(ANSWER, str(status), target, nonce, time, challenge, digest)


def manifest_text(line: bytes) -> bytes:
    """Return what the signature of a whitelist's manifest is over: its line, as sent, without the line feed."""
    return _text(MANIFEST) + line


def _text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


class SealingKey:
    """What others may seal something for, so that only its holder reads it: X25519, HKDF-SHA256, ChaCha20-Poly1305."""

    def __init__(self, raw: bytes | None = None) -> None:
        self._key = X25519PrivateKey.generate() if raw is None else X25519PrivateKey.from_private_bytes(raw)
        self.raw: Final = self._key.private_bytes_raw()
        self.public: Final = self._key.public_key().public_bytes_raw()

    def exchange(self, other: bytes) -> bytes:
        """Return what only this key's holder and the other's share (X25519). Raises ValueError where it is no key."""
        return self._key.exchange(X25519PublicKey.from_public_bytes(other))

    def unseal(self, sealed: str) -> bytes:
        """Open what `seal_for` closed. Raises SignatureError."""
        raw = decoded(sealed)
        try:
            other = X25519PublicKey.from_public_bytes(raw[:KEY_BYTES])
            key = _derived(self._key.exchange(other), raw[:KEY_BYTES], self.public)
            nonce = raw[KEY_BYTES : KEY_BYTES + NONCE_BYTES]
            return ChaCha20Poly1305(key).decrypt(nonce, raw[KEY_BYTES + NONCE_BYTES :], SEALED)
        except (InvalidTag, ValueError) as error:
            raise SignatureError(N_("what was sealed cannot be opened: it was sealed for somebody else")) from error


def seal_for(public: bytes, secret: bytes) -> str:
    """Seal a secret for whoever holds the private half: ephemeral key (32 bytes), nonce (12), ciphertext with tag.

    Raises SignatureError where *public* is no key.
    """
    try:
        other = X25519PublicKey.from_public_bytes(public)
        once = X25519PrivateKey.generate()
        mine = once.public_key().public_bytes_raw()
        key = _derived(once.exchange(other), mine, public)
    except ValueError as error:
        raise SignatureError(N_("this is no X25519 key: {error}"), error=error) from error
    nonce = secrets.token_bytes(NONCE_BYTES)
    return encoded(mine + nonce + ChaCha20Poly1305(key).encrypt(nonce, secret, SEALED))


def _derived(shared: bytes, mine: bytes, other: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=SEALED + mine + other).derive(shared)
