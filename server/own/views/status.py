"""How the workshop is: which machines are free, in use, broken and why. Nobody's name is on it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from server.accounts.guards import owes_second_factor
from server.accounts.models import Account
from server.core import clock
from server.core.rendering import page
from server.core.saying import when
from server.machines.now import shown
from server.people.naming import Names
from server.sites.models import MAIN, Site
from server.whitelist.models import Machine


def status(request: HttpRequest) -> HttpResponse:
    """Show it to members; to everybody, where the workshop wants that: then without what others have written."""
    account = request.user
    is_member = isinstance(account, Account) and not owes_second_factor(account)
    if isinstance(account, Account) and is_member:
        machines = (
            Machine.objects.all() if account.site_id is None else Machine.objects.filter(device__site=account.site_id)
        )
        name = Site.objects.filter(pk=account.site_id or MAIN).values_list("name", flat=True).first()
    else:
        open_ones = Site.objects.filter(is_status_public=True)
        if not open_ones.exists():
            return HttpResponseRedirect("/login?next=/status")
        machines = Machine.objects.filter(device__site__in=open_ones)
        name = ", ".join(filter(None, open_ones.values_list("name", flat=True)))
    found = [each for each in shown(machines, Names(asks=False)) if each.word != "none"]
    part = request.headers.get("HX-Target") == "status"
    context: dict[str, Any] = {"is_member": is_member, "machines": found, "name": name or "", "at": when(clock.ms())}
    context["free"] = sum(each.colour == "free" for each in found)
    return page(request, "own/machines_now.html" if part else "own/status.html", **context)
