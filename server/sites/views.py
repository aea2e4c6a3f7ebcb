"""The page of a workshop: where and when it is."""

from __future__ import annotations

from zoneinfo import available_timezones

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol import rows as protocol
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import forms, sections
from server.core.forms import FormError
from server.core.links import ids_of, link_to
from server.core.rendering import page, say
from server.core.sorting import by_name
from server.edits import editing, rows
from server.edits.authors import Author
from server.sites.forms import NewSiteForm, ServersForm, SiteForm
from server.sites.models import Site


@require_POST
@allowed(Role.ADMINISTRATOR)
def new(request: HttpRequest) -> HttpResponse:
    """Make a workshop beside those that there are."""
    try:
        name = NewSiteForm.read(request)["name"]
        if scope.site_of(request) is not None:
            raise FormError(N_("only whoever runs every workshop makes another one"))
        if not name:
            raise FormError(N_("a workshop has a name"))
        made = forms.made_of(name, set(Site.objects.values_list("pk", flat=True)))
        first = Site.objects.order_by("pk").values_list("zone", "currency")[:1].get()
        editing.carry_out(Author.of(request), "site", [protocol.Site(made, name, *first)], about={"name": name})
        say(request, _("saved; say when you make a code for a controller that it stands there"))
        return HttpResponseRedirect(link_to("/site", made))
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    return HttpResponseRedirect("/site")


@allowed(Role.FABMANAGER)
def site(request: HttpRequest, which: str = "") -> HttpResponse:
    """Show a workshop, and change it."""
    (which,) = ids_of(request, which)
    found = scope.within(request, Site.objects.order_by("id"), "pk")
    shown = get_object_or_404(found, pk=which) if which else get_object_or_404(found[:1])
    wrong = ""
    row = rows.get(f"site/{shown.pk}")
    assert isinstance(row, protocol.Site)  # noqa: S101 - a model says one
    if request.method == "POST":
        try:
            said = SiteForm.read(request)
            put = msgspec.structs.replace(row, **said)
            about = {"name": said["name"] or shown.pk}
            kept = ServersForm.read(request)
            edit = editing.carry_out(Author.of(request), "site", [put], about=about)
            exclusions = shown.exclusions if kept["exclusions"] is None else kept["exclusions"]
            Site.objects.filter(pk=shown.pk).update(exclusions=exclusions, is_status_public=kept["status"])
            say(request, _("saved"), undo=edit.pk if edit else None)
            return HttpResponseRedirect(link_to("/site", shown.pk))
        except LoquetError as error:
            wrong = translate(error)
    zones = sorted(each for each in available_timezones() if "/" in each)
    parts, brought = sections.of("site", shown.pk, scope.site_of(request))
    context = {
        "site": shown,
        "sites": by_name(found),
        "row": row,
        "zones": zones,
        "holidays": "\n".join(day.isoformat() for day in row.holidays),
        "asked": request.POST,
        "wrong": wrong,
        "parts": parts,
        **brought,
    }
    return page(request, "sites/site.html", 422 if wrong else 200, **context)
