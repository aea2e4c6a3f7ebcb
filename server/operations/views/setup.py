"""The page Setting up: the first visit's path; trainings, machines, opening hours, backups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from common.errors import LoquetError
from common.folding import sort_key
from common.texts import _, translate
from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import configuration, small, tls
from server.core.configuration import Certificate
from server.core.rendering import page, say
from server.core.sorting import by_name
from server.operations import backup, steps, trace_words
from server.operations.forms import AnchorForm, SetupForm
from server.operations.views import traces
from server.operations.views.backup import download
from server.people import hours
from server.whitelist import conditions
from server.whitelist.models import Machine, Training
from server.whitelist.sameness import machines as same_machines
from server.whitelist.sameness import trainings as same_trainings
from server.whitelist.setup import save_machine, save_same, save_training

TRACES: Final = 20  # of all that there are on a page of their own


@allowed(Role.FABMANAGER)
def setup(request: HttpRequest) -> HttpResponseBase:
    """Lead through what a workshop needs, and tell what is done."""
    if request.method == "POST":
        return _answer(request, _do, "/setup")
    found = steps.all_of_them()
    own = configuration.in_force().server.certificate is Certificate.OWN
    fingerprint = tls.fingerprint(configuration.in_force().data_dir / tls.FILE) if own else ""
    machines = scope.within(request, Machine.objects.select_related("device"), "device__site")
    context: dict[str, Any] = {
        "steps": found,
        "steps_done": sum(each.is_done for each in found),
        "fingerprint": ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper(),
        "trainings": sorted(by_name(small.rows(Training)), key=_is_retired),
        "conditions": conditions.of_setup(),
        "same_trainings": sorted(same_trainings.given().items(), key=lambda each: sort_key(each[1] or each[0])),
        "same_machines": same_machines.offered(scope.site_of(request)),
        "left_machines": sorted(same_machines.left().items()),
        "machines": sorted(by_name(machines), key=_is_retired),
        "categories": hours.categories(),
        "days": [_(day) for day in hours.DAYS],
        "left": backup.days_since_left(),
        "made": backup.last_made(),
        "said": trace_words.said,
        "traces": traces.seen(request).order_by("-pk")[:TRACES],
    }
    return page(request, "operations/setup.html", **context)


def _is_retired(found: Training | Machine) -> bool:
    return found.retired


def _answer(
    request: HttpRequest, work: Callable[[HttpRequest], HttpResponseBase | None], back: str
) -> HttpResponseBase:
    try:
        response = work(request)
    except LoquetError as error:
        say(request, translate(error), wrong=True)
        response = None
    anchor = AnchorForm.read(request)["at"]
    return response or HttpResponseRedirect(f"{back}#{anchor}" if anchor.isalpha() else back)


def _do(request: HttpRequest) -> HttpResponseBase | None:
    """Do what was asked. Raises FormError."""
    match SetupForm.read(request)["do"]:
        case "training":
            save_training(request)
        case "machine":
            save_machine(request)
        case "same":
            save_same(request)
        case "condition":
            conditions.save(request)
        case "condition_gone":
            conditions.remove(request)
        case "hours":
            hours.save_hours(request)
        case "backup":
            return download(request)
    return None
