"""What is said on the pages of whoever keeps the server."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, AddressField, ExactField, Form, LineField, TickField


class SetupForm(Form):
    """What was asked on the page Setting up."""

    do = ActionField("training", "condition", "condition_gone", "machine", "same", "hours", "backup")


class AnchorForm(Form):
    """Where on the page somebody was."""

    at = LineField("", 40)


class AccountForm(Form):
    """What an account is to be: its role, its workshop, whom it belongs to."""

    role = LineField()
    site = ExactField()
    member = ExactField("", 300)
    closed = TickField()


class InviteForm(AccountForm):
    """A new account, and where its link is sent."""

    username = LineField(N_("Name"), 150)
    email = AddressField()


class AccountActionForm(Form):
    """What is to be done with an account; email: where a link is sent, phone: whether the second factor is lost too."""

    do = ActionField("save", "link", "take_back", "remove", "unlink")
    email = AddressField()
    phone = TickField()
