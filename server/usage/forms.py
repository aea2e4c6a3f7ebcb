"""What is said better of a session."""

from __future__ import annotations

from typing import Any, Final

from common.texts import N_
from protocol.entries import Purpose
from server.core.forms import Form, LineField, NumberField, RefusalError

MOST_MINUTES: Final = 44_640  # a month


class PurposeField(LineField):
    """A purpose; empty where it stays as it is."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value)
        if said and said not in set(Purpose):
            raise RefusalError(N_("{said} is no purpose"), said=said)
        return said


class CorrectionForm(Form):
    """A correction. seen: how many there were when whoever corrects looked."""

    minutes = NumberField(N_("Minutes powered"), 0, MOST_MINUTES)
    purpose = PurposeField()
    people = NumberField(N_("People"), 0, 10_000)
    organisation = LineField(N_("Organisation"), 80)
    note = LineField(N_("Why"))
    seen = NumberField("", 0, 100_000)

    def clean(self) -> dict[str, Any]:
        """Ask why. Raises RefusalError."""
        if not self.cleaned_data.get("note"):
            raise RefusalError(N_("say why: it is kept with the correction"))
        return self.cleaned_data
