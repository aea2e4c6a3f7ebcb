"""The page History: who changed what, and taking it back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import forms
from server.core.forms import FormError
from server.core.rendering import page, say
from server.edits import editing, sentences
from server.edits.editing import Author
from server.edits.models import Edit


@allowed(Role.FABMANAGER)
def history(request: HttpRequest) -> HttpResponse:
    """Show who changed what."""
    audit(request, "looked_history")
    found = Edit.objects.order_by("-pk").select_related("account", "device", "undone_by")[:200]
    context = [(edit, sentences.who(edit), sentences.sentence(edit)) for edit in found]
    return page(request, "edits/history.html", edits=context)


@require_POST
@allowed(Role.TRAINER)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    """Take an edit back."""
    found = Edit.objects.filter(pk=number).first()
    try:
        if found is None or not (request.user.may(Role.FABMANAGER) or found.account_id == request.user.pk):  # type: ignore[union-attr]
            raise FormError(N_("there is no such change of yours"))
        editing.undo(Author.of(request), found)
        say(request, _("taken back"))
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    back = str(request.POST.get("back", "/history"))
    back = forms.inside(back, "/history")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = back
        return response
    return HttpResponseRedirect(back)
