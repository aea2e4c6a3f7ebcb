"""The page of one session: what was recorded, what was corrected of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from common.texts import _, translate
from protocol.sentences import ENDINGS
from server.accounts import scope
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock
from server.core.forms import FormError
from server.core.rendering import page, say
from server.edits.authors import Author
from server.people import payers
from server.people.models import Member
from server.usage import corrections
from server.usage.filters import PURPOSES
from server.usage.forms import CorrectionForm
from server.usage.models import Correction, Session
from server.whitelist.sameness.machines import called


@allowed(Role.FABMANAGER)
def session(request: HttpRequest, number: int) -> HttpResponseBase:
    """Show one session and what was corrected of it; correct it."""
    found = get_object_or_404(scope.within(request, Session.objects.select_related("device")), pk=number)
    wrong = ""
    if request.method == "POST":
        try:
            corrections.correct(found, Author.of(request).name, CorrectionForm.read(request))
            audit(request, "corrected", f"{found.machine} {found.session}")
            say(request, _("corrected"))
            return HttpResponseRedirect(f"/usage/{number}")
        except FormError as error:
            wrong = translate(error)
            say(request, wrong, wrong=True)
    audit(request, "looked_session", found.session)
    steps = list(corrections.history(found))
    context: dict[str, Any] = {
        "session": found,
        "steps": steps,
        "labels": corrections.LABELS,
        "seen": Correction.objects.filter(device=found.device, session=found.session).count(),
        "asked": request.POST,
        "machine": called().get(found.machine),
        "name": Member.objects.filter(pk=found.member).values_list("name", flat=True).first(),
        "payer": payers.called([found.payer]).get(found.payer, found.payer),
        "month": None if found.started is None else clock.local(datetime.fromtimestamp(found.started / 1000, UTC)),
        "purposes": PURPOSES,
        "endings": {key.value: text for key, text in ENDINGS.items()},
    }
    return page(request, "usage/session.html", status=400 if wrong else 200, **context)
