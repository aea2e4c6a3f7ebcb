"""The page Whitelist: members by trainings, and what has not arrived yet."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from common.texts import N_
from protocol.rows import Certification
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import forms
from server.core.rendering import page
from server.edits import rows
from server.edits.authors import Author
from server.people.merging import aliases
from server.people.models import Member
from server.whitelist.columns import Cell, Column, columns, state_of
from server.whitelist.models import Certification as Certified
from server.whitelist.teaching import levels, teaches_of
from server.whitelist.undelivered import Undelivered, undelivered

STEP: Final = 40
SHOWN: Final = {
    "active": N_("Members now"),
    "all": N_("Everybody"),
    "over": N_("Membership over"),
    "excluded": N_("Excluded"),
}


def _found(request: HttpRequest) -> QuerySet[Member]:
    """Return the members that the filters let through, in order."""
    found = Member.objects.order_by("name", "id")
    said = request.GET.get("q", "").strip()[:100]
    merged = Q(id__in=aliases.known_as(said)) if said else Q()
    for word in said.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(id__icontains=word) | merged)
    today = forms.today()
    match request.GET.get("show", "active"):
        case "active":
            found = found.filter(Q(until=None) | Q(until__gte=today), excluded=False)
        case "over":
            found = found.filter(until__lt=today)
        case "excluded":
            found = found.filter(excluded=True)
    category = request.GET.get("category", "")
    if category:
        found = found.filter(category=category)
    training = request.GET.get("training", "")
    holds = Certified.objects.filter(training=training).values("member")
    if training and request.GET.get("has") == "yes":
        found = found.filter(id__in=holds)
    elif training and request.GET.get("has") == "no":
        found = found.exclude(id__in=holds)
    return found


@allowed(Role.TRAINER)
def whitelist(request: HttpRequest) -> HttpResponse:
    """Show the grid, or the next rows of it."""
    try:
        start = max(0, min(int(request.GET.get("from", "0") or 0), 10_000_000))
    except ValueError:
        start = 0
    found = _found(request)
    trainings = columns(request.GET.get("training", ""), scope.site_of(request))
    members = list(found[start : start + STEP + 1])
    more = len(members) > STEP
    members = members[:STEP]
    late = undelivered()
    context: dict[str, Any] = {
        "rows": _rows(request, members, trainings, late),
        "columns": trainings,
        "next": _next(request, start + STEP) if more else "",
        "start": start,
    }
    audit(request, "looked_whitelist", request.GET.get("q", ""))
    if request.headers.get("HX-Request") and start:
        return page(request, "whitelist/rows.html", **context)
    context |= {
        "count": found.count(),
        "late": late,
        "all_columns": columns(site=scope.site_of(request)),
        "categories": _categories(),
        "shown": SHOWN,
        "levels": levels(request),
        "asked": request.GET,
    }
    part = request.headers.get("HX-Target") == "grid"
    return page(request, "whitelist/grid.html" if part else "whitelist/page.html", **context)


def _categories() -> list[str]:
    return list(Member.objects.exclude(category="").values_list("category", flat=True).distinct().order_by("category"))


def _next(request: HttpRequest, start: int) -> str:
    query = request.GET.copy()
    query["from"] = str(start)
    return f"/whitelist?{query.urlencode()}"


def _rows(
    request: HttpRequest, members: list[Member], trainings: list[Column], late: list[Undelivered]
) -> list[tuple[Member, list[Cell]]]:
    names = [member.pk for member in members]
    held = {(row.member, row.training): rows.of(row) for row in Certified.objects.filter(member__in=names)}
    silent = {key for each in late for _whom, key in each.what}
    teaches = teaches_of(Author.of(request))
    made = []
    for member in members:
        cells = []
        for training in trainings:
            row = held.get((member.pk, training.id))
            row = row if isinstance(row, Certification) else None
            may = training.is_given and (teaches is None or training.id in teaches)
            name = member.name or member.pk
            cells.append(
                Cell(
                    member.pk,
                    name,
                    training,
                    row,
                    state_of(row),
                    f"certification/{member.pk}/{training.id}" in silent,
                    may,
                )
            )
        made.append((member, cells))
    return made
