"""The page of organisations: who pays for people, or sends them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import _, translate
from server.accounts.guards import allowed
from server.accounts.models import AuditRecord, Role
from server.core import forms
from server.core.rendering import page, say
from server.core.sorting import by_name
from server.people import payers
from server.people.forms import OrganisationForm
from server.people.models import Member, Organisation


@allowed(Role.FABMANAGER)
def organisations(request: HttpRequest) -> HttpResponse:
    """Show every organisation with how many it pays for; enter, rename or remove one."""
    wrong = ""
    if request.method == "POST":
        try:
            _do(request)
            return HttpResponseRedirect("/organisations")
        except LoquetError as error:
            wrong = translate(error)
    paid = Member.objects.filter(payer=OuterRef("pk")).order_by().values("payer").annotate(n=Count("pk")).values("n")
    found = Organisation.objects.annotate(members=Subquery(paid))
    context: dict[str, Any] = {
        "organisations": by_name(found),
        "stamp": forms.stamp,
        "wrong": wrong,
        "asked": request.POST if wrong else {},
    }
    return page(request, "people/organisations.html", 422 if wrong else 200, **context)


def _do(request: HttpRequest) -> None:
    """Do what was asked. Raises FormError."""
    said = OrganisationForm.read(request)
    if said["id"]:
        forms.hold_to_stamp(request, *Organisation.objects.filter(pk=said["id"]).values_list("name", flat=True))
    if said["do"] == "remove":
        payers.remove(said["id"])
        say(request, _("removed"))
    else:
        said["id"] = payers.save(said["id"], said["name"]).pk
        say(request, _("saved"))
    AuditRecord.objects.create(account=request.user.get_username(), what="organisation", about=said["id"])
