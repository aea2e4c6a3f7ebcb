"""The page Machines: a card each; lock, unlock, end a session. And the cards with codes, to hang at them."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, ngettext, translate
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock
from server.core.links import FIELD
from server.core.rendering import page
from server.core.saying import when
from server.edits import editing
from server.machines import acts, codes, hours, strips, tasks
from server.machines.forms import LockForm
from server.machines.now import Shown, seen, sentence, shown
from server.machines.views import machine as one

HOUR: Final = 3_600_000
GROUPS: Final = {
    "use": N_("in use"), "free": N_("free"), "locked": N_("locked"), "fault": N_("out of order"),
    "offline": N_("offline"),
}  # fmt: skip


@allowed(Role.TRAINER)
def machines(request: HttpRequest) -> HttpResponse:
    """Show every machine, or do something with one."""
    if request.GET.get(FIELD):  # what an id is called that does not stand in a path
        return one.of(request, "")
    wrong = ""
    if request.method == "POST":
        try:
            with editing.alone():
                acts.do(request)
            return HttpResponseRedirect("/machines")
        except LoquetError as error:
            wrong = translate(error)
    part = request.headers.get("HX-Target") == "machines"
    audit(request, "looked_workshop", hourly=part)
    context = {"wrong": wrong, **_context(request)}
    return page(request, "machines/cards.html" if part else "machines/machines.html", 422 if wrong else 200, **context)


def _context(request: HttpRequest) -> dict[str, Any]:
    found = shown(seen(request))
    only = request.GET.get("state", "")
    groups = [(word, _(text), sum(each.colour == word for each in found)) for word, text in GROUPS.items()]
    wanted = [each for each in found if not only or each.colour == only]
    ids = [each.machine.pk for each in wanted]
    now = clock.ms()
    counters = hours.counted(ids)
    begin = now - 24 * HOUR
    return {
        "machines": wanted,
        "count": len(found),
        "groups": [each for each in groups if each[2]],
        "only": only if only in GROUPS else "",
        "strips": strips.of(wanted, begin, now, ticks=4, title=_("{machine}, the last 24 hours")),
        "scale": _scale(begin, now),
        "counters": counters,
        "due": {pk: each[0] for pk, each in tasks.due(ids, counters).items()},
        "sentence": sentence,
        "reasons": [(word, _(text)) for word, text in LockForm.REASONS.items()],
        "summary": _summary(found),
        "at": when(now),
    }


def _scale(begin: int, end: int) -> list[str]:
    said = strips.hours_of(begin, end, 4)
    return [
        f"{_('yesterday')} {said[0].split(chr(160))[0]}\u00a0h",
        *(each.split("\u00a0")[0] + "\u00a0h" for each in said[1:-1]),
        said[-1],
    ]


def _summary(found: list[Shown]) -> str:
    """Return what matters of all of them, in a line."""
    used = sum(each.colour == "use" for each in found)
    broken = sum(each.colour == "fault" for each in found)
    parts = [ngettext("{count} in use", "{count} in use", used).format(count=used)] if used else []
    if broken:
        parts.append(ngettext("{count} out of order", "{count} out of order", broken).format(count=broken))
    return ", ".join(parts) or (_("none is in use") if found else "")


@allowed(Role.TRAINER)
def to_print(request: HttpRequest) -> HttpResponse:
    """Show each machine's name and code, to be printed and hung at it."""
    found = [(each, codes.address(request, each.machine.pk)) for each in shown(seen(request))]
    cards = [(each, address, codes.drawn(address)) for each, address in found]
    return page(request, "machines/to_print.html", cards=cards)
