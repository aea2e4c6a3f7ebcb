"""The page of components: what pages are made of, each once, as it is now; for whoever looks after the pages."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from server.accounts.guards import allowed
from server.accounts.models import Role
from server.core import charts, symbols
from server.core.charts import Piece
from server.core.rendering import page

HOUR: Final = 3_600_000
DAYS: Final = 12  # of the chart
COLOURS: Final = (
    "paper", "card", "sunk", "line", "edge", "ink", "soft", "accent", "accent-soft", "free-fill", "use-fill",
    "lock-fill", "fault-fill", "off-fill",
)  # fmt: skip
STATES: Final = ("free", "use", "locked", "fault", "offline")


@allowed(Role.ADMINISTRATOR)
def design(request: HttpRequest) -> HttpResponse:
    """Show each component once."""
    pieces = [
        Piece("use", 0.08, 0.18, "use"), Piece("locked", 0.25, 0.42, "locked"), Piece("fault", 0.5, 0.62, "fault"),
        Piece("offline", 0.7, 0.83, "offline"), Piece("use", 0.88, 0.94, "use"), Piece("maybe", 0.94, 1, "maybe"),
    ]  # fmt: skip
    bars = [
        charts.hours(str(day), (day * 37 % 11) * HOUR, before=day * 17 % 9, is_now=day == DAYS)
        for day in range(1, DAYS + 1)
    ]
    context: dict[str, Any] = {
        "colours": COLOURS,
        "states": STATES,
        "strip": charts.strip("a strip", pieces, now=0.94),
        "chart": charts.bars("a chart", bars),
        "icons": symbols.ICONS,
        "machine_drawings": symbols.DRAWINGS,
    }
    return page(request, "operations/design.html", **context)
