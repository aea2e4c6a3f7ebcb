"""Sheets that are read by themselves, once a day: what one says is proposed, and never taken over by itself."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import threading
import time
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
from django.db import connection, transaction
from django.db.models import Q
from urllib3.exceptions import HTTPError

from common.errors import LoquetError
from common.http import Session
from common.texts import N_
from server.core import clock, configuration
from server.imports import drafts, plans
from server.imports.models import Draft, Source
from server.inbox.notices import notify

MOST_BYTES: Final = 16 * 1024 * 1024
CONNECT_S: Final = 10.0
READ_S: Final = 30.0
WHOLE_S: Final = 60.0
REDIRECTS: Final = 5
MOST: Final = 10  # sources of one site
A_DAY: Final = timedelta(hours=20)  # a night is not as long after the one before to the minute
_PIECE: Final = 65_536
log = logging.getLogger("loquet.server")


class SourceError(LoquetError, ValueError):
    """A sheet that cannot be had from where it is said to lie."""


def folder() -> Path:
    """Return where files lie that may be named."""
    return configuration.in_force().sheets


def checked(place: str) -> str:
    """Return a place as it is kept: the name of a file in our folder, or an address. Raises SourceError."""
    if "://" not in place:
        if not place or PurePath(place).name != place or place.startswith("."):
            raise SourceError(
                N_("a file lies in {folder}, and is named without a path; an address begins with https://"),
                folder=str(folder()),
            )
        return place
    try:
        parts = urlsplit(place)
        fits = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 443) > 0
    except ValueError:
        fits = False
    if not fits:
        raise SourceError(N_("an address begins with https://: a list of members does not travel in clear"))
    return place


def fetch(place: str) -> bytes:
    """Return what lies there, within bounds of size and time. Raises SourceError."""
    return _downloaded(place) if "://" in place else _opened(place)


def _opened(name: str) -> bytes:
    path = folder() / checked(name)
    try:
        # A pipe that nobody writes to is not waited for, and nothing leads out of the folder.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(N_("{path} is no file"), path=str(path))
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(
            N_("{path} cannot be read: {why}"), path=str(path), why=error.strerror or type(error).__name__
        ) from error
    return _within(raw)


def _downloaded(address: str) -> bytes:
    end = time.monotonic() + WHOLE_S
    try:
        with Session() as session:
            for _hop in range(REDIRECTS):
                _hold_to(end)
                with session.get(
                    checked(address), stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False
                ) as answer:
                    if answer.is_redirect:
                        address = urljoin(address, answer.headers["Location"])  # which is held to TLS as the first was
                        continue
                    answer.raise_for_status()
                    return _within(_read(answer, end))
    except (requests.RequestException, HTTPError, ValueError, OSError) as error:
        if isinstance(error, SourceError):
            raise
        status = getattr(getattr(error, "response", None), "status_code", None)
        why = f"HTTP {status}" if status else type(error).__name__
        raise SourceError(N_("it could not be fetched: {why}"), why=why) from error
    raise SourceError(N_("it could not be fetched: {why}"), why="TooManyRedirects")


def _hold_to(end: float) -> None:
    """Refuse what takes longer. Raises SourceError."""
    if time.monotonic() > end:
        raise SourceError(N_("it could not be fetched: {why}"), why="timeout")


def _read(answer: requests.Response, end: float) -> bytes:
    """Return what an answer holds, as it comes: a server that drips holds nobody up past the end."""
    raw = bytearray()
    while len(raw) <= MOST_BYTES:
        _hold_to(end)
        piece = answer.raw.read1(_PIECE, decode_content=True)
        if not piece:
            break
        raw += piece
    return bytes(raw)


def _within(raw: bytes) -> bytes:
    if len(raw) > MOST_BYTES:
        raise SourceError(N_("it is larger than {count} MB: is it a list of members?"), count=MOST_BYTES // 2**20)
    return raw


def look(source: Source, *, again: bool = False) -> Draft | None:
    """Read a source; return the draft of what it says where that is something new. What is wrong is kept with it.

    again: whether what was read before, and declined or taken over, is proposed once more.
    """
    source.read, source.error = clock.now(), None
    draft = None
    try:
        raw = fetch(source.place)
        digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
        if digest != source.digest or again:
            with transaction.atomic():
                draft = _proposed(source, raw)
            source.digest = digest
    except LoquetError as error:
        source.error = plans.keep(error)
    Source.objects.filter(pk=source.pk).update(read=source.read, error=source.error, digest=source.digest)
    return draft


def _proposed(source: Source, raw: bytes) -> Draft | None:
    """Keep what a source says for a person; nothing where all of it is known. Raises SheetError."""
    Draft.objects.filter(source=source).exclude(state="running").delete()
    draft = drafts.read(None, PurePath(urlsplit(source.place).path).name[:100] or "sheet", raw, source)
    if draft.state == "read" and not draft.of:
        drafts.done(draft.token)
        return None
    notify("sheet", None, subject=f"source/{source.pk}", why=draft.name, count=draft.of)
    return draft


class Nightly:
    """Reads the sources, on a thread of its own: an address that drips keeps nothing else waiting."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Read every source that was not read for a day, unless that goes on still."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._look, name="sheets", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        try:
            look_at_all()
        except Exception:
            log.exception("the sheets could not be read; they are tried again")
        finally:
            connection.close()


def look_at_all() -> None:
    """Read every source that was not read for a day."""
    due = Q(read=None) | Q(read__lt=clock.now() - A_DAY) | Q(read__gt=clock.now() + A_DAY)
    for source in Source.objects.filter(due).order_by("pk"):
        try:
            look(source)
        except Exception:  # one that breaks keeps none of the others from being read
            log.exception("the sheet %s could not be read", source.place)
            unknown = plans.keep(SourceError(N_("it could not be read; the server's own journal says why")))
            Source.objects.filter(pk=source.pk).update(read=clock.now(), error=unknown)
