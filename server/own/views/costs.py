"""A member's own account: what it has, what each session cost and why, statements."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from server.accounts.guards import allowed
from server.accounts.models import Role
from server.billing.models import Statement
from server.billing.views.balances import of_payer
from server.billing.views.months import shown
from server.core.rendering import page
from server.own import whose
from server.people.merging import aliases


@allowed(Role.MEMBER)
def costs(request: HttpRequest) -> HttpResponseBase:
    """Show it."""
    member = whose.of(request)
    if member is None:
        return page(request, "own/nobody.html")
    return page(request, "own/costs.html", **of_payer(member.pk))


@allowed(Role.MEMBER)
def statement(request: HttpRequest, number: str) -> HttpResponseBase:
    """Show one of their statements; nobody else's."""
    member = whose.of(request)
    ids = [] if member is None else [member.pk, *aliases.below(member.pk)]
    return shown(request, get_object_or_404(Statement, number=number, payer__in=ids))
