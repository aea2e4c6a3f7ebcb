"""What is said of accounts."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import Form, LineField, TickField


class AccountForm(Form):
    """An account as an administrator makes or changes one."""

    username = LineField(N_("Name"), 150)
    role = LineField()
    closed = TickField()
    password = TickField()


class FirstAccountForm(Form):
    """The account of whoever started the server; its password is Django's to judge."""

    username = LineField(N_("Name"), 150)
