"""The code that hangs at a machine: whoever scans it says what is wrong with it."""

from __future__ import annotations

import segno
from django.http import HttpRequest

from server.core.links import link_to


def address(request: HttpRequest, machine: str) -> str:
    """Return the whole address behind a machine's code."""
    return request.build_absolute_uri(link_to("/report", machine))


def drawn(said: str) -> str:
    """Return a QR code as an image's address."""
    return segno.make(said, error="m").svg_data_uri(scale=4, border=2, light="white")
