"""Plans, and who has which; machines that several own."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.rows import Subscription as SubscriptionRow
from server.accounts.guards import allowed, audit
from server.accounts.models import AuditRecord, Role
from server.billing import documents, ledger, shares
from server.billing.forms import PlanForm, ShareForm, SubscribeForm
from server.billing.models import Plan, Share, Subscription
from server.core import clock, exports, forms, small
from server.core.forms import FormError
from server.core.links import ids_of
from server.core.rendering import page, say
from server.core.sorting import by_name
from server.edits import editing, rows
from server.edits.authors import Author
from server.people import members, payers
from server.people.merging import aliases
from server.people.naming import Names
from server.whitelist.models import Machine
from server.whitelist.sameness.machines import called

SHOWN = 500


@allowed(Role.FABMANAGER)
def plans(request: HttpRequest) -> HttpResponse:
    """Show the plans and who has them; set one."""
    wrong = ""
    if request.method == "POST":
        try:
            _save_plan(request)
            return HttpResponseRedirect("/plans")
        except LoquetError as error:
            wrong = translate(error)
    found = list(Subscription.objects.order_by("plan", "member")[:SHOWN])
    names = Names(each.member for each in found)
    audit(request, "looked_plans")
    context: dict[str, Any] = {
        "plans": by_name(small.rows(Plan)),
        "subscribers": [(each, names[each.member], _is_over(each)) for each in found],
        "machines": by_name(small.rows(Machine)),
        "wrong": wrong,
        "asked": request.POST if wrong else {},
    }
    return page(request, "billing/plans.html", 422 if wrong else 200, **context)


def _is_over(found: Subscription) -> bool:
    return found.until is not None and found.until < clock.today()


def _save_plan(request: HttpRequest) -> None:
    """Set a plan, or who has one. Raises LoquetError."""
    if request.POST.get("do") in {"subscribe", "end"}:
        subscribe(request)
        return
    said = PlanForm.read(request)
    if not said["name"]:
        raise FormError(N_("a plan has a name"))
    made = said["id"] or forms.made_of(said["name"], set(Plan.objects.values_list("pk", flat=True)))
    known = {each.pk for each in small.rows(Machine)}
    Plan.objects.update_or_create(
        pk=made,
        defaults={
            "name": said["name"],
            "fee": said["fee"] or 0,
            "yearly": said["yearly"],
            "pro_rata": said["pro_rata"],
            "included": (said["included"] or 0) * 60,
            "machines": [each for each in said["machines"] if each in known],
            "ahead": 14 if said["ahead"] is None else said["ahead"],
            "owed": (said["owed"] or 0) * 3_600,
        },
    )
    AuditRecord.objects.create(account=request.user.get_username(), what="plan", about=made)
    say(request, _("saved"))


def subscribe(request: HttpRequest) -> None:
    """Give somebody a plan, or end it. Raises LoquetError."""
    said = SubscribeForm.read(request)
    member = members.named(said["member"])
    plan = Plan.objects.filter(pk=said["plan"]).first()
    if plan is None:
        raise FormError(N_("there is no such plan any more"))
    row = SubscriptionRow(member.pk, plan.pk, said["since"] or clock.today(), said["until"])
    if said["do"] == "end":
        found = rows.get(row.key)
        if not isinstance(found, SubscriptionRow):
            raise FormError(N_("{name} does not have that plan"), name=member.name or member.pk)
        row = msgspec.structs.replace(found, until=said["until"] or clock.today())
    if row.until is not None and row.since is not None and row.until < row.since:
        raise FormError(N_("it would end before it begins"))
    edit = editing.carry_out(Author.of(request), "plan", [row], about={"name": member.name or member.pk})
    say(request, _("saved"), undo=edit.pk if edit else None)


@allowed(Role.FABMANAGER)
def owners(request: HttpRequest) -> HttpResponseBase:
    """Show the machines that several own, and what each holder is due; a machine's year as a file."""
    wrong = ""
    if request.GET.get("machine"):
        audit(request, "looked_shares")
        said, which = request.GET.get("year", ""), request.GET["machine"][:64]
        year = int(said) if said.isascii() and said.isdigit() and len(said) == 4 else clock.today().year  # noqa: PLR2004
        if (file := exports.asked(request, lambda: documents.share_table(which, year))) is not None:
            return file
    if request.method == "POST":
        try:
            _save_share(request)
            return HttpResponseRedirect("/shares")
        except LoquetError as error:
            wrong = translate(error)
    names = called()
    machines = sorted(set(Share.objects.values_list("machine", flat=True)))
    dues = [(machine, names.get(machine, machine), shares.dues(machine)) for machine in machines]
    holders = {due.holder for _machine, _name, found in dues for due in found}
    audit(request, "looked_shares")
    context: dict[str, Any] = {
        "owned": dues,
        "years": (clock.today().year, clock.today().year - 1),
        "holder_names": {each: payers.called(holders).get(each, each) for each in holders},
        "parts": {machine: shares.parts_at(machine) for machine in machines},
        "machines": by_name(small.rows(Machine)),
        "may_pay": request.user.may(Role.ADMINISTRATOR),  # type: ignore[union-attr]
        "wrong": wrong,
    }
    return page(request, "billing/shares.html", 422 if wrong else 200, **context)


def _save_share(request: HttpRequest) -> None:
    """Say who holds a part, or that a part was paid out. Raises LoquetError."""
    if not request.user.may(Role.ADMINISTRATOR):  # type: ignore[union-attr]
        raise FormError(N_("your account may not change this; ask an administrator"))
    said = ShareForm.read(request)
    by = request.user.get_username()
    if said["do"] == "pay_out":
        shares.pay_out(said["machine"], said["holder"], request.POST.get("once", "")[:60], by)
    else:
        if not Machine.objects.filter(pk=said["machine"]).exists():
            raise FormError(N_("there is no such machine any more"))
        holder = payers.known(said["holder"])
        if holder is None:
            raise FormError(N_("say who holds it: a member or an organisation"))
        if said["weight"] is None:
            raise FormError(N_("say the weight of the part, a whole number"))
        shares.hold(said["machine"], holder, said["weight"], said["since"] or clock.today(), is_rest=said["rest"])
    AuditRecord.objects.create(account=by, what="share", about=f"{said['machine']} {said['holder']}"[:300])
    say(request, _("saved"))


@allowed(Role.FABMANAGER)
def of_member(request: HttpRequest, who: str = "") -> HttpResponse:
    """Show what a member's page has of it, asked for once that page is there: the balance, and their plans."""
    (who,) = ids_of(request, who)
    sums = ledger.totals([who, *aliases.below(who)])
    mine = Subscription.objects.filter(member=who).order_by("plan")
    known = {each.pk: each.name or each.pk for each in small.rows(Plan)}
    context: dict[str, Any] = {
        "member_euros": sums.get(ledger.EUR, 0),
        "member_seconds": sums.get(ledger.TIME, 0),
        "member_plans": [(each, known.get(each.plan, each.plan), _is_over(each)) for each in mine],
        "who": who,
    }
    return page(request, "billing/account_of_member.html", **context)
