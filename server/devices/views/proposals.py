"""What controllers propose, on the page Import: taken over, or not."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.folding import sort_key
from common.texts import N_, _, translate
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core.forms import FormError
from server.core.rendering import say
from server.core.sorting import by_name
from server.devices import proposals
from server.devices.forms import ProposalsForm
from server.devices.models import Device
from server.edits.authors import Author
from server.people.words import in_words
from server.whitelist.sameness import trainings

SHOWN: Final = 200  # rows of one controller


def section(_about: str, site: str | None) -> dict[str, Any]:
    """Return what each controller proposes, of one site or of all."""
    found = []
    proposing = Device.objects.filter(proposal__isnull=False)
    for device in by_name((proposing.filter(site=site) if site else proposing).distinct()):
        mine = proposals.of(device)
        shown = [(key, in_words(row) if row else _("take away: {key}").format(key=key)) for key, row in mine[:SHOWN]]
        found.append((device, shown, len(mine), trainings.unknown(row for _key, row in mine)))
    here = trainings.given()
    ordered = sorted(here.items(), key=lambda each: sort_key(each[1] or each[0]))
    return {"proposed": found, "trainings_here": ordered, "training_names": here}


@require_POST
@allowed(Role.FABMANAGER)
def decide(request: HttpRequest) -> HttpResponse:
    """Take proposals over, or not; of all, or of what was ticked."""
    try:
        _decide(request)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    return HttpResponseRedirect("/import")


def _decide(request: HttpRequest) -> None:
    """Take proposals over, or not; of all, or of what was ticked. Raises FormError."""
    form = ProposalsForm.read(request)
    device = scope.within(request, Device.objects.filter(pk=form["device"])).first()
    if device is None:
        raise FormError(N_("there is no such controller any more"))
    ticked = None if form["all"] else set(form["key"])
    if form["do"] == "decline":
        proposals.decline(device, ticked)
        say(request, _("declined"))
        return
    if set(form["same"].values()) - trainings.given().keys():
        raise FormError(N_("there is no such training any more"))
    edit = proposals.take_over(Author.of(request), device, ticked, form["same"])
    say(request, _("taken over"), undo=edit.pk if edit else None)
