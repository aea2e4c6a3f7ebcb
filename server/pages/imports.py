"""The page Import: a sheet of members, looked at before it counts; and what controllers propose."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Final

import msgspec
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, tell
from protocol import sheets
from protocol.sheets import SheetError
from protocol.whitelist import AnyRow, Badge, Certification, Level, Machine, Member, Training, Whitelist
from server import editing, kept, models, proposals, rows
from server.editing import Author
from server.models import Role
from server.pages import asking
from server.pages.asking import FormError
from server.pages.badges import known_hash
from server.pages.rendering import page, say
from server.pages.safety import allowed

SHOWN: Final = 200  # changes in a preview
KEPT_S: Final = 3_600.0  # for so long a preview may be taken over
MOST: Final = 20  # previews at once


class Draft(msgspec.Struct):
    """A sheet that was read and not yet taken over; and how far that has come."""

    account: int
    name: str
    put: list[AnyRow]
    made: float
    version: int
    of: int = 0
    done: int = 0
    state: str = "read"
    error: str = ""
    edit: int | None = None


_drafts: dict[str, Draft] = {}
_lock: Final = threading.Lock()


@allowed(Role.FABMANAGER)
def imports(request: HttpRequest) -> HttpResponse:
    """Read a sheet and show what it would change; show and decide about proposals."""
    wrong = ""
    lines: list[tuple[int, str]] = []
    if request.method == "POST":
        try:
            match request.POST.get("do"):
                case "read":
                    token = _read(request)
                    return HttpResponseRedirect(f"/import/{token}")
                case "take" | "decline":
                    _decide(request)
                    return HttpResponseRedirect("/import")
                case _:
                    raise FormError(N_("nothing was asked"))
        except SheetError as error:
            wrong = tell(error)
            lines = [(each.line, tell(each.error)) for each in error.lines]
        except LoquetError as error:
            wrong = tell(error)
    places: dict[str, Any] = {"wrong": wrong, "lines": lines, "proposed": _proposed()}
    return page(request, "import.html", 422 if wrong else 200, **places)


def _read(request: HttpRequest) -> str:
    """Read a sheet; return the name of its preview. Raises SheetError, FormError."""
    file = request.FILES.get("sheet")
    if file is None:
        raise FormError(N_("choose a file first"))
    raw = b"".join(file.chunks())
    given = request.FILES.get("mapping")
    mapping = sheets.read_mapping(b"".join(given.chunks())) if given is not None else None
    sheet = sheets.read(raw, mapping)
    version = int(kept.get(kept.VERSION))
    hashes = {card: known_hash(*card)[0] for card in sheet.cards}
    wanted = sheet.rows(hashes, Whitelist(rows.everything()))
    here = rows.find(row.key for row in wanted)
    changed = [row for row in wanted if here.get(row.key) != row]
    token = secrets.token_urlsafe(12)
    draft = Draft(request.user.pk or 0, str(file.name)[:100], changed, time.monotonic(), version)
    with _lock:
        for old in [name for name, each in _drafts.items() if time.monotonic() - each.made > KEPT_S]:
            del _drafts[old]
        while len(_drafts) >= MOST:
            _drafts.pop(next(iter(_drafts)))
        _drafts[token] = draft
    return token


@allowed(Role.FABMANAGER)
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a sheet would change; take it over; show how far that has come."""
    draft = _drafts.get(token)
    if draft is None or draft.account != request.user.pk:
        say(request, _("This preview is over; read the sheet again."), wrong=True)
        return HttpResponseRedirect("/import")
    if request.method == "POST" and draft.state == "read":
        draft.state, draft.of = "running", len(draft.put)
        threading.Thread(target=_take_over, args=(draft, asking.author(request)), daemon=True).start()
        return HttpResponseRedirect(f"/import/{token}")
    if draft.state in {"done", "failed"}:
        with _lock:
            _drafts.pop(token, None)
        said = draft.error or _("imported: {count} changes").format(count=draft.of)
        say(request, said, wrong=bool(draft.error), undo=draft.edit)
        if request.headers.get("HX-Request"):
            response = HttpResponse(status=204)
            response.headers["HX-Redirect"] = "/import"
            return response
        return HttpResponseRedirect("/import")
    here = rows.find(row.key for row in draft.put[:SHOWN])
    places: dict[str, Any] = {
        "draft": draft,
        "token": token,
        "counts": _counts(draft.put),
        "changes": [(_what(row, here.get(row.key)), row.key in here) for row in draft.put[:SHOWN]],
        "more": max(0, len(draft.put) - SHOWN),
    }
    part = request.headers.get("HX-Target") == "progress"
    return page(request, "import_progress.html" if part else "import_preview.html", **places)


def _take_over(draft: Draft, author: Author) -> None:
    """Write it, on a thread of its own, so that the page can tell how far it has come."""

    def progress(done: int, of: int) -> None:
        draft.done, draft.of = done, of

    try:
        about = {"count": len(draft.put), "file": draft.name}
        edit = editing.carry_out(author, "imported", draft.put, about=about, since=draft.version, progress=progress)
        draft.edit = edit.pk if edit else None
        draft.state = "done"
    except Exception as error:  # noqa: BLE001 - whoever waits is told
        draft.error, draft.state = tell(error), "failed"
    finally:
        connection.close()


def _counts(found: list[AnyRow]) -> list[tuple[str, int]]:
    words: dict[type[Any], str] = {
        Member: _("members"),
        Badge: _("badges"),
        Training: _("trainings"),
        Certification: _("certifications"),
        Machine: _("machines"),
    }
    return [(word, count) for kind, word in words.items() if (count := sum(isinstance(row, kind) for row in found))]


def _what(row: AnyRow, before: AnyRow | None) -> str:
    match row:
        case Member():
            until = _(" until {day}").format(day=row.until) if row.until else ""
            return f"{row.name or row.id} ({row.id}){until}"
        case Badge():
            return _("a badge of {member}").format(member=row.member)
        case Certification():
            level = _("trainer") if row.level >= Level.TRAINER else ""
            return f"{row.member}: {row.training} {level}".strip()
        case Machine():
            return f"{row.name or row.id}: {', '.join(row.trainings)}"
        case Training():
            return f"{row.name or row.id}"
    return row.key if before is None else f"{row.key} *"


def _proposed() -> list[tuple[models.Device, list[tuple[str, str]], int]]:
    found = []
    for device in models.Device.objects.filter(proposal__isnull=False).distinct():
        mine = proposals.of(device)
        shown = [(key, _what(row, None) if row else _("take away: {key}").format(key=key)) for key, row in mine[:SHOWN]]
        found.append((device, shown, len(mine)))
    return found


def _decide(request: HttpRequest) -> None:
    """Take proposals over, or not; of all that was ticked. Raises FormError."""
    device = models.Device.objects.filter(pk=request.POST.get("device", "-")).first()
    if device is None:
        raise FormError(N_("there is no such controller any more"))
    ticked = None if request.POST.get("all") else set(asking.chosen(request, "key"))
    if request.POST.get("do") == "decline":
        proposals.decline(device, ticked)
        say(request, _("declined"))
        return
    edit = proposals.take_over(asking.author(request), device, ticked)
    say(request, _("taken over"), undo=edit.pk if edit else None)
