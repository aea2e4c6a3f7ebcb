"""What the server knows of a member, for that member: to read, and to take along."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse

from common.texts import _
from server.accounts.guards import allowed, audit
from server.accounts.models import Role
from server.core import clock
from server.core.rendering import day, page
from server.own import whose
from server.people import particulars
from server.people.models import Badge, Member
from server.usage.models import Refusal, Session
from server.whitelist.models import Certification


@allowed(Role.MEMBER)
def data(request: HttpRequest) -> HttpResponse:
    """Show it, or give all of it as JSON."""
    member = whose.of(request)
    if member is None:
        return page(request, "own/nobody.html")
    if request.GET.get("as") == "json":
        audit(request, "own_data")
        text = json.dumps(_all(member), ensure_ascii=False, indent=1, default=str)
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="loquet-{clock.today()}.json"'
        return response
    return page(request, "own/data.html", member=member, known=_known(member))


def _known(member: Member) -> list[tuple[str, object]]:
    """Return what is kept of somebody besides name and trainings, as far as they said it."""
    known = particulars.of(member.pk)
    found = [
        (_("Year of birth"), known.birth_year),
        (_("Commune"), known.commune),
        (_("A guardian agreed on"), day(known.guardian)),
        (_("House rules signed on"), day(known.rules)),
        (_("Insured until"), day(known.insurance)),
        (_("Agreed to pictures on"), day(known.photos)),
        (_("Agreed to letters on"), day(known.letters)),
        (_("Ended letters on"), day(known.letters_ended)),
        (_("E-mail"), known.email),
        (_("Language of letters"), particulars.NAMES.get(known.language)),
    ]
    return [pair for pair in found if pair[1]]


def _all(member: Member) -> dict[str, Any]:
    known = particulars.of(member.pk)
    fields = (
        "birth_year",
        "commune",
        "guardian",
        "rules",
        "insurance",
        "photos",
        "letters",
        "letters_ended",
        "email",
        "language",
    )
    sessions = Session.objects.filter(member=member.pk).order_by("started")
    refusals = Refusal.objects.filter(member=member.pk).order_by("at")
    return {
        "member": {"id": member.pk, "name": member.name, "category": member.category, "until": member.until},
        "particulars": {name: getattr(known, name) for name in fields if getattr(known, name)},
        "badges": [
            {"ends_in": each.hash[-6:], "blocked": each.blocked} for each in Badge.objects.filter(member=member.pk)
        ],
        "certifications": list(
            Certification.objects.filter(member=member.pk).values("training", "level", "since", "until")
        ),
        "sessions": list(
            sessions.values("machine", "started", "powered", "busy", "energy", "purpose", "why", "category", "payer")
        ),
        "refusals": list(refusals.values("machine", "at", "reason")),
    }
