"""What is said of a site."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from common.texts import N_
from common.zones import zone_of
from server.core.forms import DayField, Form, LineField, NumberField, RefusalError, TickField

MOST: Final = 400


class ZoneField(LineField):
    """A time zone; empty for what each controller's settings say."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value)
        if said and zone_of(said) is None:
            raise RefusalError(N_('"{said}" is not a time zone; one is "Europe/Paris"'), said=said[:64])
        return said


class CurrencyField(LineField):
    """A currency, by its three letters (ISO 4217)."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value).upper() or "EUR"
        if re.fullmatch(r"[A-Z]{3}", said) is None:
            raise RefusalError(N_('"{said}" is not a currency; write its three letters, as EUR'), said=said[:20])
        return said


class DaysField(LineField):
    """Days, with spaces, commas or lines between."""

    def __init__(self, label: str) -> None:
        super().__init__(label, 20_000)

    def clean(self, value: Any) -> tuple[date, ...]:  # type: ignore[override]  # noqa: ANN401 - Django's
        """Read them, in order. Raises RefusalError."""
        day = DayField(str(self.label))
        said = [day.clean(each) for each in re.split(r"[\s,;]+", super().clean(value)) if each]
        found = tuple(sorted({each for each in said if each is not None}))
        if len(found) > MOST:
            raise RefusalError(N_("{field}: {most} days at the most"), field=self.called("days"), most=MOST)
        return found


class NewSiteForm(Form):
    """A site that is new."""

    name = LineField(N_("Name"))


class ServersForm(Form):
    """What the server alone knows of a site: how many one controller may exclude in an hour, who sees the status."""

    exclusions = NumberField(N_("Exclusions in an hour"), 0, 1_000)
    status = TickField()


class SiteForm(Form):
    """A site."""

    name = LineField(N_("Name"))
    zone = ZoneField(N_("Time zone"))
    currency = CurrencyField(N_("Currency"))
    holidays = DaysField(N_("Closed on these days"))
