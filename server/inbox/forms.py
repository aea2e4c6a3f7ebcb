"""What is said of notices."""

from __future__ import annotations

from server.core.forms import Form, NumbersField


class DoneForm(Form):
    """Which notices are done with."""

    notice = NumbersField()
