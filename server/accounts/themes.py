"""Light or dark: what somebody chose in this browser; "auto": as their system has it."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from server.accounts.forms import NextForm, ThemeForm
from server.core import forms

COOKIE: Final = "loquet_theme"
THEMES: Final = ("auto", "light", "dark")


def chosen(request: HttpRequest) -> str:
    """Return the theme that somebody chose."""
    said = request.COOKIES.get(COOKIE, "")
    return said if said in THEMES else "auto"


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the theme of this browser."""
    response = HttpResponseRedirect(forms.inside(NextForm.read(request)["next"], "/"))
    wanted = ThemeForm.read(request)["theme"]
    if wanted in THEMES:
        response.set_cookie(COOKIE, wanted, max_age=365 * 86_400, secure=True, httponly=True, samesite="Lax")
    return response
