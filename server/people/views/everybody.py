"""The list of members: who they are, until when, when they came last."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from common.texts import N_
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import forms
from server.core.links import FIELD
from server.core.paging import page_of
from server.core.rendering import page
from server.people import members, usage
from server.people.models import Badge, Member
from server.people.views import members as one
from server.people.views.members import categories

STEP: Final = 50
SHOWN: Final = {
    "active": N_("Members now"),
    "all": N_("Everybody"),
    "over": N_("Membership over"),
    "soon": N_("Membership ends soon"),
    "excluded": N_("Excluded"),
    "unnamed": N_("Without a name"),
}
SOON: Final = 30  # days


@allowed(Role.FABMANAGER)
def everybody(request: HttpRequest) -> HttpResponse:
    """Show the members that are looked for."""
    if request.GET.get(FIELD):  # what an id is called that does not stand in a path
        return one.of(request, "")
    audit(request, "looked_members", request.GET.get("q", "")[: members.LONGEST])
    found = _found(request)
    pages = page_of(request, found, "place", step=STEP)
    ids = [each.pk for each in pages.rows]
    badges = Badge.objects.filter(member__in=ids, blocked=False).order_by().values("member").annotate(count=Count("pk"))
    context: dict[str, Any] = {
        "members": pages.rows,
        "pages": pages,
        "count": found.count(),
        "used": usage.of(ids, scope.site_of(request)),
        "badges": {each["member"]: each["count"] for each in badges},
        "categories": categories(),
        "shown": SHOWN,
        "asked": request.GET,
        "today": forms.today(),
        "soon": SOON,
    }
    part = request.headers.get("HX-Target") == "found"
    return page(request, "people/found.html" if part else "people/list.html", **context)


def _found(request: HttpRequest) -> QuerySet[Member]:
    found = members.searched(request.GET.get("q", ""))
    today = forms.today()
    match request.GET.get("show", "active"):
        case "active":
            found = found.filter(Q(until=None) | Q(until__gte=today), excluded=False)
        case "over":
            found = found.filter(until__lt=today)
        case "soon":
            found = found.filter(until__gte=today, until__lt=today.fromordinal(today.toordinal() + SOON))
        case "excluded":
            found = found.filter(excluded=True)
        case "unnamed":
            found = found.filter(name="")
    category = request.GET.get("category", "")
    return found.filter(category=category) if category else found
