"""What is said on the page Setup."""

from __future__ import annotations

from server.core.forms import ActionField, ExactField, Form, LineField


class SetupForm(Form):
    """What was asked, and which member an account is to belong to, and which workshop it is for."""

    do = ActionField("training", "condition", "condition_gone", "machine", "same", "hours", "account", "backup")
    member = ExactField("", 300)
    site = ExactField()


class AnchorForm(Form):
    """Where on the page somebody was."""

    at = LineField("", 40)
