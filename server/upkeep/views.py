"""The page of a machine: what is wrong with it, and what happened to it; and the page behind the QR code at it."""

from __future__ import annotations

from typing import Any, Final

import segno
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.sentences import fault
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core import charts
from server.core.charts import Bar
from server.core.forms import FormError
from server.core.links import ids_of, link_to
from server.core.paging import page_of
from server.core.rendering import minutes, page, refused, say
from server.edits.authors import Author
from server.inbox.notices import notify
from server.people.merging import aliases
from server.people.models import Member
from server.upkeep import records, spans
from server.upkeep.forms import MachineForm, ReportForm
from server.upkeep.models import Defect, Downtime, What
from server.whitelist.models import Machine

STEP: Final = 50
WHAT: Final = {What.LOCK.value: N_("locked"), What.FAULT.value: N_("out of order")}


@allowed(Role.TRAINER)
def machine(request: HttpRequest, which: str = "") -> HttpResponse:
    """Show what happened to a machine; report a defect, or say that one is mended."""
    (which,) = ids_of(request, which)
    found = scope.within(request, Machine.objects.filter(pk=which), "device__site").first()
    if found is None:
        return refused(request, _("There is no such machine."), 404)
    wrong = ""
    if request.method == "POST":
        try:
            _do(request, found)
            return HttpResponseRedirect(link_to("/machines", which))
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_machine", which)
    defects = Defect.objects.filter(machine=which)
    waiting = page_of(request, defects.filter(done=None), "-pk", step=STEP, name="waiting")
    mended = page_of(request, defects.filter(done__isnull=False), "-pk", step=STEP, name="mended")
    downs = page_of(request, Downtime.objects.filter(machine=which), "-pk", step=STEP, name="downs")
    context: dict[str, Any] = {
        "machine": found,
        "wrong": wrong,
        "waiting": _by_whom(waiting.rows),
        "waiting_pages": waiting,
        "mended": _by_whom(mended.rows),
        "mended_pages": mended,
        "downs": [(each, WHAT[each.what], fault(each.why), _length(each)) for each in downs.rows],
        "down_pages": downs,
        "chart": charts.bars(_("Hours down by month"), [_bar(*each) for each in spans.by_month(which)]),
        "qr": _qr(_report_page(request, which)),
        "address": _report_page(request, which),
    }
    return page(request, "upkeep/machine.html", 422 if wrong else 200, **context)


def _by_whom(defects: list[Defect]) -> list[tuple[Defect, str]]:
    now = aliases.resolve(each.member for each in defects)
    called = dict(Member.objects.filter(pk__in=now.values()).values_list("pk", "name"))
    names = {each: called.get(to) or to for each, to in now.items()}
    return [(each, each.by or names.get(each.member) or each.member) for each in defects]


def _bar(month: Any, down: int) -> Bar:  # noqa: ANN401 - a day
    return Bar(f"{month:%m/%y}", down / 3_600_000, minutes(down))


def _length(down: Downtime) -> int | None:
    return None if down.began is None or down.ended is None else max(0, down.ended - down.began)


def _report_page(request: HttpRequest, which: str) -> str:
    return request.build_absolute_uri(link_to("/report", which))


def _qr(address: str) -> str:
    return segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="white")


def _do(request: HttpRequest, found: Machine) -> None:
    """Do what was asked. Raises FormError, TooManyError."""
    asked, who = MachineForm.read(request), Author.of(request)
    name = found.name or found.pk
    match asked["do"]:
        case "report":
            _said(asked["note"])
            member = request.user.member if isinstance(request.user, Account) else ""
            _notify(found, records.reported_here(found.pk, note=asked["note"], by=who.name, member=member))
            say(request, _("noted: it stands here, and in the inbox"))
        case "mended":
            if not records.mended(found.pk, by=who.name, note=asked["note"], only=asked["defect"] or 0):
                raise FormError(N_("somebody else has dealt with it meanwhile"))
            say(request, _("mended; thank you"))
        case "all":
            records.mended(found.pk, by=who.name, note=asked["note"])
            say(request, _("nothing is reported of {machine} any more").format(machine=name))


def _said(note: str) -> None:
    if not note:
        raise FormError(N_("say what is wrong"))


def _notify(found: Machine, kept: Defect) -> None:
    about = {"machine": found.name or found.pk, "id": found.pk, "why": kept.note[:200]}
    notify("defect", found.device, once=f"defect/here/{kept.pk}", **about)


def report(request: HttpRequest, which: str = "") -> HttpResponse:
    """Take a defect from whoever stands at a machine: nobody has to log in to say that something is broken.

    It shows the machine's name, which stands on the machine, and nothing else.
    """
    (which,) = ids_of(request, which)
    found = Machine.objects.filter(pk=which, retired=False).select_related("device").first()
    if found is None:
        return refused(request, _("There is no such machine."), 404)
    wrong, is_noted = "", False
    if request.method == "POST":
        try:
            said = ReportForm.read(request)
            _said(said["note"])
            _notify(found, records.reported_by_a_stranger(found.pk, note=said["note"], name=said["name"]))
            is_noted = True
        except LoquetError as error:
            wrong = translate(error)
    name = found.name or found.pk
    context = {"name": name, "wrong": wrong, "is_noted": is_noted, "said": request.POST}
    return page(request, "upkeep/report.html", 422 if wrong else 200, **context)
