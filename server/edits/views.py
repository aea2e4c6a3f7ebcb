"""The page History: who changed what, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import exports, forms
from server.core.exports import Column, Kind, Table
from server.core.forms import BackForm, FormError
from server.core.paging import page_of
from server.core.rendering import page, say
from server.edits import editing, sentences
from server.edits.authors import Author
from server.edits.history import seen_by
from server.edits.models import Edit

STEP: Final = 100


@allowed(Role.FABMANAGER)
def history(request: HttpRequest) -> HttpResponseBase:
    """Show who changed what, or give it as a sheet."""
    audit(request, "looked_history")
    found = seen_by(scope.site_of(request)).select_related("account", "device", "undone_by")
    if (file := exports.asked(request, lambda: _table(found.order_by("-pk")))) is not None:
        return file
    pages = page_of(request, found, "-pk", step=STEP)
    edits = [(edit, sentences.who(edit), sentences.sentence(edit)) for edit in pages.rows]
    return page(request, "edits/history.html", edits=edits, pages=pages)


def _table(found: QuerySet[Edit]) -> Table:
    columns = (Column(_("When"), Kind.MOMENT), Column(_("Who")), Column(_("What")), Column(_("taken back")))

    def rows() -> Iterator[tuple[Any, ...]]:
        for edit in found.iterator(chunk_size=500):
            back = _("taken back") if edit.undone_by_id else ""
            yield edit.at, sentences.who(edit), sentences.sentence(edit), back

    return Table("loquet-history", _("Who changed what"), columns, rows)


@require_POST
@allowed(Role.TRAINER)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take an edit back."""
    found = seen_by(scope.site_of(request)).filter(pk=number).first()
    try:
        if found is None or not (request.user.may(Role.FABMANAGER) or found.account_id == request.user.pk):  # type: ignore[union-attr]
            raise FormError(N_("there is no such change of yours"))
        editing.undo(Author.of(request), found)
        say(request, _("taken back"))
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    back = forms.inside(BackForm.read(request)["back"], "/history")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = back
        return response
    return HttpResponseRedirect(back)
