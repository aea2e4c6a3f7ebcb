"""When the members of a category may start: read as people write hours, and set on the page Setting up."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from common.texts import N_, _
from protocol.rows import Hours
from server.core import small
from server.core.forms import FormError
from server.core.rendering import say
from server.core.sorting import sorted_texts
from server.edits import editing
from server.edits.authors import Author
from server.people.forms import HoursForm
from server.people.models import Category, Member

DAYS: Final = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
DAY: Final = 1_440  # minutes
_SPAN: Final = re.compile(r"(\d{1,2})[:hH](\d{2})?\s*[-–]\s*(\d{1,2})[:hH](\d{2})?")


def categories() -> list[tuple[str, list[str], bool]]:
    """Return each category's hours as text, a day a line; "" is everybody else."""
    known = {each.name: each.open for each in small.rows(Category)}
    names = set(Member.objects.exclude(category="").values_list("category", flat=True).distinct()) | set(known)
    return [(name, _days(known.get(name)), known.get(name) is not None) for name in sorted_texts(names | {""})]


def _days(spans: list[list[int]] | None) -> list[str]:
    found: list[list[str]] = [[] for _day in DAYS]
    for begin, end in spans or []:
        day = begin // DAY
        first, last = begin - day * DAY, end - day * DAY
        found[day].append(f"{first // 60:02d}:{first % 60:02d}-{last // 60:02d}:{last % 60:02d}")
    return [", ".join(each) for each in found]


def save_hours(request: HttpRequest) -> None:
    """Set when a category may start."""
    said = HoursForm.read(request)
    category = said["category"]
    who = Author.of(request)
    Category.objects.get_or_create(name=category)
    if said["always"]:
        edit = editing.carry_out(who, "hours", drop=[f"hours/{category}"])
    else:
        spans = tuple(span for day in range(7) for span in read_spans(said[f"day{day}"], day))
        edit = editing.carry_out(who, "hours", [Hours(category, spans)])
    say(request, _("saved"), undo=edit.pk if edit else None)


def read_spans(said: str, day: int) -> list[tuple[int, int]]:
    """Read the hours of a day, as "9:00-12:00, 14h-18h30". Raises FormError."""
    found = []
    for part in re.split(r"[,;]", said[:200]):
        if not part.strip():
            continue
        match = _SPAN.fullmatch(part.strip())
        begin = int(match[1]) * 60 + int(match[2] or 0) if match else -1
        end = int(match[3]) * 60 + int(match[4] or 0) if match else -1
        if not 0 <= begin < end <= DAY or (match and (int(match[2] or 0) > 59 or int(match[4] or 0) > 59)):  # noqa: PLR2004
            raise FormError(
                N_('{day}: "{said}" are no hours; write 9:00-12:00, 14:00-18:30'), day=_(DAYS[day]), said=part.strip()
            )
        found.append((day * DAY + begin, day * DAY + end))
    return found
