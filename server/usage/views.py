"""The page Usage: sessions and minutes by member, machine and month; as a sheet too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from common.texts import N_, _, translate
from protocol.sentences import ENDINGS
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core import charts, clock, exports
from server.core.charts import Bar
from server.core.exports import Column, Kind, Table
from server.core.forms import FIRST_YEAR, LAST_YEAR, FormError
from server.core.paging import page_of
from server.core.rendering import minutes, page, say
from server.core.sorting import by_name
from server.edits.authors import Author
from server.people import members, payers
from server.people.merging import aliases
from server.people.models import Member
from server.usage import corrections
from server.usage.forms import CorrectionForm
from server.usage.models import Correction, Session
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import known_as, now_called

STEP: Final = 100
NOT_OF_A_SHEET: Final = {"as", "sessions-from", "sessions-to"}
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


def _asked(request: HttpRequest) -> QuerySet[Session]:
    """Return the sessions that the filters let through, of all months."""
    found = scope.within(request, Session.objects.all())
    for name in ("category", "purpose"):
        said = request.GET.get(name, "")[:200]
        if said:
            found = found.filter(**{name: said})
    machine = request.GET.get("machine", "")[:200]
    if machine:
        found = found.filter(machine__in=known_as(now_called().get(machine, machine)))
    said = request.GET.get("member", "")[: members.LONGEST]
    meant = _meant(said) if said else []
    return found.filter(member__in=meant) if meant else found


def _meant(said: str) -> list[str]:
    """Return whose sessions are meant: of an id, whether or not it is somebody's still; else of all who are called so.

    In each form in which somebody may be written, so that a field of this page takes what another one shows. Nobody is
    meant by blanks, where they are no id.
    """
    now = aliases.of(said)
    if Session.objects.filter(member=now).exists():
        return [now]
    if not said.strip():
        return []
    try:
        return [members.named(said).pk]
    except FormError:
        return list(members.searched(said).values_list("pk", flat=True)[:STEP]) or [said]


def _of_month(found: QuerySet[Session], month: date) -> QuerySet[Session]:
    return found.filter(started__gte=_ms(month), started__lt=_ms(_after(month)))


@allowed(Role.FABMANAGER)
def usage(request: HttpRequest) -> HttpResponseBase:
    """Show a month, or give it as a sheet."""
    month, asked = _month(request.GET.get("month", "")), _asked(request)
    found = _of_month(asked, month)
    audit(request, "looked_usage", request.GET.urlencode())
    if (file := exports.asked(request, lambda: _table(found, month))) is not None:
        return file
    machines = _machines()
    by_machine = _as_machines_are_called(_sums(found, "machine"))
    by_member = _sums(found, "member")
    pages = page_of(request, found, "-started", "-pk", step=STEP, name="sessions")
    wanted = {row["member"] for row in by_member} | {each.member for each in pages.rows}
    names = dict(Member.objects.filter(pk__in=wanted).values_list("pk", "name"))
    undated = scope.within(request, Session.objects.filter(started=None)).count()
    context: dict[str, Any] = {
        "month": month,
        "before": (month - timedelta(days=1)).replace(day=1),
        "after": _after(month),
        "by_machine": by_machine,
        "by_member": by_member,
        "step": STEP,
        "most": max((row["powered"] or 0 for row in by_machine), default=0) or 1,
        "sessions": pages.rows,
        "pages": pages,
        "count": sum(row["count"] for row in by_machine),
        "total": found.aggregate(total=Sum("powered"))["total"] or 0,
        "machines": machines,
        "names": names,
        "purposes": PURPOSES,
        "endings": {key.value: text for key, text in ENDINGS.items()},
        "asked": request.GET,
        "query": urlencode([pair for pair in request.GET.items() if pair[0] not in NOT_OF_A_SHEET]),
        "undated": undated,
        "chart": charts.bars(_("Hours by month"), _by_month(asked, month)),
    }
    return page(request, "usage/usage.html", **context)


def _machines() -> dict[str, str]:
    """Return what machines are called, in the order of that."""
    return {each.pk: each.name for each in by_name(Machine.objects.only("pk", "name"))}


@allowed(Role.FABMANAGER)
def sessions(request: HttpRequest) -> HttpResponseBase:
    """Show the sessions of all months, the latest that came first; or those that have no date."""
    asked = _asked(request)
    undated = bool(request.GET.get("undated"))
    audit(request, "looked_usage", request.GET.urlencode())
    pages = page_of(request, asked.filter(started=None) if undated else asked, "-pk", step=STEP, name="sessions")
    names = Member.objects.filter(pk__in={each.member for each in pages.rows}).values_list("pk", "name")
    context: dict[str, Any] = {
        "undated": undated,
        "sessions": pages.rows,
        "pages": pages,
        "machines": _machines(),
        "names": dict(names),
        "purposes": PURPOSES,
        "endings": {key.value: text for key, text in ENDINGS.items()},
        "asked": request.GET,
    }
    return page(request, "usage/sessions.html", **context)


@allowed(Role.MEMBER)
def mine(request: HttpRequest) -> HttpResponseBase:
    """Show an account the sessions of its own member, all of them."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    found = Session.objects.filter(member=account.member) if account.member else Session.objects.none()
    pages = page_of(request, found, "-pk", step=STEP, name="sessions")
    return page(request, "usage/my_sessions.html", sessions=pages.rows, pages=pages)


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


def _by_month(asked: QuerySet[Session], last: date) -> list[Bar]:
    """Return the hours of the year up to a month, month by month, of what is asked for."""
    found = []
    for back in reversed(range(MONTHS)):
        number = last.year * 12 + last.month - 1 - back
        month = date(number // 12, number % 12 + 1, 1)
        total = _of_month(asked, month).aggregate(total=Sum("powered"))["total"] or 0
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
