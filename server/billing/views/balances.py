"""What each payer has: the balance, the month that is open, statements; and what a person enters there."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from common.errors import LoquetError
from common.folding import fold
from common.texts import N_, _, translate
from server.accounts.guards import allowed, audit
from server.accounts.models import AuditRecord, Role
from server.billing import explaining, ledger
from server.billing.documents import WHATS
from server.billing.forms import EntryForm
from server.billing.models import Address, Statement, Transfer
from server.core import clock, exports
from server.core.exports import Column, Kind, Table
from server.core.forms import FormError
from server.core.links import FIELD, ids_of, link_to
from server.core.rendering import page, say
from server.people import members, payers
from server.people.merging import aliases
from server.whitelist.sameness.machines import called

SHOWN = 200


@allowed(Role.FABMANAGER)
def balances(request: HttpRequest) -> HttpResponseBase:
    """Show who owes what, and who has something; or one account, whose id no path can hold."""
    if FIELD in request.GET:
        return balance(request)
    found_by_unit = ledger.every_account()
    euros, times = found_by_unit.get(ledger.EUR, {}), found_by_unit.get(ledger.TIME, {})
    who = [each for each in {*euros, *times} if euros.get(each) or times.get(each)]
    names = payers.called(who)
    who.sort(key=lambda each: (fold(names.get(each, each)), each))
    found = [(each, names.get(each, each), euros.get(each, 0), times.get(each, 0)) for each in who]
    columns = (
        Column(_("Id")), Column(_("Payer")), Column(_("Balance"), Kind.MONEY), Column(_("Minutes"), Kind.MINUTES),
    )  # fmt: skip
    lines = [(pk, name, cents, seconds * 1_000) for pk, name, cents, seconds in found]
    audit(request, "looked_balances")
    if (file := exports.asked(request, lambda: Table("balances", _("Balances"), columns, lambda: lines))) is not None:
        return file
    context: dict[str, Any] = {
        "balances": found,
        "owed": -sum(cents for _pk, _name, cents, _seconds in found if cents < 0),
        "month": ledger.open_month(ledger.month_of(clock.today())),
    }
    return page(request, "billing/balances.html", **context)


@allowed(Role.FABMANAGER)
def balance(request: HttpRequest, who: str = "") -> HttpResponse:
    """Show one payer's account, and enter something on it."""
    (who,) = ids_of(request, who)
    who = aliases.of(who)
    wrong = ""
    if request.method == "POST":
        try:
            _enter(request, who)
            return HttpResponseRedirect(link_to("/balances", who))
        except LoquetError as error:
            wrong = translate(error)
    audit(request, "looked_balances", who)
    context = {"wrong": wrong, "may_enter": request.user.may(Role.ADMINISTRATOR), **of_payer(who)}  # type: ignore[union-attr]
    return page(request, "billing/balance.html", 422 if wrong else 200, **context)


def of_payer(who: str) -> dict[str, Any]:
    """Return all that an account's page shows, a member's own too."""
    ids = [who, *aliases.below(who)]
    closed = ledger.last_closed()
    sums = ledger.totals(ids, closed)
    latest = Transfer.objects.filter(payer__in=ids, month__gt=closed).order_by("-pk").prefetch_related("postings")
    mine = {ledger.payer(each) for each in ids}
    shown = []
    for each in latest[:SHOWN]:
        legs = [leg for leg in each.postings.all() if leg.account in mine]
        cents = sum(leg.amount for leg in legs if leg.unit == ledger.EUR)
        seconds = sum(leg.amount for leg in legs if leg.unit == ledger.TIME)
        shown.append((each, cents, seconds, explaining.lines_of(each.lines)))
    return {
        "payer": who,
        "payer_name": payers.name_of(who) or who,
        "euros": sums.get(ledger.EUR, 0),
        "seconds": sums.get(ledger.TIME, 0),
        "transfers": shown,
        "transfer_words": WHATS,
        "machine_names": called(),
        "statements": list(Statement.objects.filter(payer__in=ids).order_by("-pk")[:SHOWN]),
        "address": Address.objects.filter(pk=who).first(),
    }


def _enter(request: HttpRequest, who: str) -> None:
    """Enter a payment, time or an address. Raises LoquetError."""
    if not request.user.may(Role.ADMINISTRATOR):  # type: ignore[union-attr]
        raise FormError(N_("your account may not change this; ask an administrator"))
    said = EntryForm.read(request)
    by, word = request.user.get_username(), request.POST.get("once", "")[:60]
    match said["do"]:
        case "pay":
            if not said["amount"]:
                raise FormError(N_("say how much was paid"))
            made = ledger.pay(who, said["amount"], said["receipt"], said["day"] or clock.today(), by)
            if made is None:
                raise FormError(N_("the receipt {receipt} is entered already"), receipt=said["receipt"])
        case "give":
            if not said["minutes"]:
                raise FormError(N_("say how many minutes"))
            ledger.give_time(who, said["minutes"] * 60, word, said["why"])
        case "pass":
            to = members.named(said["to"]).pk
            ledger.pass_time(who, to, (said["minutes"] or 0) * 60, word, said["why"])
        case "address":
            text = request.POST.get("text", "").replace("\0", "")[:1_000]
            kept = {"name": said["name"], "text": text, "reference": said["reference"]}
            Address.objects.update_or_create(pk=who, defaults=kept)
    AuditRecord.objects.create(account=by, what="entered_account", about=f"{said['do']} {who}"[:300])
    say(request, _("saved"))
