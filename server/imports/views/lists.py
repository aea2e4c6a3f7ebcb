"""The page Import: a sheet is chosen, an import taken back; what others propose, and what is read by itself."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import exports, sections
from server.core.exports import Column, Kind, Table
from server.core.forms import FormError
from server.core.paging import page_of
from server.core.rendering import page, refused, say
from server.edits import sentences
from server.edits.history import seen_by
from server.imports import drafts, plans, sources
from server.imports.forms import SourceForm
from server.imports.meanings import LABELS
from server.imports.models import Draft, Source
from server.imports.views import draft as draft_page
from server.sites.models import MAIN

PAST: Final = 20  # imports that a page shows


@allowed(Role.FABMANAGER)
def imports(request: HttpRequest) -> HttpResponse:
    """Read a sheet; show what was imported, and what others propose."""
    wrong = ""
    if request.method == "POST":
        try:
            draft = _read(request)
            if draft.state != "asking":
                return HttpResponseRedirect(f"/import/{draft.token}")
            return draft_page.show(request, draft, 422)
        except LoquetError as error:
            wrong = translate(error)
    site = scope.site_of(request)
    parts, brought = sections.of("import", site=site)
    found = seen_by(site).filter(what="imported").select_related("account", "device", "undone_by")
    pages = page_of(request, found, "-pk", step=PAST, name="past")
    context: dict[str, Any] = {
        "wrong": wrong,
        "past": [(each, sentences.who(each), sentences.sentence(each)) for each in pages.rows],
        "pages": pages,
        "labels": LABELS,
        "sources": [_shown(each) for each in _sources(request)],
        "folder": sources.folder(),
        "parts": parts,
        **brought,
    }
    return page(request, "imports/import.html", 422 if wrong else 200, **context)


def _read(request: HttpRequest) -> Draft:
    """Read a sheet. Raises SheetError, FormError."""
    file = request.FILES.get("sheet")
    if file is None:
        raise FormError(N_("choose a file first"))
    return drafts.read(request.user.pk, str(file.name)[:100], b"".join(file.chunks()))


@require_GET
@allowed(Role.FABMANAGER)
def template(request: HttpRequest) -> HttpResponseBase:
    """Return an empty sheet with the headings that are read, in the reader's language."""
    columns = tuple(Column(_(each.heading), Kind.TEXT) for each in LABELS if each.heading)
    made = Table("loquet-import", _("Import"), columns, lambda: ())
    return exports.asked(request, lambda: made) or refused(request, _("There is no such page."), 404)


def _sources(request: HttpRequest) -> QuerySet[Source]:
    return scope.within_strictly(request, Source.objects.order_by("pk"))


def _shown(source: Source) -> dict[str, Any]:
    """Return a source with how its last reading went, and the draft that waits of it."""
    error = "" if source.error is None else translate(plans.kept(source.error))
    waiting = Draft.objects.filter(source=source).order_by("-made").values_list("token", flat=True).first()
    return {"source": source, "error": error, "waiting": waiting}


@allowed(Role.ADMINISTRATOR)
@require_POST
def source(request: HttpRequest) -> HttpResponse:
    """Have a sheet be read by itself, read it now, or have it be read no more."""
    try:
        said = SourceForm.read(request)
        to = _do(request, said)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
        to = "/import"
    return HttpResponseRedirect(to)


def _do(request: HttpRequest, said: dict[str, Any]) -> str:
    """Do what was asked; return where to go. Raises FormError, SourceError."""
    if said["do"] == "add":
        if _sources(request).count() >= sources.MOST:
            raise FormError(N_("{most} sheets at the most are read by themselves"), most=sources.MOST)
        site = scope.site_of(request) or MAIN
        found = Source.objects.create(site_id=site, place=sources.checked(said["place"]), whole=said["whole"])
        audit(request, "source", found.place)
        return _looked(request, found)
    known = _sources(request).filter(pk=said["source"] or 0).first()
    if known is None:
        raise FormError(N_("this sheet is not read by itself any more"))
    if said["do"] == "remove":
        known.delete()
        audit(request, "source_gone", known.place)
        say(request, _("it is read no more"))
        return "/import"
    return _looked(request, known)


def _looked(request: HttpRequest, found: Source) -> str:
    """Read a source now, and say how that went."""
    draft = sources.look(found, again=True)
    if draft is not None:
        return f"/import/{draft.token}"
    if found.error is None:
        say(request, _("it was read: all of it is known already"))
    else:
        say(request, translate(plans.kept(found.error)), wrong=True)
    return "/import"
