"""What the workshop knows of people, for how long, and whom to ask: for members, without an account."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from common.texts import N_, NP_, _, sentence
from server.core import configuration
from server.core.rendering import page

FOR_GOOD: Final = N_("for good")
DAYS: Final = NP_("{count} day", "{count} days")
YEARS: Final = NP_("{count} year", "{count} years")
YEAR: Final = 365


def privacy(request: HttpRequest) -> HttpResponse:
    """Say what is kept, by the periods that this server was given."""
    kept = configuration.in_force()
    context: dict[str, Any] = {
        "workshop": kept.server.name,
        "contact": kept.server.contact,
        "passages": _period(kept.passages),
        "usage": _period(kept.usage),
        "traces": _period(kept.traces),
    }
    return page(request, "operations/privacy.html", **context)


def _period(days: int | None) -> str:
    if days is None:
        return _(FOR_GOOD)
    return sentence(DAYS, count=days) if days % YEAR else sentence(YEARS, count=days // YEAR)
