"""What is said of reminders on a workshop's page; and the page on which whoever gets letters ends them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.errors import LoquetError
from common.texts import _, translate
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import configuration
from server.core.links import link_to
from server.core.rendering import page, refused, say
from server.reminders import consent, plans
from server.sites.models import Site


@require_POST
@allowed(Role.FABMANAGER)
def save(request: HttpRequest, which: str) -> HttpResponse:
    """Keep what a workshop wants to be sent."""
    site = get_object_or_404(scope.within(request, Site.objects.all(), "pk"), pk=which)
    try:
        plan = plans.save(request, site.pk)
        when = _("saved; letters go out within the hour, from eight in the morning")
        say(request, when if plan.is_on else _("saved"))
    except LoquetError as error:
        say(request, translate(error), wrong=True)
    return HttpResponseRedirect(f"{link_to('/site', site.pk)}#reminders")


# A mail program sends this without cookies (RFC 8058): what allows it is the link itself, and it only takes away.
@csrf_exempt
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask a member whether no more letters are to come; on POST, end them."""
    known = consent.whose(token)
    if known is None:
        why = _("This link ends no letters any more: they go to another address, or to nobody. Ask a fabmanager.")
        return refused(request, why, 404)
    if request.method == "POST":
        consent.withdraw(known.pk)
        known.letters = None
    workshop = configuration.in_force().server.name
    return page(request, "reminders/unsubscribe.html", over=known.letters is None, workshop=workshop)
