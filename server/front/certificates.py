"""The certificate that browsers and controllers see: read again when its file is renewed."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

LOOK_S: Final = 30.0
log = logging.getLogger("loquet.server")


class Served:
    """A certificate in use. Connections that come after a renewal see the new one; nobody's line is cut."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._context = context
        self._files = certificate, key
        self._read_at = self._stamp()

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        try:
            found = [each.stat() for each in self._files]
        except OSError:
            return ()
        return tuple((each.st_mtime_ns, each.st_ino) for each in found)

    def look(self, *, again: bool = False) -> bool:
        """Read it again where its files have changed, or where somebody asks; return whether that was done.

        Half of a renewal is no certificate: what is in use stays until key and certificate fit.
        """
        stamp = self._stamp()
        if not stamp or (stamp == self._read_at and not again):
            return False
        certificate, key = self._files
        try:
            # Tried on a context of its own first: one that fails half-way must not spoil what is served.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            self._context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            log.warning("%s was renewed and cannot be used yet: %s", certificate, error)
            return False
        self._read_at = stamp
        log.warning("%s is read again: it was renewed", certificate)
        return True

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()
