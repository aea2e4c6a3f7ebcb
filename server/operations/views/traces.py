"""Who looked at what, and did what: all of it, back to its beginning."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from server.accounts import scope
from server.accounts.guards import allowed
from server.accounts.models import Account, AuditRecord, Role
from server.core.paging import page_of
from server.core.rendering import page
from server.operations import trace_words

STEP: Final = 100


def seen(request: HttpRequest) -> QuerySet[AuditRecord]:
    """Return what was done and looked at, by whoever is for the same site."""
    found = AuditRecord.objects.all()
    if scope.site_of(request) is None:
        return found
    return found.filter(account__in=scope.within_strictly(request, Account.objects.all()).values("username"))


@allowed(Role.FABMANAGER)
def traces(request: HttpRequest) -> HttpResponse:
    """Show it, the latest first."""
    pages = page_of(request, seen(request), "-pk", step=STEP)
    return page(request, "operations/traces.html", pages=pages, said=trace_words.said)
