"""What each machine costs, for whom and from when; and what a session would cost, step by step."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol import price
from protocol.rows import Meter
from protocol.rows import Price as PriceRow
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.billing import charges, explaining
from server.billing.forms import DropForm, PriceForm
from server.billing.models import Plan, Price
from server.billing.rows import Prices
from server.core import clock, small
from server.core.forms import FormError
from server.core.rendering import page, say
from server.core.sorting import by_name, sorted_texts
from server.edits import editing, rows
from server.edits.authors import Author
from server.people import members
from server.people.models import Category
from server.people.models import Member as People
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import called

UNITS = {
    Meter.POWERED: N_("hour of power"),
    Meter.BUSY: N_("hour of running"),
    Meter.IDLE: N_("hour on, not running"),
    Meter.KWH: N_("kWh"),
    Meter.VISIT: N_("visit"),
    Meter.BOOKED: N_("booked hour"),
}
LONGEST_TRY = 10_000  # minutes


class Shown(msgspec.Struct, frozen=True):
    """A price as the table has it. is_next: it begins some day; is_past: another one took its place."""

    row: PriceRow
    machine: str
    plan: str
    is_next: bool
    is_past: bool


@allowed(Role.FABMANAGER)
def prices(request: HttpRequest) -> HttpResponse:
    """Show every price, and set one; try what a session costs."""
    wrong = ""
    if request.method == "POST":
        try:
            _do(request)
            return HttpResponseRedirect("/prices")
        except LoquetError as error:
            wrong = translate(error)
    context: dict[str, Any] = {
        "prices": _shown(),
        "units": UNITS,
        "machines": by_name(small.rows(Machine)),
        "plans": by_name(small.rows(Plan)),
        "categories": sorted_texts({each.name for each in small.rows(Category)} - {""}),
        "wrong": wrong,
        "asked": request.POST if wrong else {},
        **_tried(request),
    }
    return page(request, "billing/prices.html", 422 if wrong else 200, **context)


def _shown() -> list[Shown]:
    """Return the prices, those of one machine side by side, and of one kind the latest first."""
    today, names = clock.today(), called()
    plans = {each.pk: each.name or each.pk for each in small.rows(Plan)}
    found = [Prices().of(each) for each in Price.objects.all()]
    found.sort(key=lambda row: (names.get(row.machine, row.machine), row.per, row.category, row.plan))
    last: dict[tuple[str, str, str, Meter], Any] = {}
    for row in found:
        whom = (row.machine, row.category, row.plan, row.per)
        begins = row.since or today.min
        if begins <= today:
            last[whom] = max(last.get(whom, today.min), begins)
    return [
        Shown(
            row,
            names.get(row.machine, row.machine),
            plans.get(row.plan, row.plan),
            is_next=row.since is not None and row.since > today,
            is_past=(row.since or today.min) < last.get((row.machine, row.category, row.plan, row.per), today.min),
        )
        for row in found
    ]


def _do(request: HttpRequest) -> None:
    """Set a price, or drop one. Raises LoquetError."""
    who = Author.of(request)
    if request.POST.get("do") == "drop":
        key = f"price/{DropForm.read(request)['key']}"
        if rows.get(key) is None:
            raise FormError(N_("there is no such price any more"))
        edit = editing.carry_out(who, "price", drop=[key])
        say(request, _("removed"), undo=edit.pk if edit else None)
        return
    said = PriceForm.read(request)
    if said["amount"] is None and not said["off"]:
        raise FormError(N_("say a price, or a reduction"))
    if said["machine"] and not Machine.objects.filter(pk=said["machine"]).exists():
        raise FormError(N_("there is no such machine any more"))
    per = Meter(said["per"])
    counts_time = per in price.TIMES
    row = PriceRow(
        per,
        said["machine"],
        said["category"],
        said["plan"],
        said["since"],
        said["amount"],
        (said["step"] or 1) * 60 if counts_time and said["step"] else 1,
        said["least"] or 0,
        said["most"],
        said["off"] or 0,
        (said["vat"] or 0) * 100,
        said["net"],
        said["account"],
    )
    edit = editing.carry_out(who, "price", [row])
    say(request, _("saved; controllers hear of it on their next line"), undo=edit.pk if edit else None)


def _tried(request: HttpRequest) -> dict[str, Any]:
    """Return what a session would cost today, if somebody asks: whose, at which machine, how long."""
    said = {name: request.GET.get(name, "")[:300] for name in ("member", "machine", "minutes")}
    found: dict[str, Any] = {"try_said": said, "tried": None, "try_wrong": ""}
    if not said["machine"]:
        return found
    try:
        minutes = int(said["minutes"]) if said["minutes"].isascii() and said["minutes"].isdigit() else -1
        if not 0 <= minutes <= LONGEST_TRY:
            raise FormError(N_("say how many minutes"))
        who, category = "", ""
        if said["member"].strip():
            known = People.objects.get(pk=members.named(said["member"]).pk)
            who, category = known.pk, known.category
    except LoquetError as error:
        return found | {"try_wrong": translate(error)}
    applied = price.applied(charges.prices_in_force(), said["machine"], who, category, clock.today())
    lines = price.price(applied.prices, price.Used(minutes * 60, None, None))
    explained = [explaining.said(line) for line in lines]
    return found | {"tried": explained, "try_total": sum(charges.gross(line) for line in lines)}
