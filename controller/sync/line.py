"""Requests to the server: one session, its certificate pinned; requests signed, answers held to their signature."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from common.errors import LoquetError
from common.http import Session
from common.texts import N_
from controller.sync.identity import Identity
from protocol import messages, signing
from protocol.messages import PREFIX, WAIT, Hello, MessageError, Problem
from protocol.signing import SignatureError, SigningKey, VerifyKey, decoded

CONNECT_S: Final = 10.0
READ_S: Final = 50.0  # a held line is answered before; a half-open one is noticed within a minute
# An answer is held to its signature once it is whole: until then it is a stranger's, and small. A whitelist of 240,000
# badges is 40 MB.
MAX_ANSWER: Final = 256 * 1024
MAX_WHITELIST: Final = 96 * 1024 * 1024
WHOLE_S: Final = 60.0  # in which an answer is whole
WHITELIST_S: Final = 900.0
TOO_MUCH: Final = (429, 503)
MOST_AFTER_S: Final = 600


class LineError(LoquetError, ConnectionError):
    """The server cannot be reached, or does not answer as it should: another time.

    after: in how many seconds at the earliest, where whoever answered said so.
    """

    after = 0.0


class RefusedError(LoquetError):
    """The server refuses, with a problem of its own."""

    def __init__(self, problem: Problem) -> None:
        if problem.detail:
            super().__init__(N_("the server refuses: {title}: {detail}"), title=problem.title, detail=problem.detail)
        else:
            super().__init__(N_("the server refuses: {title}"), title=problem.title)
        self.kind = problem.type.removeprefix("urn:loquet:")
        self.expected = problem.expected


class Pinned(HTTPAdapter):
    """Believes one certificate, by its fingerprint, whatever name stands in it."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__(pool_maxsize=4)

    def init_poolmanager(self, *arguments: Any, **how: Any) -> None:  # noqa: ANN401 - urllib3's own
        """Make connections that ask for the fingerprint."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the fingerprint is asked for instead
        super().init_poolmanager(
            *arguments, **how, ssl_context=context, assert_fingerprint=self._fingerprint, assert_hostname=False
        )

    def cert_verify(self, conn: Any, url: str, _verify: Any, cert: Any) -> None:  # noqa: ANN401 - requests' own
        """Leave names and authorities aside: neither vouches for this one."""
        super().cert_verify(  # type: ignore[no-untyped-call]
            conn, url, verify=False, cert=cert
        )


class ServerLine:
    """Speaks to one server as one controller. Usable from several threads."""

    def __init__(self, identity: Identity, told: Callable[[int], None] = lambda _ms: None) -> None:
        """told: takes the server's time of each answer, in milliseconds since 1970."""
        self._identity = identity
        self._key = SigningKey(decoded(identity.signing))
        self.server: Final = VerifyKey(decoded(identity.server))
        self._told = told
        self._challenge = ""
        self._lock = threading.Lock()
        self._session = Session()
        self._session.trust_env = False  # a proxy of somebody's shell is none of the daemon's
        if identity.certificate:
            self._session.mount("https://", Pinned(identity.certificate))

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def hello(self) -> Hello:
        """Ask who the server is. Raises LineError, SignatureError."""
        hello: Hello = messages.read(Hello, self._once("GET", "/hello", b"", ""))
        return hello

    def get(self, path: str, wait: float = 0) -> bytes:
        """Ask for something. Raises LineError, RefusedError, SignatureError."""
        return self._ask("GET", path, b"", "", wait)

    def post(self, path: str, body: bytes, media: str = "application/json") -> bytes:
        """Send something. Raises LineError, RefusedError, SignatureError."""
        return self._ask("POST", path, body, media)

    def _ask(self, method: str, path: str, body: bytes, media: str, wait: float = 0) -> bytes:
        if not self._challenge and self._identity.device:
            self.hello()
        try:
            return self._once(method, path, body, media, wait)
        except RefusedError as error:
            if error.kind != "stale":
                raise
            return self._once(method, path, body, media, wait)  # with the challenge of that answer

    def _once(self, method: str, path: str, body: bytes, media: str, wait: float = 0) -> bytes:
        target = PREFIX + path
        nonce = secrets.token_hex(16)
        headers = {signing.NONCE: nonce, "Accept-Encoding": "identity", "User-Agent": "loquet"}
        if media:
            headers["Content-Type"] = media
        if self._identity.device:
            challenge = self._challenge
            text = signing.request_text(method, target, self._identity.device, challenge, nonce, body)
            headers |= {
                signing.DEVICE: self._identity.device,
                signing.CHALLENGE: challenge,
                signing.SIGNATURE: self._key.sign(text),
            }
        try:
            response = self._session.request(
                method,
                f"https://{self._identity.address}{target}",
                data=body or None,
                headers=headers,
                timeout=(CONNECT_S, READ_S if wait else READ_S - WAIT + CONNECT_S),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return self._read(response, target, nonce)
        except LineError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise LineError(
                N_("the server at {address} does not answer ({error})"),
                address=self._identity.address,
                error=_why(error),
            ) from error

    def _read(self, response: requests.Response, target: str, nonce: str) -> bytes:
        """Read an answer, and hold it to its signature. Raises LineError where somebody else answered."""
        answer = _whole(response, is_whitelist=target.startswith(f"{PREFIX}/whitelist"))
        try:
            ms = check_answer(self.server, response, target, nonce, answer)
        except (SignatureError, ValueError) as error:
            wrong = LineError(
                N_("somebody else answers at {address} (status {status}): a proxy, or another server"),
                address=self._identity.address,
                status=response.status_code,
            )
            wrong.after = _asked_to_wait(response)
            raise wrong from error
        with self._lock:
            self._challenge = response.headers.get(signing.CHALLENGE, "")
        self._told(ms)
        if response.status_code == 200:  # noqa: PLR2004 - HTTP's
            return answer
        try:
            problem: Problem = messages.read(Problem, answer)
        except MessageError as error:
            raise LineError(N_("the server answers with status {status}"), status=response.status_code) from error
        raise RefusedError(problem)


def _whole(response: requests.Response, *, is_whitelist: bool) -> bytes:
    """Read an answer within its bounds. Raises LineError."""
    most = MAX_WHITELIST if is_whitelist else MAX_ANSWER
    until = time.monotonic() + (WHITELIST_S if is_whitelist else WHOLE_S)
    pieces, size = [], 0
    # As much as has come: whoever drips a byte now and then is looked at with each of them.
    while piece := response.raw.read1(65_536, decode_content=False):
        size += len(piece)
        if size > most:
            raise LineError(N_("the server's answer is too long"))
        if time.monotonic() > until:
            raise LineError(N_("the server's answer does not end"))
        pieces.append(piece)
    return b"".join(pieces)


def _asked_to_wait(response: requests.Response) -> float:
    """Return for how many seconds whoever answered asks to be left alone (RFC 9110, 10.2.3), within bounds.

    Anybody between here and the server may say it: ten minutes at the most.
    """
    said = response.headers.get("Retry-After", "")
    if response.status_code not in TOO_MUCH or not (said.isascii() and said.isdigit()):
        return 0.0
    return float(min(int(said[:6]), MOST_AFTER_S))


def check_answer(server: VerifyKey, response: requests.Response, target: str, nonce: str, body: bytes) -> int:
    """Hold an answer to its signature; return the server's time, milliseconds since 1970. Raises SignatureError."""
    headers = response.headers
    ms, challenge = headers.get(signing.TIME, ""), headers.get(signing.CHALLENGE, "")
    text = signing.answer_text(response.status_code, target, nonce, ms, challenge, body)
    server.verify(text, headers.get(signing.SIGNATURE, ""))
    return int(ms)


def _why(error: BaseException) -> str:
    """Return the innermost cause of what requests tells, short."""
    while error.__cause__ is not None or error.__context__ is not None:
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return str(error)[:200] or type(error).__name__
