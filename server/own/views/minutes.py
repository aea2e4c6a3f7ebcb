"""A member's minutes: this month, the months before, by machine; and each session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Min, QuerySet
from django.http import HttpRequest, HttpResponseBase

from common.texts import _
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import charts, clock, exports, small
from server.core.paging import page_of
from server.core.rendering import page
from server.own import whose
from server.usage import filters, sheets, sums
from server.usage.models import Session
from server.usage.periods import Period, around
from server.whitelist import drawings
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import called

STEP: Final = 50
MONTHS: Final = 12


def of_months(member: str, months: int) -> dict[str, Any]:
    """Return what a member used in the last months: a chart, and of this month what of which machine."""
    found = Session.objects.filter(member=member)
    now = around("month", clock.today())
    first = now
    for _number in range(months - 1):
        first = first.before
    span = Period("custom", first.first, now.last)
    hours = sums.hours(sums.in_period(found, span))
    bars = sums.months(span, hours)
    lines = sums.by_machine(sums.in_period(found, now))
    names = called()
    return {
        "month": now,
        "month_chart": charts.bars(_("My hours by month"), bars, words=months <= 6),  # noqa: PLR2004 - room for words
        "this_month": sum(each.powered for each in lines.values()),
        "by_machine": [(each, names.get(each.key, each.key)) for each in lines.values()],
    }


@allowed(Role.MEMBER)
def minutes(request: HttpRequest) -> HttpResponseBase:
    """Show them, or give the sessions as a file."""
    member = whose.of(request)
    if member is None:
        return page(request, "own/nobody.html")
    found = Session.objects.filter(member=member.pk)
    if (file := exports.asked(request, lambda: sheets.by_session(found, _whole(found)))) is not None:
        return file
    pages = page_of(request, found, "-pk", step=STEP, name="sessions")
    context: dict[str, Any] = {
        "member": member,
        "sessions": pages.rows,
        "pages": pages,
        "session_machines": called(),
        "session_drawings": drawings.of(small.rows(Machine)),
        "session_purposes": {key: _(text) for key, text in filters.PURPOSES.items()},
        **of_months(member.pk, MONTHS),
    }
    return page(request, "own/minutes.html", **context)


def _whole(found: QuerySet[Session]) -> Period:
    """Return the time from somebody's first session to today."""
    began = found.aggregate(first=Min("started"))["first"]
    today = clock.today()
    first = today if began is None else clock.local(datetime.fromtimestamp(began / 1000, UTC)).date()
    return Period("custom", min(first, today), today)
