"""The page Usage: any stretch of time, compared with the one before; as pictures, tables and files."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from common.texts import _
from protocol.sentences import ENDINGS
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import charts, exports
from server.core.paging import page_of
from server.core.rendering import page
from server.core.saying import weekdays
from server.people import payers
from server.people.models import Member
from server.usage import filters, periods, sheets, sums
from server.usage.models import Session
from server.usage.periods import SPANS, Period
from server.usage.sums import Line
from server.whitelist import drawings
from server.whitelist.sameness.machines import now_called

STEP: Final = 100
MOST: Final = 12  # lines of a table that is no list of machines


@allowed(Role.FABMANAGER)
def usage(request: HttpRequest) -> HttpResponseBase:
    """Show a period, or give it as a sheet."""
    period, asked = periods.asked(request.GET), filters.found(request)
    found = sums.in_period(asked, period)
    audit(request, "looked_usage", request.GET.urlencode())
    make = sheets.by_member_and_machine if request.GET.get("of") == "members" else sheets.by_session
    if (file := exports.asked(request, lambda: make(found, period))) is not None:
        return file
    return page(request, "usage/usage.html", **_context(request, period, asked, found))


def _context(
    request: HttpRequest, period: Period, asked: QuerySet[Session], found: QuerySet[Session]
) -> dict[str, Any]:
    kept = filters.asked_by(request)
    is_compared = request.GET.get("compare", "1") != "0"
    then = sums.in_period(asked, period.before)
    offered = filters.offered()
    now = now_called()
    # One by one: of machines by members there would be as many lines as of sessions.
    (machines,), (members,) = sums.by(found, "machine", now=now), sums.by(found, "member")
    purposes, categories, paying = sums.by(found, "purpose", "category", "payer")
    when = sums.hours(found)
    before = sums.hours(then) if is_compared else None
    total = _total(machines, members)
    if is_compared:
        (machines_then,), (members_then,) = sums.by(then, "machine", now=now), sums.by(then, "member")
        sums.compare(machines, machines_then)
        total |= _compared(total, _total(machines_then, members_then))
    shown = list(members.values())[: None if request.GET.get("all") else MOST]
    names = dict(Member.objects.filter(pk__in=[each.key for each in shown]).values_list("pk", "name"))
    known = [each for each in offered["all_machines"] if each.pk in machines]
    trainings = sums.by_training(machines, known)
    return {
        "period": period,
        "spans": [(key, _(text)) for key, text in SPANS.items()],
        "kept": kept,
        "to": filters.Links(kept),
        "here": {**period.asked, **kept, **({} if is_compared else {"compare": "0"})},
        "filters": filters.said_of(kept, offered, names),
        "offered": offered,
        "is_compared": is_compared,
        "total": total,
        "machines": list(machines.values()),
        "drawn": drawings.of(known),
        "most": max((each.powered for each in machines.values()), default=0) or 1,
        "members": shown,
        "member_count": len(members),
        "names": names,
        "parts_of": _parts(
            {"purpose": purposes, "category": categories, "payer": paying, "training": trainings}, offered
        ),
        "chart": charts.bars(_("Hours of use"), sums.bars(period, when, before, kept), "h180"),
        "heat": sums.heat(when),
        "weekdays": weekdays(),
        "undated": 0 if kept else scope.within(request, Session.objects.filter(started=None)).count(),
    }


def _total(machines: dict[str, Line], members: dict[str, Line]) -> dict[str, Any]:
    energy = [each.energy for each in machines.values() if each.energy is not None]
    return {
        "powered": sum(each.powered for each in machines.values()),
        "count": sum(each.count for each in machines.values()),
        "people": len(members.keys() - {""}),
        "energy": sum(energy) / 1000 if energy else None,
    }


def _compared(total: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """Return by how much each figure is more than before."""
    return {f"{key}_more": (total[key] or 0) - (then[key] or 0) for key in total}


def _parts(found: dict[str, dict[str, Line]], offered: dict[str, Any]) -> list[tuple[str, str, list[tuple[Line, str]]]]:
    """Return the smaller tables: of what, by which filter, and each line with what it is called."""
    paying = found["payer"].keys() - offered["payers"].keys() - {""}
    called = {**offered["payers"], **(payers.called(paying) if paying else {}), "": _("the member")}
    tables = (
        (_("By purpose"), "purpose", offered["purposes"]),
        (_("By category"), "category", {"": _("none")}),
        (_("By payer"), "payer", called),
        (_("By training"), "training", offered["trainings"]),
    )
    return [
        (text, field, [(line, names.get(line.key) or line.key) for line in list(found[field].values())[:MOST]])
        for text, field, names in tables
        if found[field] and (len(found[field]) > 1 or field == "purpose")
    ]


@allowed(Role.FABMANAGER)
def sessions(request: HttpRequest) -> HttpResponseBase:
    """Show sessions, of a period or of all time, the latest that came first; or those that have no date."""
    asked = filters.found(request)
    undated = bool(request.GET.get("undated"))
    period = periods.asked(request.GET) if request.GET.get("span") or request.GET.get("from") else None
    audit(request, "looked_usage", request.GET.urlencode())
    if undated:
        found, order = asked.filter(started=None), ["-pk"]
    elif period is not None:
        found, order = sums.in_period(asked, period), ["-started", "-pk"]
    else:
        found, order = asked, ["-pk"]
    pages = page_of(request, found, *order, step=STEP, name="sessions")
    names = dict(Member.objects.filter(pk__in={each.member for each in pages.rows}).values_list("pk", "name"))
    offered = filters.offered()
    kept = filters.asked_by(request)
    context: dict[str, Any] = {
        "undated": undated,
        "period": period,
        "sessions": pages.rows,
        "pages": pages,
        "offered": offered,
        "filters": filters.said_of(kept, offered, names),
        "kept": kept,
        "to": filters.Links(kept),
        "here": {**(period.asked if period else {}), **kept},
        "names": names,
        "endings": {key.value: text for key, text in ENDINGS.items()},
        "asked": request.GET,
    }
    return page(request, "usage/sessions.html", **context)
