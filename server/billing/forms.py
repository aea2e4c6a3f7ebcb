"""What is said of prices, plans, payments and months."""

from __future__ import annotations

import re
from typing import Any, Final

from common.texts import N_
from protocol.rows import Meter
from protocol.rows.price import MOST_CENTS
from server.core.forms import (
    ActionField,
    DayField,
    ExactField,
    Form,
    IdField,
    LineField,
    NumberField,
    RefusalError,
    TickedField,
    TickField,
)

_AMOUNT: Final = re.compile(r"(\d{1,6})(?:[.,](\d{1,2}))?")
MINUTES_OF_A_MONTH: Final = 44_640


class AmountField(LineField):
    """An amount, as people write it: 12, 12,50 or 12.50 €; in cents, None where nothing was said."""

    def clean(self, value: Any) -> int | None:  # type: ignore[override]  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value).replace("€", "").replace("EUR", "").replace(" ", "").replace("\u202f", "")
        if not said:
            return None
        match = _AMOUNT.fullmatch(said)
        cents = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")) if match else MOST_CENTS + 1
        if cents > MOST_CENTS:
            wrong = N_("{field}: {said} is not an amount; write 12 or 12,50")
            raise RefusalError(wrong, field=self.called("amount"), said=said[:20])
        return cents


class PriceForm(Form):
    """A price."""

    do = ActionField("save", "drop")
    key = ExactField(most=400)
    per = ActionField(*(meter.value for meter in Meter))
    machine = ExactField()
    category = LineField(N_("Category"))
    plan = ExactField()
    since = DayField(N_("From"))
    amount = AmountField(N_("Price"))
    off = NumberField(N_("Reduction"), 0, 100)
    step = NumberField(N_("Step"), 1, 1_440)
    least = AmountField(N_("At least"))
    most = AmountField(N_("At most"))
    vat = NumberField(N_("VAT"), 0, 100)
    net = TickField()
    account = LineField(N_("Account code"), 20)


class DropForm(Form):
    """Which price is to go."""

    key = ExactField(most=400)


class PlanForm(Form):
    """A plan."""

    id = IdField(N_("Id"))
    name = LineField(N_("Name"))
    fee = AmountField(N_("Fee"))
    yearly = TickField()
    pro_rata = TickField()
    included = NumberField(N_("Included minutes"), 0, MINUTES_OF_A_MONTH)
    machines = TickedField()
    ahead = NumberField(N_("Days ahead"), 0, 366)
    owed = NumberField(N_("Hours owed"), 0, 744)


class SubscribeForm(Form):
    """Who has a plan."""

    do = ActionField("subscribe", "end")
    member = ExactField()
    plan = ExactField()
    since = DayField(N_("From"))
    until = DayField(N_("Until"))


class EntryForm(Form):
    """What a person enters on an account."""

    do = ActionField("pay", "give", "pass", "address")
    amount = AmountField(N_("Amount"))
    receipt = LineField(N_("Receipt"), 60)
    day = DayField(N_("Day"))
    minutes = NumberField(N_("Minutes"), 1, MINUTES_OF_A_MONTH)
    why = LineField(N_("Why"))
    to = ExactField(most=300)
    name = LineField(N_("Name"))
    reference = LineField(N_("Order reference"), 100)


class CloseForm(Form):
    """The month that is to be closed."""

    month = LineField(N_("Month"), 7)
    anyway = TickField()
    last_number = LineField(N_("Last number"), 30)


class ShareForm(Form):
    """A part of a machine."""

    do = ActionField("share", "pay_out")
    machine = ExactField()
    holder = ExactField(most=300)
    weight = NumberField(N_("Weight"), 0, 1_000_000)
    since = DayField(N_("From"))
    rest = TickField()
