"""A provider of OpenID Connect on loopback, in a process of its own: written by the specification, not by our client.

It lets in, without asking, whom the tests say (POST /hand), and lies in its tokens as they say. Its line of output is
its port.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "loquet", "a secret of the client's"


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """An RSA key, by a name."""

    def __init__(self, kid):
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": number(numbers.n),
            "e": number(numbers.e),
        }

    @property
    def pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, said):
        return self.private.sign(said, padding.PKCS1v15(), hashes.SHA256())


class Person:
    """Whom it lets in, and which lies it tells of them."""

    def __init__(self, **said):
        self.claims = {"sub": "1", "preferred_username": "lea"} | said.get("claims", {})
        self.userinfo = said.get("userinfo", {})
        self.lie = said.get("lie", "")
        self.shows = said.get("shows", "basic")


class Provider(ThreadingHTTPServer):
    """Codes are good once, for the client and the verifier that they were given for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}/realm"
        self.key, self.other = Key("one"), Key("one")
        self.person, self.codes, self.tokens, self.asked = Person(), {}, {}, []

    def description(self):
        at = self.issuer
        return {
            "issuer": at + ("/" if self.person.lie == "issuer of description" else ""),
            "authorization_endpoint": f"{at}/auth",
            "token_endpoint": f"{at}/token" if self.person.lie != "no TLS" else "http://login.example.org/token",
            "jwks_uri": f"{at}/keys",
            "userinfo_endpoint": f"{at}/userinfo",
            "end_session_endpoint": f"{at}/logout",
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": [f"client_secret_{self.person.shows}"],
        }

    def id_token(self, nonce):
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce} | self.person.claims
        lies = {
            "audience": {"aud": "another"},
            "two audiences": {"aud": [CLIENT, "another"]},
            "party": {"aud": [CLIENT, "another"], "azp": "another"},
            "issuer": {"iss": "https://login.example.org"},
            "nonce": {"nonce": "another"},
            "over": {"iat": now - 7_200, "exp": now - 3_600},
            "ahead": {"iat": now + 3_600, "exp": now + 7_200},
            "long subject": {"sub": "1" * 256},
            "number for a subject": {"sub": 1},
        }
        said |= lies.get(self.person.lie, {})
        for gone in ("nonce", "exp", "aud", "iss", "sub", "iat"):
            if self.person.lie == f"no {gone}":
                del said[gone]
        header = {"alg": "RS256", "kid": "one", "typ": "JWT"}
        header |= {"alg none": {"alg": "none"}, "HS256": {"alg": "HS256"}, "secret": {"alg": "HS256"},
                   "kid": {"kid": "another"}}.get(self.person.lie, {})  # fmt: skip
        if self.person.lie in {"no kid", "one key"}:
            del header["kid"]
        head = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(said).encode())}"
        changed = f"{head.split('.', maxsplit=1)[0]}.{b64(json.dumps(said | {'sub': '2'}).encode())}"
        signed = {
            "alg none": lambda: f"{head}.",
            "HS256": lambda: f"{head}.{b64(hmac.digest(self.key.pem, head.encode(), 'sha256'))}",
            "secret": lambda: f"{head}.{b64(hmac.digest(SECRET.encode(), head.encode(), 'sha256'))}",
            "signature": lambda: f"{head}.{b64(self.other.sign(head.encode()))}",
            "changed": lambda: f"{changed}.{b64(self.key.sign(head.encode()))}",
            "no token": lambda: None,
        }
        return signed.get(self.person.lie, lambda: f"{head}.{b64(self.key.sign(head.encode()))}")()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_said):
        pass

    def answer(self, said, status=200, **headers):
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        at, server = urlsplit(self.path), self.server
        said = {name: values[0] for name, values in parse_qs(at.query).items()}
        match at.path.removeprefix("/realm"):
            case "/.well-known/openid-configuration" if server.person.lie == "elsewhere":
                self.answer(b"", 302, Location=f"{server.issuer}/apps/oidc/openid-configuration")
            case "/.well-known/openid-configuration" if server.person.lie == "out of TLS":
                self.answer(b"", 302, Location=f"http://2130706433:{server.server_port}/realm/apps/oidc/x")
            case "/.well-known/openid-configuration" | "/apps/oidc/openid-configuration" | "/apps/oidc/x":
                self.answer(server.description())
            case "/keys" | "/userinfo" if server.person.lie == f"{at.path.removeprefix('/realm/')} elsewhere":
                self.answer(b"", 302, Location=f"http://2130706433:{server.server_port}{at.path}-elsewhere")
            case "/keys-elsewhere" | "/userinfo-elsewhere":
                server.asked.append({"elsewhere": at.path})
                self.answer({"keys": [server.key.jwk], "sub": server.person.claims["sub"]})
            case "/keys":
                more = [server.other.jwk | {"kid": "two"}] if server.person.lie == "no kid" else []
                self.answer({"keys": [server.key.jwk, *more]})
            case "/auth":
                self.authorize(said)
            case "/userinfo":
                sub = server.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
                self.answer({"sub": sub} | server.person.userinfo, 200 if sub else 401)
            case "/asked":
                self.answer(server.asked)
            case _:
                self.answer({}, 404)

    def authorize(self, said):
        server = self.server
        server.asked.append(said)
        assert said["response_type"] == "code" and said["client_id"] == CLIENT
        assert said["code_challenge_method"] == "S256" and "openid" in said["scope"].split()
        if server.person.lie == "turned back":
            back = {"error": "access_denied", "error_description": "Call 0900 123456", "state": said["state"]}
        else:
            code = secrets.token_urlsafe(8)
            server.codes[code] = said
            back = {"code": code, "state": said["state"]}
        if server.person.lie == "mix-up":
            back["iss"] = "https://login.example.org"
        self.answer(b"", 302, Location=f"{said['redirect_uri']}?{urlencode(back)}")

    def do_POST(self):
        server = self.server
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.path == "/realm/hand":
            server.person = Person(**json.loads(raw))
            self.answer({})
            return
        said = {name: values[0] for name, values in parse_qs(raw).items()}
        if server.person.lie == "token elsewhere" and self.path == "/realm/token":
            self.answer(b"", 307, Location=f"http://2130706433:{server.server_port}/realm/token-elsewhere")
            return
        if self.path != "/realm/token":
            server.asked.append({"elsewhere": self.path})
        shown = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if server.person.shows == "post":
            shown = f"{said.get('client_id')}:{said.get('client_secret')}"
        asked = server.codes.pop(said.get("code"), None)
        challenge = b64(hashlib.sha256(said.get("code_verifier", "").encode()).digest())
        if unquote(shown) != f"{CLIENT}:{SECRET}" or server.person.lie == "client":
            self.answer({"error": "invalid_client"}, 401)
        elif asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != said["redirect_uri"]:
            self.answer({"error": "invalid_grant"}, 400)
        elif server.person.lie == "not JSON":
            self.answer(b"<html>")
        else:
            token = secrets.token_urlsafe(8)
            server.tokens[token] = "2" if server.person.lie == "userinfo" else server.person.claims["sub"]
            self.answer(
                {"access_token": token, "token_type": "Bearer", "id_token": server.id_token(asked.get("nonce"))}
            )


if __name__ == "__main__":
    running = Provider()
    sys.stdout.write(f"{running.server_port}\n")
    sys.stdout.flush()
    running.serve_forever()
