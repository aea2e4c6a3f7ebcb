"""What forms say, read within bounds: errors are sentences that name the field."""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import date, timedelta
from typing import Final

from django.http import HttpRequest
from django.utils import timezone

from common.errors import LoquetError
from common.texts import N_

ID: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2200


class FormError(LoquetError, ValueError):
    """What somebody typed will not do."""


def text(request: HttpRequest, name: str, most: int = 200, *, label: str = "") -> str:
    """Read a line of text. Raises FormError."""
    said = " ".join(str(request.POST.get(name, "")).replace("\0", "").split())
    if len(said) > most:
        raise FormError(N_("{field}: {most} characters at the most"), field=label or name, most=most)
    return said


def day(request: HttpRequest, name: str, label: str = "") -> date | None:
    """Read a day; None where nothing was said. Raises FormError."""
    said = str(request.POST.get(name, "")).strip()
    if not said:
        return None
    try:
        found = date.fromisoformat(said)
    except ValueError:
        match = re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", said)
        try:
            found = date(int(match[3]), int(match[2]), int(match[1])) if match else date.min
        except ValueError:
            found = date.min
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise FormError(
            N_("{field}: {said} is not a day; write 2026-11-30 or 30/11/2026"), field=label or name, said=said
        )
    return found


def number(request: HttpRequest, name: str, least: int, most: int, label: str = "") -> int | None:
    """Read a whole number; None where nothing was said. Raises FormError."""
    said = str(request.POST.get(name, "")).strip()
    if not said:
        return None
    if not said.isascii() or not said.isdigit() or len(said) > 9 or not least <= int(said) <= most:  # noqa: PLR2004
        raise FormError(
            N_("{field}: a number from {least} to {most} is expected"), field=label or name, least=least, most=most
        )
    return int(said)


def identifier(request: HttpRequest, name: str, label: str) -> str:
    """Read an id that is new. Raises FormError."""
    said = text(request, name, 64).lower()
    if ID.fullmatch(said) is None:
        raise FormError(
            N_('{field}: "{said}" will not do; small letters, digits, hyphens and dots, 64 at the most'),
            field=label,
            said=said,
        )
    return said


def made_of(name: str, taken: set[str]) -> str:
    """Make an id of a name: "Léa Dupré" is lea-dupre, and the second of that name lea-dupre-2."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50] or "member"
    found, count = base, 1
    while found in taken:
        count += 1
        found = f"{base}-{count}"
    return found


def today() -> date:
    """Return the day in the workshop."""
    return timezone.localdate()


def year_from(since: date | None) -> date:
    """Return the day a year after, from today on at the earliest."""
    begin = max(since or today(), today())
    try:
        return begin.replace(year=begin.year + 1)
    except ValueError:  # the 29th of February
        return begin + timedelta(days=365)


def chosen(request: HttpRequest, name: str) -> list[str]:
    """Return what was ticked."""
    return [str(each)[:300] for each in request.POST.getlist(name)][:1_000]


def nonce() -> str:
    """Make a word that tells one request to end what runs from the next one."""
    return f"now-{secrets.token_hex(4)}"


def inside(wanted: str, otherwise: str) -> str:
    """Return a path of this server's, and of no other; *otherwise* where it is none."""
    fine = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if fine and wanted.isprintable() else otherwise
