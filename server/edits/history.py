"""Which edits an account sees: those of its own workshop, and those of whoever runs them all."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from server.edits.models import Edit


def seen_by(site: str | None) -> QuerySet[Edit]:
    """Return the edits that whoever is for that site may look at; None: every one."""
    if site is None:
        return Edit.objects.all()
    by_person = Q(device=None) & (Q(account__site=site) | Q(account__site=None))
    return Edit.objects.filter(by_person | Q(device__site=site))
