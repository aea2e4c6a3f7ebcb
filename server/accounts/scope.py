"""What of the workshops an account sees: all of them, or the one that it is for.

Asked wherever a page shows or changes what belongs to a site: one function, so that no page has a rule of its own.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from server.accounts.models import Account

M = TypeVar("M", bound=Model)


def site_of(request: HttpRequest) -> str | None:
    """Return the site that whoever asks is for; None: they see every one."""
    assert isinstance(request.user, Account)  # noqa: S101 - pages are guarded
    return request.user.site_id


def within_strictly(request: HttpRequest, found: QuerySet[M], field: str = "site") -> QuerySet[M]:
    """Return what belongs to the site of whoever asks and to no other, nor to all."""
    site = site_of(request)
    return found if site is None else found.filter(**{field: site})


def within(request: HttpRequest, found: QuerySet[M], field: str = "site") -> QuerySet[M]:
    """Return what whoever asks may see of it. field: by which the rows say where they belong; none belongs to all."""
    site = site_of(request)
    return found if site is None else found.filter(Q(**{field: site}) | Q(**{f"{field}__isnull": True}))
