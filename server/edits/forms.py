"""What is asked of the history."""

from __future__ import annotations

from server.core.forms import Form, NumberField


class PastForm(Form):
    """Edits before this number; empty for the latest."""

    before = NumberField("", 1, 999_999_999)
