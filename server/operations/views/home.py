"""Where everybody begins."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from server.accounts.models import Account, Role


def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to the page that they need."""
    account = request.user
    if not isinstance(account, Account):
        return HttpResponseRedirect("/login")
    return HttpResponseRedirect("/today" if account.may(Role.TRAINER) else "/me")
