"""What is asked on the page of letters."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, AddressField, Form, NumberField


class LetterForm(Form):
    """A letter that is to be tried again, or an address to try."""

    do = ActionField("again", "test")
    letter = NumberField("", 1, 999_999_999)
    to = AddressField(N_("Address"))
