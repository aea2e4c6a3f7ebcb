"""The page Today, which moves by itself; and all refusals."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from common.texts import _
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core import clock, sections
from server.core.links import link_to
from server.core.paging import page_of
from server.core.rendering import page
from server.core.saying import long_day, when
from server.edits.history import seen_by
from server.machines import strips
from server.machines.now import seen, sentence, shown
from server.people.naming import Names
from server.today import feed, visits, waiting
from server.usage import refusals
from server.usage.models import Refusal, Session
from server.whitelist.sameness.machines import called

HOUR: Final = 3_600_000
OPENS: Final = 8  # the hours that the strips of the day show, unless somebody was there before or after
CLOSES: Final = 20
SHOWN: Final = 5  # refusals
STEP: Final = 50
HERE: Final = 12


@allowed(Role.TRAINER)
def today(request: HttpRequest) -> HttpResponse:
    """Show what is, and what waits."""
    part = request.headers.get("HX-Target") == "today"
    audit(request, "looked_today", hourly=part)
    return page(request, "today/now.html" if part else "today/today.html", **_context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    runs = account.may(Role.FABMANAGER)
    midnight, now = visits.midnight(), clock.ms()
    recent = _recent(request, midnight)
    sessions = [each for each in recent if (each.started or 0) >= midnight]
    refused = list(_refused(request).filter(at__gte=midnight, at__lte=now).order_by("-at")[:200])
    names = Names(each.member for each in recent)
    names.add(each.member for each in refused)
    machines = shown(seen(request), names)
    there = visits.here(machines, sessions, refused, names)
    items, count = waiting.found(request, machines) if runs else ([], 0)
    edits = (
        seen_by(scope.site_of(request)).select_related("account", "device").order_by("-pk")[: feed.SHOWN]
        if runs
        else []
    )
    machine_names = {each.machine.pk: each.called for each in machines}
    begin, end = _day(midnight, sessions)
    week, before = _week(recent, midnight)
    parts, brought = sections.of("today", account.username, scope.site_of(request)) if runs else ([], {})
    return {
        "greeting": _("Hello {name}").format(name=account.username.partition(" ")[0]),
        "day_said": long_day(clock.today()),
        "at": when(now),
        "machines": machines,
        "running": [each for each in machines if each.word == "in_use"],
        "sentence": sentence,
        "there": there[:HERE],
        "there_count": len(there),
        "used": sum(_within(each, midnight, now) for each in sessions),
        "sessions_today": len(sessions),
        "week": week,
        "week_change": round((week - before) * 100 / before) if before else None,
        "refusals": _said(refused[:SHOWN], names, machine_names),
        "refusal_count": len(refused),
        "items": items,
        "item_count": count,
        "events": feed.latest(sessions[:30], refused[:30], list(edits), names, machine_names),
        "strips": strips.drawn(machines, (begin, end), recent, names, ticks=6, title=_("{machine} today")),
        "scale": strips.hours_of(begin, end, 6),
        "runs": runs,
        "parts": parts,
        **brought,
    }


def _refused(request: HttpRequest) -> QuerySet[Refusal]:
    return scope.within(request, Refusal.objects.all(), "device__site")


def _within(session: Session, begin: int, now: int) -> int:
    end = (session.started or 0) + session.powered if session.ended else now
    return max(0, end - max(begin, session.started or begin))


def _day(midnight: int, sessions: list[Session]) -> tuple[int, int]:
    """Return from when to when the strips of the day go: twelve hours, or more where somebody was there."""
    hours = [visits.hour_of(each.started) for each in sessions if each.started is not None]
    hours.append(clock.local().hour)
    first, last = min([OPENS, *hours]), max([CLOSES, *(hour + 1 for hour in hours)])
    return midnight + first * HOUR, midnight + max(last, first + 12) * HOUR


def _recent(request: HttpRequest, midnight: int) -> list[Session]:
    """Return the sessions of this week and of the one before, the latest first."""
    since = midnight - (clock.today().weekday() + 7) * 24 * HOUR
    found = scope.within(request, Session.objects.filter(started__gte=since, started__lte=clock.ms()))
    return list(found.order_by("-started").only("machine", "member", "started", "powered", "ended"))


def _week(recent: list[Session], midnight: int) -> tuple[int, int]:
    """Return for how long machines were powered this week, and in the last one up to the same moment."""
    monday = midnight - clock.today().weekday() * 24 * HOUR
    now, week = clock.ms(), 7 * 24 * HOUR
    this = sum(_within(each, monday, now) for each in recent if (each.started or 0) >= monday)
    return this, sum(each.powered for each in recent if (each.started or now) < now - week)


def _said(found: list[Refusal], names: Names, machines: dict[str, str]) -> list[dict[str, Any]]:
    """Return refusals as pages show them: who, where, why, and what would let them in."""
    known = refusals.names_of_trainings({str(want) for each in found for want in each.wants})
    lines = []
    for each in found:
        member = names.whose(each.member)
        cure = refusals.mended_by(each)
        training = str(each.wants[0]) if each.wants else ""
        line = {
            "refusal": each,
            "member": member,
            "name": names[each.member],
            "machine": machines.get(each.machine) or each.machine,
            "why": refusals.why(each, known),
            "explain": link_to("/explain", member=member, machine=each.machine) if member else "",
            "cure": cure,
            "address": link_to("/whitelist/cell", member, training) if cure in {"give", "extend"} and training else "",
        }
        lines.append(line)
    return lines


@allowed(Role.TRAINER)
def all_refusals(request: HttpRequest) -> HttpResponse:
    """Show who could not start a machine, and why; the latest first."""
    audit(request, "looked_refusals", hourly=True)
    pages = page_of(request, _refused(request).filter(at__isnull=False), "-at", "-pk", step=STEP, name="refusals")
    names = Names({each.member for each in pages.rows})
    return page(request, "today/refusals.html", refusals=_said(pages.rows, names, called()), pages=pages)
