"""The page Import: a sheet of members, looked at before it counts; and what others bring to it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, ngettext, translate
from protocol.sheets import SheetError
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import sections
from server.core.forms import FormError
from server.core.rendering import page, say
from server.edits import rows
from server.edits.authors import Author
from server.people import drafts

SHOWN: Final = 200  # changes in a preview


@allowed(Role.FABMANAGER)
def imports(request: HttpRequest) -> HttpResponse:
    """Read a sheet and show what it would change; show and decide about proposals."""
    wrong = ""
    lines: list[tuple[int, str]] = []
    if request.method == "POST":
        try:
            return HttpResponseRedirect(f"/import/{_read(request)}")
        except SheetError as error:
            wrong = translate(error)
            lines = [(each.line, translate(each.error)) for each in error.lines]
        except LoquetError as error:
            wrong = translate(error)
    parts, brought = sections.of("import", site=scope.site_of(request))
    context: dict[str, Any] = {"wrong": wrong, "lines": lines, "parts": parts, **brought}
    return page(request, "people/import.html", 422 if wrong else 200, **context)


def _read(request: HttpRequest) -> str:
    """Read a sheet; return the name of its draft. Raises SheetError, FormError."""
    file, mapping = request.FILES.get("sheet"), request.FILES.get("mapping")
    if file is None:
        raise FormError(N_("choose a file first"))
    raw = b"".join(file.chunks())
    return drafts.read(
        request.user.pk or 0, str(file.name)[:100], raw, None if mapping is None else b"".join(mapping.chunks())
    )


@allowed(Role.FABMANAGER)
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a sheet would change; take it over; show how far that has come."""
    draft = drafts.get(token, request.user.pk or 0)
    if draft is None:
        say(request, _("This preview is over; read the sheet again."), wrong=True)
        return HttpResponseRedirect("/import")
    if request.method == "POST":
        drafts.begin(draft, Author.of(request), request.POST.getlist("back"))
        return HttpResponseRedirect(f"/import/{token}")
    if draft.state in {"done", "failed"}:
        drafts.done(token)
        said = _(draft.error) or ngettext("imported: {count} change", "imported: {count} changes", draft.of).format(
            count=draft.of
        )
        say(request, said, wrong=bool(draft.error), undo=draft.edit_id)
        if request.headers.get("HX-Request"):
            response = HttpResponse(status=204)
            response.headers["HX-Redirect"] = "/import"
            return response
        return HttpResponseRedirect("/import")
    put = drafts.rows_of(draft) if draft.state == "read" else []
    here = rows.find(row.key for row in put[:SHOWN])
    context: dict[str, Any] = {
        "draft": draft,
        "token": token,
        "forgotten": drafts.forgotten_in(put),
        "done": drafts.done_of(draft),
        "counts": drafts.counts(put),
        "changes": [(drafts.in_words(row, here.get(row.key)), row.key in here) for row in put[:SHOWN]],
        "more": max(0, len(put) - SHOWN),
    }
    part = request.headers.get("HX-Target") == "progress"
    return page(request, "people/import_progress.html" if part else "people/import_preview.html", **context)
