"""What a member says of their own."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, AddressField, ExactField, Form, LineField


class AskForm(Form):
    """For which machine somebody asks."""

    machine = ExactField()


class BadgeForm(Form):
    """What becomes of a badge: lost, exchanged for the one that is laid on a reader now; or a PIN."""

    do = ActionField("lost", "begin", "take", "leave", "pin")
    hash = LineField("", 64)


class LetterForm(Form):
    """Where a link to come in by is to go."""

    email = AddressField(N_("E-mail"))


class InviteForm(Form):
    """Which member is invited to pages of their own, and whether the link goes by mail."""

    member = ExactField("", 64)
    email = AddressField(N_("E-mail"))
