"""What is said of reminders."""

from __future__ import annotations

import re
from typing import Any, Final

from common.texts import N_
from server.core.forms import ActionField, Form, LineField, NumberField, RefusalError, TickField
from server.reminders.models import SPANS, Often

MOST_DAYS: Final = 365
MOST_SPANS: Final = 5
DIGITS: Final = 3


class SpansField(LineField):
    """Numbers of days, with commas or spaces between; where nothing is said, the usual ones."""

    def clean(self, value: Any) -> list[int]:  # type: ignore[override]  # noqa: ANN401 - Django's
        """Read them, the most first. Raises RefusalError."""
        words = [each for each in re.split(r"[\s,;]+", super().clean(value)) if each]
        fit = all(re.fullmatch(rf"[0-9]{{1,{DIGITS}}}", each) and 1 <= int(each) <= MOST_DAYS for each in words)
        found = sorted({int(each) for each in words}, reverse=True) if fit else []
        if not fit or len(found) > MOST_SPANS:
            wrong = N_("{field}: {most} numbers from 1 to {days} at the most, as 30, 7")
            raise RefusalError(wrong, field=self.called("days"), most=MOST_SPANS, days=MOST_DAYS)
        return found or list(SPANS)


class PlanForm(Form):
    """What a workshop wants to be sent."""

    is_on = TickField()
    spans = SpansField(N_("Days before the end"))
    to_members = TickField()
    digest = ActionField(*Often.values)
    weekday = NumberField(N_("Day of the week"), 0, 6)
