"""Whose pages these are: the member that an account is."""

from __future__ import annotations

from django.http import HttpRequest

from server.accounts.models import Account
from server.people.models import Member


def of(request: HttpRequest) -> Member | None:
    """Return the member of whoever asks; None where their account is no member's."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - pages are guarded
    return Member.objects.filter(pk=account.member).first() if account.member else None
