"""What is asked on the page of letters."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from common.texts import N_
from server.core.forms import ActionField, Form, LineField, NumberField, RefusalError


class AddressField(LineField):
    """An address; empty where none was said."""

    def __init__(self, label: str = "") -> None:
        super().__init__(label, 254)

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value)
        try:
            if said:
                validate_email(said)
        except ValidationError as error:
            raise RefusalError(N_('"{said}" is no address; one is name@example.org'), said=said[:80]) from error
        return said


class LetterForm(Form):
    """A letter that is to be tried again, or an address to try."""

    do = ActionField("again", "test")
    letter = NumberField("", 1, 999_999_999)
    to = AddressField(N_("Address"))
