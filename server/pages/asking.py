"""What forms say, read within bounds: errors are sentences that name the field."""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import date, timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from common.errors import LoquetError
from common.texts import N_
from protocol.whitelist import AnyRow, Level
from server import kept, models, rows
from server.editing import Author
from server.models import Account

ID: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2200


class FormError(LoquetError, ValueError):
    """What somebody typed will not do."""


def author(request: HttpRequest) -> Author:
    """Return whose an edit is."""
    assert isinstance(request.user, Account)  # noqa: S101 - pages are guarded
    return Author(account=request.user, name=request.user.username)


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


def level(request: HttpRequest, name: str = "level") -> Level:
    """Read a level. Raises FormError."""
    said = str(request.POST.get(name, "user"))
    try:
        return Level[said.upper()]
    except KeyError as error:
        raise FormError(N_("{said} is no level"), said=said) from error


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


def new_member_id() -> str:
    """Make an id that is no name, and was never anybody's: what stays in a journal says nothing of a person."""
    while True:
        found = f"m-{kept.next_number(kept.MEMBERS):04d}"
        used = models.Change.objects.filter(key=f"member/{found}").exists()
        if not (used or models.Session.objects.filter(member=found).exists() or row(f"member/{found}")):
            return found


def member(request: HttpRequest, name: str = "member") -> models.Member:
    """Find whom somebody means, by id or by name. Raises FormError."""
    said = text(request, name)
    found = models.Member.objects.filter(id=said).first()
    if found is not None:
        return found
    match = re.search(r"\(([^()]+)\)$", said)
    if match:
        found = models.Member.objects.filter(id=match[1]).first()
        if found is not None:
            return found
    close = list(models.Member.objects.filter(name__icontains=said).order_by("name")[:4]) if said else []
    if len(close) == 1:
        return close[0]
    if close:
        raise FormError(
            N_("several members are called that: {names}"), names=", ".join(f"{m.name} ({m.id})" for m in close)
        )
    raise FormError(N_('nobody is called "{said}"; enter the member first'), said=said)


def row(key: str) -> AnyRow | None:
    """Return one row of the whitelist."""
    return rows.find([key]).get(key)


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


def shown(value: Any) -> str:  # noqa: ANN401 - a member or None
    """Write a member as forms take one back."""
    return "" if value is None else f"{value.name or value.id} ({value.id})"


def nonce() -> str:
    """Make a word that tells one request to end what runs from the next one."""
    return f"now-{secrets.token_hex(4)}"


def inside(wanted: str, otherwise: str) -> str:
    """Return a path of this server's, and of no other; *otherwise* where it is none."""
    fine = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if fine and wanted.isprintable() else otherwise
