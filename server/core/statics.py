"""What pages load besides themselves: the style sheets, the scripts, the icons; kept by browsers until they change."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import django_htmx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from server.core.symbols import sheet

OURS: Final = Path(__file__).parent / "static"
FILES: Final = {
    "bootstrap.css": Path(str(files("bootstrap").joinpath("css/bootstrap.min.css"))),
    "htmx.js": Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js",
}
MEDIA: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
YEAR: Final = "public, max-age=31536000, immutable"
SHORT: Final = "public, max-age=300"
ICONS: Final = "icons.svg"  # made of what is installed


def _file(name: str) -> Path | None:
    """Return where a file lies; None where there is none of that name."""
    if name in FILES:
        return FILES[name]
    try:
        found = (OURS / name).resolve()
        return found if found.is_relative_to(OURS.resolve()) and found.is_file() else None
    except (OSError, ValueError):  # longer than any file's, or with a NUL
        return None


@cache
def address(name: str) -> str:
    """Return the address of a file as it is now; with other contents it has another one. Raises KeyError."""
    found = _file(name)
    if name == ICONS:
        content = sheet()
    elif found is None:
        raise KeyError(name)
    else:
        content = found.read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


async def _send(request: Request) -> Response:
    name = request.path_params["name"]
    kept = {"Cache-Control": YEAR if request.query_params.get("v") else SHORT, "X-Content-Type-Options": "nosniff"}
    if name == ICONS:
        return Response(sheet(), media_type=MEDIA[".svg"], headers=kept)
    found = _file(name)
    if found is None:
        return Response(status_code=404)
    return FileResponse(found, media_type=MEDIA.get(found.suffix), headers=kept)


def application() -> Starlette:
    """Make what serves them: small over the wire."""
    return Starlette(routes=[Route("/{name:path}", _send)], middleware=[Middleware(GZipMiddleware, minimum_size=1_000)])
