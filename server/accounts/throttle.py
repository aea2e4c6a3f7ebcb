"""Names that are tried one after another from one address: past so many, it waits, whatever the names are.

Five wrong words for one name rest by themselves (django-axes). Whoever has logged in with this browser before is not
kept out by what others try from behind the same address.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from axes.helpers import get_client_ip_address
from axes.models import AccessAttempt
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from server.accounts.models import Account

MOST: Final = 10  # names with wrong words of one address
REST: Final = timedelta(minutes=15)
COOKIE: Final = "been_here"
YEAR_S: Final = 365 * 86_400


def is_full(request: HttpRequest, username: str) -> bool:
    """Return whether too many names were tried from where this request comes."""
    if request.get_signed_cookie(COOKIE, default="", max_age=YEAR_S) == username:
        return False
    since = timezone.now() - REST  # by the clock that axes looks at
    tried = AccessAttempt.objects.filter(ip_address=get_client_ip_address(request), attempt_time__gte=since)
    return bool(tried.values("username").distinct().count() >= MOST)


def remember(response: HttpResponse, account: Account) -> None:
    """Have this browser be known as one with which an account has logged in."""
    response.set_signed_cookie(
        COOKIE, account.username, max_age=YEAR_S, secure=True, httponly=True, samesite="Strict", path="/login"
    )
