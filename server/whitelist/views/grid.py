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
from server.core import forms, small
from server.core.paging import page_of
from server.core.rendering import page
from server.core.sorting import by_name, sorted_texts
from server.edits import rows
from server.edits.authors import Author
from server.people.members import searched
from server.people.models import Member
from server.whitelist import drawings
from server.whitelist.columns import Cell, Column, columns, state_of
from server.whitelist.models import Certification as Certified
from server.whitelist.models import Machine
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
    found = searched(request.GET.get("q", ""))
    if who := request.GET.get("member", ""):
        found = found.filter(pk=who)
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
    found = _found(request)
    pages = page_of(request, found, "place", step=STEP)
    offered, only = columns(site=scope.site_of(request)), request.GET.get("training", "")
    trainings = [each for each in offered if not only or each.id == only]
    late = undelivered()
    context: dict[str, Any] = {
        "rows": _rows(request, pages.rows, trainings, late),
        "columns": trainings,
        "drawn": _drawn(trainings),
        "today": forms.today(),
        "next": f"/whitelist{pages.next}" if pages.next else "",
        "pages": pages,
    }
    audit(request, "looked_whitelist", request.GET.get("member", "") or request.GET.get("q", ""))
    part = request.headers.get("HX-Target") == "grid"
    if request.headers.get("HX-Request") and not part and not pages.is_first:
        return page(request, "whitelist/rows.html", **context)
    context |= {
        "count": found.count(),
        "late": late,
        "all_columns": offered,
        "categories": _categories(),
        "shown": SHOWN,
        "levels": levels(request),
        "asked": request.GET,
    }
    return page(request, "whitelist/grid.html" if part else "whitelist/page.html", **context)


def _drawn(trainings: list[Column]) -> dict[str, str]:
    """Return the drawing of each training: of the first machine that it opens, else what its own name speaks of."""
    machines = by_name(each for each in small.rows(Machine) if not each.retired)
    known = drawings.of(machines)
    found: dict[str, str] = {}
    for machine in machines:
        for training in machine.requires or ():
            found.setdefault(training, known[machine.pk])
    return {each.id: found.get(each.id) or drawings.guessed(each.name, each.id) for each in trainings}


def _categories() -> list[str]:
    return sorted_texts(Member.objects.exclude(category="").values_list("category", flat=True).distinct())


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
