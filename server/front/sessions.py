"""Who was seen here lately by their session: who may send what is large, and waits in no queue with strangers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import msgspec
from django.conf import settings
from django.http.cookie import parse_cookie

MOST: Final = 2_048
KEY: Final = 64


class Known(msgspec.Struct, frozen=True):
    """An account that a session belongs to; uploads: whether it may send a sheet."""

    account: int
    uploads: bool


_seen: OrderedDict[str, Known] = OrderedDict()
_lock: Final = threading.Lock()


def saw(session: str | None, known: Known) -> None:
    """Note whose a session is; said by whoever has just looked."""
    if session:
        with _lock:
            _seen[session] = known
            _seen.move_to_end(session)
            while len(_seen) > MOST:
                _seen.popitem(last=False)


def lost(session: str | None) -> None:
    """Note that a session is nobody's any more."""
    with _lock:
        _seen.pop(session or "", None)


def of(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the session that a request names, "" where it names none; anybody may name any."""
    for name, value in headers:
        if name == b"cookie":
            return parse_cookie(value.decode("latin-1")[:8_192]).get(settings.SESSION_COOKIE_NAME, "")[:KEY]
    return ""


def known(session: str) -> Known | None:
    """Return whose a session is, as far as this process has seen."""
    with _lock:
        return _seen.get(session)
