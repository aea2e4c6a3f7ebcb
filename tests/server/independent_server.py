"""A central server in memory, written from docs/protocol.md and docs/openapi.json alone.

Nothing of the project is imported here: what this server and a controller agree on is what the document says.
"""

import contextlib
import datetime as dt
import hashlib
import hmac
import json
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from independent_client import NDJSON, SEALED, Row, b64, digest_of, key_of, ring_name, unb64, written

JSON = "application/json"
LARGEST = 2_000_000
ENTRIES = 500
CHALLENGE_MS = 600_000
TRIES = 5
LONGEST_WAIT = 40
STATUS = {"malformed": 400, "unsigned": 401, "stale": 401, "refused": 403, "unknown": 404, "method": 405, "order": 409,
          "conflict": 409, "large": 413, "media": 415, "broken": 500}  # fmt: skip
ROUTES: dict[str, tuple[str, str]] = {
    "/hello": ("GET", ""),
    "/enrol": ("POST", JSON),
    "/whitelist": ("GET", ""),
    "/ring": ("GET", ""),
    "/journal": ("POST", NDJSON),
    "/report": ("POST", JSON),
    "/proposals": ("POST", JSON),
}


class Refusal(Exception):  # noqa: N818 - the document's word is problem
    """What this server has against a request."""

    def __init__(self, kind: str, detail: str = "", expected: int | None = None) -> None:
        super().__init__(detail)
        told: Row = {"type": f"urn:loquet:{kind}", "title": kind.title(), "status": STATUS[kind], "detail": detail}
        self.told = told if expected is None else told | {"expected": expected}


@dataclass
class Device:
    """A controller that was taken in, and what it sent."""

    id: str
    key: str
    sealing: str
    machines: list[str]
    journal: dict[str, dict[int, Row]] = field(default_factory=dict)
    upto: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    reports: list[Row] = field(default_factory=list)
    proposals: list[Row] = field(default_factory=list)
    includes: dict[str, int] = field(default_factory=dict)


class SecondServer:
    """What the server knows; each method of the API is a method."""

    def __init__(self) -> None:
        self.signing = Ed25519PrivateKey.generate()
        self.key = b64(self.signing.public_key().public_bytes_raw())
        self.badge_keys = [secrets.token_bytes(32)]
        self.secret = "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(16))
        self.wrong = 0
        self.generation = 1
        self.history: list[dict[str, Row]] = [{}]  # by version
        self.devices: dict[str, Device] = {}
        self.requests: list[str] = []
        self.changed = threading.Condition()
        self.closing = False
        self.certificate = ""
        self.port = 0
        self.challenge_key = secrets.token_bytes(32)

    @property
    def code(self) -> str:
        """What a person reads to the controller."""
        middle = "-".join(self.secret[at : at + 4] for at in range(0, 16, 4))
        print_ = hashlib.blake2b(self.signing.public_key().public_bytes_raw(), digest_size=16).hexdigest()
        return f"127.0.0.1:{self.port}/{middle}/{print_}"

    @property
    def rows(self) -> dict[str, Row]:
        """The list of the whole network."""
        return self.history[-1]

    def put(self, *rows: Row, drop: tuple[str, ...] = ()) -> None:
        """Change the list: a new version, which ends held lines."""
        with self.changed:
            kept = {key: row for key, row in self.rows.items() if key not in drop}
            self.history.append(kept | {key_of(row): row for row in rows})
            self.changed.notify_all()

    # Challenges: a time and its mark, so that nothing is kept.

    def challenge(self, now: int) -> str:
        """A new challenge."""
        said = f"{now:x}.{secrets.token_hex(8)}"
        return f"{said}.{hmac.new(self.challenge_key, said.encode(), 'sha256').hexdigest()[:32]}"

    def fresh(self, challenge: str) -> bool:
        """Whether a challenge is ours and younger than ten minutes."""
        said, _, mark = challenge.rpartition(".")
        ours = hmac.new(self.challenge_key, said.encode(), "sha256").hexdigest()[:32]
        return hmac.compare_digest(mark, ours) and now_ms() - int(said.split(".")[0], 16) < CHALLENGE_MS

    # What is asked.

    def hello(self) -> Row:
        """Who this is."""
        return {"name": "Second", "key": self.key, "protocol": 1, "certificate": self.certificate}

    def enrol(self, said: Row) -> Row:
        """Take a controller in."""
        if said["code"] != self.secret[:4] or self.wrong >= TRIES:
            raise Refusal("refused", "There is no such code.")
        text = "\n".join(["loquet enrol 1", self.key, said["key"], said["sealing"]])
        proof = hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(proof, said["proof"]):
            self.wrong += 1
            raise Refusal("refused", "The code is not right.")
        device = next((d for d in self.devices.values() if (d.key, d.sealing) == (said["key"], said["sealing"])), None)
        if device is None:
            if self.devices:
                raise Refusal("refused", "The code was used.")
            machines = [station["machine"] for station in said.get("stations", [])]
            device = Device(secrets.token_hex(8), said["key"], said["sealing"], machines)
            self.devices[device.id] = device
            self.put(*({"type": "machine", "id": m} for m in machines if f"machine/{m}" not in self.rows))
        ring = self.seal(device)
        return {"device": device.id, "name": "Second's", "ring": ring, "settings": "", "counters": {}}

    def seal(self, device: Device) -> str:
        """The ring, sealed for a controller."""
        ephemeral, nonce, to = X25519PrivateKey.generate(), secrets.token_bytes(12), unb64(device.sealing)
        shown = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(to))
        under = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=SEALED + shown + to).derive(shared)
        return b64(shown + nonce + ChaCha20Poly1305(under).encrypt(nonce, b"".join(self.badge_keys), SEALED))

    def view(self, rows: dict[str, Row], device: Device) -> dict[str, Row]:
        """The rows that a controller sees."""
        mine = {m for m in device.machines if f"machine/{m}" in rows}
        asked = {training for m in mine for training in rows[f"machine/{m}"].get("requires") or []}
        certified = {r["member"] for r in rows.values() if r["type"] == "certification" and r["training"] in asked}

        def shown(row: Row) -> Row | None:
            kind = row["type"]
            hidden = (
                (kind == "machine" and row["id"] not in mine)
                or (kind == "training" and row["id"] not in asked)
                or (kind == "certification" and row["training"] not in asked)
                or (kind == "cut" and row["machine"] not in mine)
            )
            if kind == "member" and row["id"] not in certified:
                return {name: value for name, value in row.items() if name not in {"name", "payer"}}
            return None if hidden else row

        return {key: seen for key, row in rows.items() if (seen := shown(row)) is not None}

    def whitelist(self, device: Device, query: dict[str, int]) -> bytes:
        """What is new since a version, held until there is something."""
        base: int | None = query.get("base")
        if query.get("generation") != self.generation or base is None or base >= len(self.history):
            base = None
        with self.changed:
            old = self.view(self.history[base], device) if base is not None else {}
            until = time.monotonic() + min(query.get("wait", 0), LONGEST_WAIT)
            while base is not None and self.view(self.rows, device) == old and not self.closing:
                if (left := until - time.monotonic()) <= 0:
                    break
                self.changed.wait(left)
            now, version = self.view(self.rows, device), len(self.history) - 1
        lines = [json.dumps({"drop": key}) for key in old if key not in now]
        lines += [written(row) for key, row in now.items() if old.get(key) != row]
        manifest = {"device": device.id, "generation": self.generation, "version": version, "time": now_ms()}
        manifest |= {"digest": digest_of(now), "rows": len(lines), "base": base, "includes": device.includes}
        first = json.dumps(manifest | {"ring": ring_name(self.badge_keys)})
        signature = b64(self.signing.sign(f"loquet whitelist 1\n{first}".encode()))
        return "".join(line + "\n" for line in [first, json.dumps({"signature": signature}), *lines]).encode()

    def journal(self, device: Device, lines: list[Row]) -> Row:
        """Take a batch of a journal."""
        head, entries = lines[0], lines[1:]
        epoch, after, upto = head["epoch"], head["after"], head["upto"]
        if len(entries) > ENTRIES:
            raise Refusal("large", "More than 500 entries.")
        if any(not after < entry["seq"] <= upto for entry in entries):
            raise Refusal("malformed", "An entry outside of its batch.")
        if epoch in device.closed:
            raise Refusal("conflict", "This epoch is closed.")
        held = device.journal.setdefault(epoch, {})
        have = device.upto.setdefault(epoch, head.get("begins", 1) - 1)
        if after > have:
            raise Refusal("order", f"Begin after {have}.", have)
        if any(entry["seq"] in held and held[entry["seq"]] != entry for entry in entries):
            device.closed.add(epoch)
            raise Refusal("conflict", "A number holds another entry.")
        held |= {entry["seq"]: entry for entry in entries if entry["seq"] > have}
        device.upto[epoch] = max(have, upto)
        return {"epoch": epoch, "seq": device.upto[epoch]}

    def answer(self, path: str, device: Device, query: dict[str, int], body: bytes) -> bytes:
        """What a signed request is answered."""
        if path == "/whitelist":
            return self.whitelist(device, query)
        if path == "/ring":
            return json.dumps({"ring": self.seal(device)}).encode()
        lines = [json.loads(line) for line in body.splitlines()]
        if path == "/journal":
            return json.dumps(self.journal(device, lines)).encode()
        (device.reports if path == "/report" else device.proposals).append(lines[0])
        return b"{}"

    def sender(self, method: str, target: str, headers: Any, body: bytes) -> Device:
        """The controller that signed a request."""
        device = self.devices.get(headers.get("Loquet-Device", ""))
        challenge = headers.get("Loquet-Challenge", "")
        if device is None:
            raise Refusal("unsigned", "Nobody knows this device.")
        lines = ["loquet request 1", method, target, device.id, challenge, headers.get("Loquet-Nonce", "")]
        text = "".join(line + "\n" for line in [*lines, hashlib.sha256(body).hexdigest()])
        signer = Ed25519PublicKey.from_public_bytes(unb64(device.key))
        try:
            signer.verify(unb64(headers.get("Loquet-Signature", "")), text.encode())
        except (InvalidSignature, ValueError) as error:
            raise Refusal("unsigned", "The signature does not fit.") from error
        if not self.fresh(challenge):
            raise Refusal("stale", "Sign again.")
        return device


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    central: SecondServer

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        """Answer, signed, whatever happens."""
        status, media = 200, "application/problem+json"
        try:
            answer, media = self.answered()
        except Refusal as refusal:
            status, answer = refusal.told["status"], json.dumps(refusal.told).encode()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            status, answer = STATUS["malformed"], json.dumps(Refusal("malformed", repr(error)).told).encode()
        now = now_ms()
        challenge = self.central.challenge(now)
        lines = ["loquet answer 1", str(status), self.path, self.headers.get("Loquet-Nonce", ""), str(now), challenge]
        text = "".join(line + "\n" for line in [*lines, hashlib.sha256(answer).hexdigest()])
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Loquet-Time", str(now))
        self.send_header("Loquet-Challenge", challenge)
        self.send_header("Loquet-Signature", b64(self.central.signing.sign(text.encode())))
        if status == STATUS["method"]:
            self.send_header("Allow", ROUTES[self.place()][0])
        self.end_headers()
        self.wfile.write(answer)

    def place(self) -> str:
        """The path that is asked for, without what all paths begin with."""
        return urlsplit(self.path).path.removeprefix("/api/v1")

    def answered(self) -> tuple[bytes, str]:
        """The answer and its media type. Raises Refusal, and what the reading of a malformed message raises."""
        length = int(self.headers.get("Content-Length", 0))
        if length > LARGEST:
            self.close_connection = True
            raise Refusal("large", "More than 2,000,000 bytes.")
        body, path = self.rfile.read(length), self.place()
        method, wanted = ROUTES.get(path, ("", ""))
        if method != self.command:
            raise Refusal("method" if method else "unknown")
        if wanted and self.headers.get_content_type() != wanted:
            raise Refusal("media", f"It is to be {wanted}.")
        self.central.requests.append(f"{method} {self.path}")
        if path == "/hello":
            return json.dumps(self.central.hello()).encode(), JSON
        if path == "/enrol":
            return json.dumps(self.central.enrol(json.loads(body))).encode(), JSON
        device = self.central.sender(method, self.path, self.headers, body)
        # Of kinds beyond the first seven it has none: what a controller knows of them, it need not hear.
        asked = parse_qs(urlsplit(self.path).query)
        query = {name: int(value[0]) for name, value in asked.items() if name != "knows"}
        return self.central.answer(path, device, query, body), NDJSON if path == "/whitelist" else JSON

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the library's names


def now_ms() -> int:
    """The time, as the protocol has it."""
    return time.time_ns() // 1_000_000


def own_certificate() -> tuple[bytes, str]:
    """A certificate of one's own with its key, as PEM, and the SHA-256 of its DER form."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "second")])
    today = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today - dt.timedelta(days=1))
    made = builder.not_valid_after(today + dt.timedelta(days=3650)).sign(key, hashes.SHA256())
    kept = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    der = made.public_bytes(serialization.Encoding.DER)
    return kept + made.public_bytes(serialization.Encoding.PEM), hashlib.sha256(der).hexdigest()


@contextlib.contextmanager
def serving() -> Iterator[SecondServer]:
    """A server on a port of its own, until the block ends."""
    central = SecondServer()
    pem, central.certificate = own_certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(pem)
        context.load_cert_chain(path)
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"central": central}))
    http.daemon_threads, http.block_on_close = True, False
    http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    central.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield central
    finally:
        central.closing = True
        with central.changed:
            central.changed.notify_all()
        http.shutdown()
        thread.join(5)
        http.server_close()
