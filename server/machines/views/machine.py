"""The page of a machine: what is wrong with it, what has to be done to it, and what happened to it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from protocol.sentences import fault
from server.accounts.guards import allowed, audit
from server.accounts.models import Account, Role
from server.core import charts, clock
from server.core.charts import Bar
from server.core.forms import FormError
from server.core.links import ids_of, link_to
from server.core.paging import page_of
from server.core.rendering import page, refused, say
from server.core.saying import short_month
from server.edits.authors import Author
from server.machines import codes, hours, strips, tasks, telling
from server.machines.forms import LockForm, MachineForm, TaskForm
from server.machines.models import Done, Listener
from server.machines.now import seen, sentence, shown
from server.people.naming import Names
from server.upkeep import records, spans
from server.upkeep.models import Defect, Downtime, What
from server.upkeep.reporting import hold_to_note, notify
from server.usage.models import Session
from server.whitelist import drawings
from server.whitelist.drawings import CALLED
from server.whitelist.models import Machine, Sheet
from server.whitelist.sameness.machines import known_as

STEP: Final = 50
HOUR: Final = 3_600_000
LATEST: Final = 10  # sessions
WHAT: Final = {What.LOCK.value: N_("locked"), What.FAULT.value: N_("out of order")}


@allowed(Role.TRAINER)
def machine(request: HttpRequest, which: str) -> HttpResponse:
    """Show what happened to a machine; report a defect, say that one is mended, plan what has to be done."""
    return of(request, which)


def of(request: HttpRequest, which: str) -> HttpResponse:
    """Show or change the machine that a path, or what is asked, names."""
    (which,) = ids_of(request, which)
    found = seen(request).filter(pk=which).first()
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
    return page(request, "machines/machine.html", 422 if wrong else 200, wrong=wrong, **_context(request, found))


def _context(request: HttpRequest, found: Machine) -> dict[str, Any]:
    which, ids = found.pk, known_as(found.pk)
    defects = Defect.objects.filter(machine=which)
    waiting = page_of(request, defects.filter(done=None), "-pk", step=STEP, name="waiting")
    mended = page_of(request, defects.filter(done__isnull=False), "-pk", step=STEP, name="mended")
    downs = page_of(request, Downtime.objects.filter(machine=which), "-pk", step=STEP, name="downs")
    done = page_of(request, Done.objects.filter(machine__in=ids), "-pk", step=STEP, name="done")
    now = clock.ms()
    counters = hours.counted([which])
    sessions = list(Session.objects.filter(machine__in=ids, started__isnull=False).order_by("-started")[:LATEST])
    names = Names(each.member for each in sessions)
    names.add(each.member for each in (*waiting.rows, *mended.rows))
    one = next(iter(shown(seen(request).filter(pk=which), names)), None)
    address = codes.address(request, which)
    account = request.user
    listeners = list(Listener.objects.filter(machine__in=ids).select_related("account"))
    return {
        "machine": found,
        "one": one,
        "strip": None if one is None else strips.of(
            [one], now - 24 * HOUR, now, ticks=4, title=_("{machine}, the last 24 hours"), names=names)[which],
        "scale": strips.hours_of(now - 24 * HOUR, now, 4),
        "sentence": sentence,
        "counter": counters[which],
        "tasks": tasks.due([which], counters).get(which, []),
        "done": done.rows,
        "done_pages": done,
        "sessions": sessions,
        "names": names,
        "waiting": _by_whom(waiting.rows, names),
        "waiting_pages": waiting,
        "mended": _by_whom(mended.rows, names),
        "mended_pages": mended,
        "downs": [(each, WHAT[each.what], fault(each.why), _length(each)) for each in downs.rows],
        "down_pages": downs,
        "chart": charts.bars(_("Hours down by month"), [_bar(*each) for each in spans.by_month(which)]),
        "qr": codes.drawn(address),
        "address": address,
        "drawings": [(key, _(text)) for key, text in CALLED.items()],
        "drawing_of_it": drawings.of([found])[which],
        "listens": account.pk in {each.account_id for each in listeners},
        "listeners": listeners,
        "reasons": [(word, _(text)) for word, text in LockForm.REASONS.items()],
    }  # fmt: skip


def _by_whom(defects: list[Defect], names: Names) -> list[tuple[Defect, str]]:
    return [(each, each.by or names[each.member]) for each in defects]


def _bar(month: Any, down: int) -> Bar:  # noqa: ANN401 - a day
    return charts.hours(short_month(month), down)


def _length(down: Downtime) -> int | None:
    return None if down.began is None or down.ended is None else max(0, down.ended - down.began)


def _do(request: HttpRequest, found: Machine) -> None:
    """Do what was asked. Raises FormError, TooManyError."""
    asked, who = MachineForm.read(request), Author.of(request)
    name, account = found.name or found.pk, request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    match asked["do"]:
        case "report":
            hold_to_note(asked["note"])
            notify(found, records.reported_here(found.pk, note=asked["note"], by=who.name, member=account.member))
            say(request, _("noted: it stands here, and in the inbox"))
        case "mended":
            if not records.mended(found.pk, by=who.name, note=asked["note"], only=asked["defect"] or 0):
                raise FormError(N_("somebody else has dealt with it meanwhile"))
            say(request, _("mended; thank you"))
        case "all":
            records.mended(found.pk, by=who.name, note=asked["note"])
            say(request, _("nothing is reported of {machine} any more").format(machine=name))
        case "listen" | "leave":
            telling.listen(found.pk, account, hears=asked["do"] == "listen")
            say(request, _("saved"))
        case "done":
            tasks.done(found.pk, asked["task"] or 0, who.name, asked["note"])
            say(request, _("noted; it is counted anew from now"))
        case _ if account.may(Role.FABMANAGER):
            _plan(request, found, asked)
        case _:
            raise FormError(N_("a fabmanager plans what has to be done"))


def _plan(request: HttpRequest, found: Machine, asked: dict[str, Any]) -> None:
    """Change what has to be done to a machine, or its drawing. Raises FormError."""
    match asked["do"]:
        case "task":
            said = TaskForm.read(request)
            tasks.add(found.pk, said["what"], said["hours"], said["days"])
        case "drop":
            tasks.drop(found.pk, asked["task"] or 0)
        case "drawing":
            known = asked["drawing"] if asked["drawing"] in CALLED else ""
            Sheet.objects.update_or_create(pk=found.pk, defaults={"drawing": known})
    say(request, _("saved"))
