"""What a member may use, what is missing and whom to ask, what they run now, and how much they used."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import clock
from server.core.forms import FormError
from server.core.rendering import page, say
from server.inbox import notices
from server.machines.now import sentence, shown
from server.own import whose
from server.own.forms import AskForm
from server.own.views.minutes import of_months
from server.people.badges import noted
from server.people.models import Badge, Member
from server.people.naming import Names
from server.usage import sections
from server.whitelist import may, teaching
from server.whitelist.models import Machine


@allowed(Role.MEMBER)
def mine(request: HttpRequest) -> HttpResponse:
    """Show it, or ask for what is missing."""
    found, wrong = whose.of(request), ""
    if request.method == "POST" and found is not None:
        try:
            _ask(request, found)
            return HttpResponseRedirect("/me")
        except LoquetError as error:
            wrong = translate(error)
    if found is None:
        return page(request, "own/nobody.html")
    return page(request, "own/me.html", 422 if wrong else 200, wrong=wrong, **_context(found))


def _context(found: Member) -> dict[str, Any]:
    machines = shown(Machine.objects.filter(requires__isnull=False), Names(asks=False))
    states = {each.machine.pk: each for each in machines}
    mays = may.of(found.pk, [each.machine for each in machines], teaching.teachers(), row=found)
    runs = [each for each in machines if each.word == "in_use" and each.who == found.pk]
    badges = noted(Badge.objects.filter(member=found.pk, blocked=False))
    return {
        "member": found,
        "greeting": _("Hello {name}").format(name=(found.name or found.pk).partition(" ")[0]),
        "fine": [(each, states[each.machine.pk]) for each in mays if each.is_fine],
        "missing": [(each, states[each.machine.pk]) for each in mays if not each.is_fine],
        "runs": runs,
        "sentence": sentence,
        "badges": badges,
        "last_uses": sections.last_uses(found.pk, None),
        **of_months(found.pk, 6),
    }


def _of(*ids: str) -> str:
    """Return what is asked, in as many letters as a subject has."""
    return blake2b("/".join(ids).encode(), digest_size=16).hexdigest()


def _ask(request: HttpRequest, found: Member) -> None:
    """Ask for what a machine needs: whoever runs the workshop finds it in the inbox. Raises FormError."""
    wanted = AskForm.read(request)["machine"]
    machine = Machine.objects.filter(pk=wanted, retired=False).select_related("device").first()
    if machine is None:
        raise FormError(N_("there is no such machine any more"))
    (one,) = may.of(found.pk, [machine])
    if one.is_fine:
        raise FormError(N_("you may use it already"))
    about = {"member": found.name or found.pk, "id": found.pk, "machine": machine.name or machine.pk, "why": one.why}
    once = f"asked/{found.pk}/{machine.pk}/{clock.today()}"
    notices.notify("asked", machine.device, once=once, subject=_of(found.pk, machine.pk), **about)
    say(request, _("asked; whoever runs the workshop sees it"))
