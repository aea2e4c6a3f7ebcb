"""A proxy between a controller and its server that does what village lines do: loses, cuts, repeats, lies.

It has the server's own certificate, so that all of it reaches the code that reads answers.
"""

import http.client
import socket
import ssl
import threading
from collections import Counter

from central import HOME

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Answer:
    """What the server said."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def written(self, *, length=None):
        said = [f"HTTP/1.1 {self.status} X"]
        said += [f"{name}: {value}" for name, value in self.headers if name.lower() not in HOP]
        said += [f"Content-Length: {len(self.body) if length is None else length}", "Connection: close", "", ""]
        return "\r\n".join(said).encode() + self.body


class Misbehaving:
    """Does to each request what `how` says next: a name of a method here. A context manager."""

    def __init__(self, central, how=lambda _path: "passes"):
        self.central = central
        self.how = how
        self.done = Counter()
        self.up = self.down = 0  # bytes
        self.before = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listener.getsockname()[1]}"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(HOME / "data/tls.pem")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _run(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            try:
                with self._context.wrap_socket(link, server_side=True) as tls:
                    tls.settimeout(10)
                    self._serve(tls)
            except (OSError, ValueError, http.client.HTTPException):
                link.close()

    def _serve(self, tls):
        with tls.makefile("rb") as received:
            first = received.readline(65_536)
            head = http.client.parse_headers(received)
            body = received.read(int(head.get("Content-Length") or 0))
        method, target, _version = first.decode().split()
        self.up += len(first) + len(str(head)) + len(body)
        what = self.how(target)
        self.done[what] += 1
        answer = getattr(self, what)(method, target, head, body)
        if answer:
            self.down += len(answer)
            tls.sendall(answer)

    def _ask(self, method, target, head, body):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = http.client.HTTPSConnection("127.0.0.1", self.central.port, timeout=20, context=context)
        kept = {name: value for name, value in head.items() if name.lower() not in HOP | {"host"}}
        link.request(method, target, body or None, {**kept, "Host": f"localhost:{self.central.port}"})
        got = link.getresponse()
        answer = Answer(got.status, got.getheaders(), got.read())
        link.close()
        return answer

    # --- what lines do ---

    def passes(self, *asked):
        self.before = self._ask(*asked)
        return self.before.written()

    def is_never_asked(self, *_asked):
        return b""

    def loses_the_answer(self, *asked):
        self._ask(*asked)
        return b""

    def asks_twice(self, *asked):
        self._ask(*asked)
        return self._ask(*asked).written()

    def repeats_the_answer_before(self, *asked):
        return self.before.written() if self.before else self.passes(*asked)

    def cuts_the_answer(self, *asked):
        whole = self._ask(*asked).written()
        return whole[: len(whole) * 2 // 3]

    def shortens_the_answer(self, *asked):
        answer = self._ask(*asked)
        answer.body = answer.body[: len(answer.body) // 2]
        return answer.written()

    def changes_the_answer(self, *asked):
        answer = self._ask(*asked)
        answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1]) if answer.body else b"x"
        return answer.written()

    def says_another_length(self, *asked):
        return self._ask(*asked).written(length=10**9)

    def is_a_portal(self, *_asked):
        return Answer(302, [("Location", "http://wifi.free/login")], b"<html>").written()

    def is_an_endless_portal(self, *_asked):
        return b"HTTP/1.1 302 Found\r\nLocation: http://wifi.free/\r\n\r\n" + b"x" * 4_000_000

    def is_a_page(self, *_asked):
        return Answer(200, [("Content-Type", "text/html")], b"<html>Welcome to the campsite</html>").written()

    def says_too_many(self, *_asked):
        return Answer(429, [("Retry-After", "120")], b"").written()

    def is_overloaded(self, *_asked):
        return Answer(502, [], b"Bad gateway").written()

    def wants_a_password(self, *_asked):
        return Answer(407, [("Proxy-Authenticate", "Basic")], b"").written()

    def finds_it_too_large(self, *_asked):
        return Answer(413, [], b"").written()

    def talks_nonsense(self, *_asked):
        return b"SSH-2.0-OpenSSH_9.2\r\n" * 50


WAYS = [
    name for name, each in vars(Misbehaving).items() if callable(each) and not name.startswith("_") and name != "passes"
]
