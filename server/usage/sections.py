"""What other pages show of usage."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, OuterRef, QuerySet, Subquery

from common.texts import _
from server.core import charts, clock, small
from server.people.models import Badge
from server.usage import filters, sums
from server.usage.models import Session
from server.usage.periods import Period, around
from server.whitelist import drawings
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import called

SHOWN: Final = 8
MONTHS: Final = 12


def of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return a member's latest sessions, of one site or of all."""
    mine = _of(who, site)
    latest = list(mine.order_by(F("started").desc(nulls_last=True), "-pk")[:SHOWN])
    return {
        "sessions": latest,
        "session_count": mine.count() if len(latest) == SHOWN else len(latest),
        "session_machines": called(),
        "session_drawings": drawings.of(small.rows(Machine)),
        "session_purposes": {key: _(text) for key, text in filters.PURPOSES.items()},
        "runs_now": [each for each in latest if not each.ended],
    }


def months_of_member(who: str, site: str | None) -> dict[str, Any]:
    """Return how long a member used machines, month by month, and when each of their badges was used last."""
    mine, now = _of(who, site), around("month", clock.today())
    months = [now]
    for _number in range(MONTHS - 1):
        months.append(months[-1].before)
    months.reverse()
    span = Period("custom", months[0].first, now.last)
    hours = sums.hours(sums.in_period(mine, span))
    chart = charts.bars(_("Hours by month"), sums.bars(span, hours, None, {"member": who}))
    this = sum(powered for day, powered in hours.days.items() if day >= now.first)
    then = sum(powered for day, powered in hours.days.items() if now.before.first <= day < now.first)
    return {
        "month_chart": chart,
        "this_month": this,
        "last_month": then,
        "this_period": now,
        "last_uses": last_uses(who, site),
    }


def last_uses(who: str, site: str | None) -> dict[str, tuple[str, int]]:
    """Return at which machine of a site, or of all, each badge of a member was used last, and when."""
    dated = Session.objects.filter(badge=OuterRef("hash"), started__isnull=False)
    latest = (dated if site is None else dated.filter(site=site)).order_by("-started")
    badges = Badge.objects.filter(member=who).annotate(
        last_machine=Subquery(latest.values("machine")[:1]), last_started=Subquery(latest.values("started")[:1])
    )
    names = called()
    found = badges.values_list("hash", "last_machine", "last_started")
    return {
        str(badge): (names.get(machine) or str(machine), int(started))
        for badge, machine, started in found
        if machine is not None and started is not None
    }


def _of(who: str, site: str | None) -> QuerySet[Session]:
    mine = Session.objects.filter(member=who)
    return mine if site is None else mine.filter(site=site)
