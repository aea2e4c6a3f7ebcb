"""What is said of a sheet that is read by itself."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, Form, LineField, NumberField, TickField


class SourceForm(Form):
    """A source: where it lies, and what is asked of it."""

    do = ActionField("add", "look", "remove")
    source = NumberField("", 1, 999_999_999)
    place = LineField(N_("File or address"), 500)
    whole = TickField()
