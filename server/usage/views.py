"""The page Usage: sessions and minutes by member, machine and month; as a sheet too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from common.texts import N_, _, translate
from protocol.sentences import ENDINGS
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import charts, clock, exports
from server.core.charts import Bar
from server.core.exports import Column, Kind, Table
from server.core.forms import FIRST_YEAR, LAST_YEAR, FormError
from server.core.rendering import minutes, page, say
from server.edits.authors import Author
from server.people import payers
from server.people.merging import aliases
from server.people.models import Member
from server.usage import corrections
from server.usage.forms import CorrectionForm
from server.usage.models import Correction, Session
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import known_as, now_called

STEP: Final = 100
MONTHS: Final = 12  # of the chart
PURPOSES: Final = {
    "own": N_("own work"),
    "order": N_("order"),
    "training": N_("training"),
    "maintenance": N_("maintenance"),
    "demonstration": N_("demonstration"),
}


def _month(said: str) -> date:
    try:
        year, month = said.split("-")
        found = date(int(year), int(month), 1)
        return found if FIRST_YEAR <= found.year <= LAST_YEAR else clock.today().replace(day=1)
    except ValueError:
        return clock.today().replace(day=1)


def _after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone()).timestamp() * 1000)


def _asked(request: HttpRequest) -> tuple[QuerySet[Session], date]:
    month = _month(request.GET.get("month", ""))
    return _of_month(request, month), month


def _of_month(request: HttpRequest, month: date) -> QuerySet[Session]:
    mine = scope.within(request, Session.objects.all())
    found = mine.filter(started__gte=_ms(month), started__lt=_ms(_after(month)))
    asked = {name: request.GET.get(name, "")[:100] for name in ("machine", "member", "category", "purpose")}
    if asked["machine"]:
        found = found.filter(machine__in=known_as(now_called().get(asked["machine"], asked["machine"])))
    if asked["member"]:
        found = found.filter(member=aliases.of(asked["member"]))
    return found.filter(**{name: asked[name] for name in ("category", "purpose") if asked[name]})


@allowed(Role.FABMANAGER)
def usage(request: HttpRequest) -> HttpResponseBase:
    """Show a month, or give it as a sheet."""
    found, month = _asked(request)
    audit(request, "looked_usage", request.GET.urlencode())
    if (file := exports.asked(request, lambda: _table(found, month))) is not None:
        return file
    machines = dict(Machine.objects.values_list("pk", "name"))
    by_machine = _as_machines_are_called(_sums(found, "machine"))
    by_member = _sums(found, "member")[:STEP]
    pages = Paginator(found.order_by("-started", "-pk"), STEP)
    shown = pages.get_page(request.GET.get("page"))
    wanted = {row["member"] for row in by_member} | {each.member for each in shown}
    names = dict(Member.objects.filter(pk__in=wanted).values_list("pk", "name"))
    undated = scope.within(request, Session.objects.filter(started=None)).count()
    context: dict[str, Any] = {
        "month": month,
        "before": (month - timedelta(days=1)).replace(day=1),
        "after": _after(month),
        "by_machine": by_machine,
        "by_member": by_member,
        "most": max((row["powered"] or 0 for row in by_machine), default=0) or 1,
        "sessions": shown,
        "count": pages.count,
        "total": found.aggregate(total=Sum("powered"))["total"] or 0,
        "machines": machines,
        "names": names,
        "purposes": PURPOSES,
        "endings": {key.value: text for key, text in ENDINGS.items()},
        "asked": request.GET,
        "query": urlencode([pair for pair in request.GET.items() if pair[0] not in {"page", "as"}]),
        "undated": undated,
        "chart": charts.bars(_("Hours by month"), _by_month(request, month)),
    }
    return page(request, "usage/usage.html", **context)


@allowed(Role.FABMANAGER)
def session(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show one session and what was corrected of it; correct it."""
    found = get_object_or_404(scope.within(request, Session.objects.select_related("device")), pk=number)
    wrong = ""
    if request.method == "POST":
        try:
            corrections.correct(found, Author.of(request).name, CorrectionForm.read(request))
            audit(request, "corrected", f"{found.machine} {found.session}")
            say(request, _("corrected"))
            return HttpResponseRedirect(f"/usage/{number}")
        except FormError as error:
            wrong = translate(error)
            say(request, wrong, wrong=True)
    audit(request, "looked_session", found.session)
    steps = list(corrections.history(found))
    context: dict[str, Any] = {
        "session": found,
        "steps": steps,
        "labels": corrections.LABELS,
        "seen": Correction.objects.filter(device=found.device, session=found.session).count(),
        "asked": request.POST,
        "machine": Machine.objects.filter(pk=found.machine).values_list("name", flat=True).first(),
        "name": Member.objects.filter(pk=found.member).values_list("name", flat=True).first(),
        "payer": payers.called([found.payer]).get(found.payer, found.payer),
        "month": None if found.started is None else clock.local(datetime.fromtimestamp(found.started / 1000, UTC)),
        "purposes": PURPOSES,
        "endings": {key.value: text for key, text in ENDINGS.items()},
    }
    return page(request, "usage/session.html", status=400 if wrong else 200, **context)


def _by_month(request: HttpRequest, last: date) -> list[Bar]:
    """Return the hours of the year up to a month, month by month, of what is asked for."""
    found = []
    for back in reversed(range(MONTHS)):
        number = last.year * 12 + last.month - 1 - back
        month = date(number // 12, number % 12 + 1, 1)
        total = _of_month(request, month).aggregate(total=Sum("powered"))["total"] or 0
        found.append(Bar(f"{month:%m/%y}", total, minutes(total)))
    return found


def _sums(found: QuerySet[Session], by: str) -> list[dict[str, Any]]:
    return list(
        found.values(by)
        .annotate(count=Count("pk"), powered=Sum("powered"), busy=Sum("busy"), energy=Sum("energy"))
        .order_by("-powered")
    )


def _as_machines_are_called(sums: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return sums by machine; those of one that goes on under another id are one."""
    now = now_called()
    found: dict[str, dict[str, Any]] = {}
    for each in sums:
        machine = now.get(each["machine"], each["machine"])
        mine = found.setdefault(machine, {"machine": machine})
        for name in ("count", "powered", "busy", "energy"):
            mine[name] = each[name] if mine.get(name) is None else mine[name] + (each[name] or 0)
    return sorted(found.values(), key=lambda each: -(each["powered"] or 0))


def _table(found: QuerySet[Session], month: date) -> Table:
    """Return the sessions of a month, one a row."""
    names = dict(Member.objects.values_list("pk", "name"))
    machines = now_called()
    paying = payers.called(found.order_by().values_list("payer", flat=True).distinct())
    number, time, moment = Kind.NUMBER, Kind.MINUTES, Kind.MOMENT
    columns = (
        Column(_("session")), Column(_("machine")), Column(_("member")), Column(_("name")), Column(_("category")),
        Column(_("payer")), Column(_("purpose")), Column(_("people"), number), Column(_("began"), moment),
        Column(_("clock")), Column(_("minutes powered"), time), Column(_("minutes busy"), time),
        Column(_("energy (Wh)"), number), Column(_("ended")), Column(_("corrected by")), Column(_("site")),
        Column(_("age")), Column(_("commune")),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for each in found.order_by("started").iterator(chunk_size=500):
            began = None if each.started is None else datetime.fromtimestamp(each.started / 1000, UTC)
            yield (
                each.session, machines.get(each.machine, each.machine), each.member, names.get(each.member, ""),
                each.category, paying.get(each.payer, each.payer),
                each.purpose, each.people, began, each.quality, each.powered, each.busy, each.energy, each.why,
                each.corrected_by, each.site, each.bracket, each.commune,
            )  # fmt: skip

    return Table(f"loquet-{month:%Y-%m}", _("Usage {month}").format(month=f"{month:%m/%Y}"), columns, rows)
