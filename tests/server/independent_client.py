"""A controller's side of the protocol, written from docs/protocol.md and docs/openapi.json alone.

Nothing of the project is imported here: what this client and a server agree on is what the document says.
"""

import base64
import hashlib
import hmac
import json
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from requests.adapters import HTTPAdapter

Row = dict[str, Any]

NDJSON = "application/x-ndjson"
SEALED = b"loquet sealed 1"

# The fields of each row that have a default, and the fields that name it in its list.
DEFAULTS: dict[str, Row] = {
    "training": {"name": ""},
    "machine": {"name": "", "requires": None, "locked": "", "now": False, "longest": None, "supervised": False,
                "buddy": False},
    "member": {"name": "", "category": "", "payer": "", "until": None, "excluded": False},
    "badge": {"kind": "member", "since": None, "until": None, "blocked": False},
    "certification": {"level": 2, "since": None, "until": None},
    "hours": {"category": "", "open": []},
    "cut": {"member": "", "session": "", "by": ""},
}  # fmt: skip
NAMED_BY: dict[str, tuple[str, ...]] = {
    "training": ("id",),
    "machine": ("id",),
    "member": ("id",),
    "badge": ("hash",),
    "certification": ("member", "training"),
    "hours": ("category",),
    "cut": ("machine", "member", "session"),
}


def b64(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key_of(row: Row) -> str:
    """The key that names a row in its list."""
    whole = DEFAULTS[row["type"]] | row
    return "/".join([row["type"], *(str(whole[name]) for name in NAMED_BY[row["type"]])])


def written(row: Row) -> str:
    """A row as it is written: sorted keys, no spaces, no defaults."""
    defaults = DEFAULTS[row["type"]]
    kept = {name: value for name, value in row.items() if name not in defaults or value != defaults[name]}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(rows: dict[str, Row]) -> str:
    """The digest of a list: the sum of its rows' hashes."""
    total = sum(int.from_bytes(hashlib.blake2b(written(r).encode(), digest_size=32).digest()) for r in rows.values())
    return f"{total % 2**256:064x}"


def unseal(sealed: str, key: X25519PrivateKey) -> bytes:
    """What was sealed for a key."""
    raw = unb64(sealed)
    ephemeral, nonce, ciphertext = raw[:32], raw[32:44], raw[44:]
    info = SEALED + ephemeral + key.public_key().public_bytes_raw()
    shared = key.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    under = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)
    return ChaCha20Poly1305(under).decrypt(nonce, ciphertext, SEALED)


def ring_name(keys: list[bytes]) -> str:
    """The name of a ring: its keys' names, in order."""
    return "-".join(hashlib.blake2b(b"loquet badge key", digest_size=8, key=key).hexdigest() for key in keys)


class Foreign(Exception):  # noqa: N818 - it is no error of ours
    """An answer that is not the server's."""


class Problem(Exception):  # noqa: N818 - the document's word
    """A problem that the server names."""

    def __init__(self, status: int, told: Row) -> None:
        super().__init__(f"{status} {told}")
        self.status = status
        self.kind = str(told.get("type", "")).removeprefix("urn:loquet:")
        self.detail = told.get("detail", "")
        self.expected = told.get("expected")


class Pinned(HTTPAdapter):
    """Connections to the one certificate with that SHA-256, and to no other."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """The pool, with the pin."""
        super().init_poolmanager(*args, assert_fingerprint=self.fingerprint, **kwargs)

    def cert_verify(self, conn: Any, url: str, _verify: Any, cert: Any) -> None:
        """No authority is asked: the pin says it."""
        super().cert_verify(conn, url, verify=False, cert=cert)  # type: ignore[no-untyped-call]


@dataclass
class Whitelist:
    """The list in force."""

    rows: dict[str, Row] = field(default_factory=dict)
    manifest: Row = field(default_factory=dict)

    def query(self) -> dict[str, int]:
        """What names this list in a request."""
        if not self.manifest:
            return {}
        return {"base": self.manifest["version"], "generation": self.manifest["generation"]}


class SecondClient:
    """A controller without machines, readers or a clock: what it says, and what it understands."""

    def __init__(self, code: str) -> None:
        address, secret, self.fingerprint = code.split("/")
        self.secret = secret.replace("-", "")
        host, _, port = address.partition(":")
        self.place = (host, int(port or 443))
        self.base = f"https://{address}"
        self.key = Ed25519PrivateKey.generate()
        self.sealing = X25519PrivateKey.generate()
        self.device = ""
        self.challenge = ""
        self.time = 0
        self.server: Ed25519PublicKey | None = None
        self.server_key = ""
        self.list = Whitelist()
        self.badge_keys: list[bytes] = []
        self.told: Row = {}
        self.session = requests.Session()
        self.session.trust_env = False

    # One request, and its answer.

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        media: str = "",
        *,
        signed: bool = True,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send one request as it is; the answer is the server's, or this raises `Foreign`."""
        said = self.headers(method, target, body or b"") if signed else {"Loquet-Nonce": secrets.token_hex(16)}
        said |= ({"Content-Type": media} if media else {}) | (headers or {})
        answer = self.session.request(
            method, self.base + target, data=body, headers=said, timeout=(5, 60), allow_redirects=False
        )
        self.check(answer, target, said["Loquet-Nonce"])
        return answer

    def headers(self, method: str, target: str, body: bytes) -> dict[str, str]:
        """The headers of a signed request."""
        nonce = secrets.token_hex(16)
        lines = ["loquet request 1", method, target, self.device, self.challenge, nonce]
        text = "".join(line + "\n" for line in [*lines, hashlib.sha256(body).hexdigest()])
        return {
            "Loquet-Nonce": nonce,
            "Loquet-Device": self.device,
            "Loquet-Challenge": self.challenge,
            "Loquet-Signature": b64(self.key.sign(text.encode())),
        }

    def check(self, answer: requests.Response, target: str, nonce: str) -> None:
        """The answer is signed by the server that this client enrolled with, for this request."""
        if self.server is None:
            raise Foreign("no server is known yet")
        time, challenge = answer.headers.get("Loquet-Time", ""), answer.headers.get("Loquet-Challenge", "")
        lines = ["loquet answer 1", str(answer.status_code), target, nonce, time, challenge]
        text = "".join(line + "\n" for line in [*lines, hashlib.sha256(answer.content).hexdigest()])
        try:
            self.server.verify(unb64(answer.headers.get("Loquet-Signature", "")), text.encode())
        except (InvalidSignature, ValueError) as error:
            raise Foreign(f"{answer.status_code} for {target} is not signed by the server") from error
        self.time, self.challenge = int(time), challenge

    def ask(self, method: str, target: str, body: bytes | None = None, media: str = "") -> requests.Response:
        """Send a signed request, again once where the challenge is over; raises `Problem`."""
        for last in (False, True):
            answer = self.send(method, target, body, media)
            if answer.ok:
                return answer
            problem = Problem(answer.status_code, answer.json())
            if last or problem.kind != "stale":
                raise problem
        raise AssertionError

    def post(self, path: str, message: Row) -> Row:
        """Send a message as JSON."""
        body = json.dumps(message).encode()
        return dict(self.ask("POST", "/api/v1" + path, body, "application/json").json())

    # Who the server is, and being taken in.

    def hello(self) -> Row:
        """Ask who the server is, and go on only if it is the one that the code means."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(self.place, timeout=5) as line,
            context.wrap_socket(line, server_hostname=self.place[0]) as tls,
        ):
            seen = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
        self.session.close()
        self.session.mount("https://", Pinned(seen))
        nonce = secrets.token_hex(16)
        answer = self.session.get(self.base + "/api/v1/hello", headers={"Loquet-Nonce": nonce}, timeout=5)
        said = dict(answer.json())
        raw = unb64(said["key"])
        if hashlib.blake2b(raw, digest_size=16).hexdigest() != self.fingerprint:
            raise Foreign("the key is not that of the code")
        self.server, self.server_key = Ed25519PublicKey.from_public_bytes(raw), said["key"]
        self.check(answer, "/api/v1/hello", nonce)
        if said.get("certificate", seen) not in {"", seen}:
            raise Foreign("the certificate is not that of the connection")
        return said

    def asking(self, secret: str = "", stations: list[Row] | None = None) -> Row:
        """The message that asks to be taken in."""
        secret = secret or self.secret
        key, sealing = b64(self.key.public_key().public_bytes_raw()), b64(self.sealing.public_key().public_bytes_raw())
        text = f"loquet enrol 1\n{self.server_key}\n{key}\n{sealing}"
        proof = hmac.new(secret.encode("ascii"), text.encode(), "sha256").hexdigest()
        said = {"code": secret[:4], "proof": proof, "key": key, "sealing": sealing, "version": "2"}
        return said | {"stations": stations or [], "settings": ""}

    def enrol(self, stations: list[Row] | None = None, secret: str = "") -> Row:
        """Ask to be taken in; raises `Problem`."""
        self.hello()
        body = json.dumps(self.asking(secret, stations)).encode()
        answer = self.send("POST", "/api/v1/enrol", body, "application/json", signed=False)
        if not answer.ok:
            raise Problem(answer.status_code, answer.json())
        self.told = dict(answer.json())
        self.device = self.told["device"]
        self.open(self.told["ring"])
        return self.told

    def open(self, sealed: str) -> list[bytes]:
        """Open a sealed ring."""
        raw = unseal(sealed, self.sealing)
        self.badge_keys = [raw[at : at + 32] for at in range(0, len(raw), 32)]
        return self.badge_keys

    def ring(self) -> list[bytes]:
        """Ask for the badge keys."""
        return self.open(self.ask("GET", "/api/v1/ring").json()["ring"])

    # The whitelist.

    def fetch(self, wait: int = 0, *, whole: bool = False) -> Row:
        """Ask what is new, hold the line for it, apply it, and answer the manifest."""
        base = {} if whole else self.list.query()
        answer = self.ask("GET", "/api/v1/whitelist?" + urlencode(base | {"wait": wait}))
        try:
            self.list = self.applied(answer.content)
        except Foreign:
            if not base:
                raise
            return self.fetch(whole=True)
        return self.list.manifest

    def applied(self, body: bytes) -> Whitelist:
        """The list after an answer; raises `Foreign` where signature, count, order or digest do not fit."""
        first, second, *rest = body.decode().removesuffix("\n").split("\n")
        try:
            assert self.server is not None
            self.server.verify(unb64(json.loads(second)["signature"]), f"loquet whitelist 1\n{first}".encode())
        except InvalidSignature as error:
            raise Foreign("the list is not signed by the server") from error
        manifest, old = json.loads(first), self.list.manifest
        if manifest["device"] != self.device or manifest["rows"] != len(rest):
            raise Foreign("the list is another device's, or not whole")
        at = (manifest["generation"], manifest["version"])
        if old and at < (old["generation"], old["version"]):
            raise Foreign("the list is older than the one in force")
        if manifest.get("base") is not None and (not old or manifest["base"] != old["version"]):
            raise Foreign("the list changes another than the one in force")
        rows = dict(self.list.rows) if manifest.get("base") is not None else {}
        for line in map(json.loads, rest):
            if "drop" in line:
                rows.pop(line["drop"], None)
            else:
                rows[key_of(line)] = line
        if digest_of(rows) != manifest["digest"]:
            raise Foreign("the digest does not fit")
        return Whitelist(rows, manifest)

    # The journal, and how it is.

    def journal(self, epoch: str, entries: list[Row], after: int, upto: int | None = None, begins: int = 1) -> int:
        """Send one batch of `{"seq", "boot", "at", "entry"}`; how far the server acknowledges."""
        last = upto if upto is not None else max((entry["seq"] for entry in entries), default=after)
        lines = [{"epoch": epoch, "after": after, "upto": last, "begins": begins}, *entries]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        receipt = self.ask("POST", "/api/v1/journal", body, NDJSON).json()
        if receipt["epoch"] != epoch:
            raise Foreign("an acknowledgement of another epoch")
        return int(receipt["seq"])

    def report(self, **more: Any) -> Row:
        """Say how it is."""
        manifest = self.list.manifest
        at = {"generation": manifest.get("generation", 0), "whitelist": manifest.get("version", 0)}
        return self.post("/report", {"version": "2", "clock": "synchronised"} | at | more)

    def propose(self, rows: list[Row], of: int) -> Row:
        """Offer rows that were kept before."""
        return self.post("/proposals", {"rows": rows, "of": of})
