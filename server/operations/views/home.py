"""Where everybody begins."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from server.accounts.models import Account, Role
from server.people.models import Member


def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to the page that they need."""
    account = request.user
    if not isinstance(account, Account):
        return HttpResponseRedirect("/login")
    if account.may(Role.FABMANAGER):
        return HttpResponseRedirect("/whitelist" if Member.objects.exists() else "/setup")
    return HttpResponseRedirect("/whitelist" if account.may(Role.TRAINER) else "/me")
