"""What is said of machines and controllers."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import ActionField, Form, LineField, TickedField, TickField


class WorkshopForm(Form):
    """What is asked of a machine."""

    do = ActionField("lock", "unlock", "end")
    machine = LineField()


class LockForm(Form):
    """Why a machine is locked, and whether what runs is cut."""

    why = LineField(N_("Why"))
    now = TickField()


class EndForm(Form):
    """Which session is to end."""

    session = LineField(most=64)


class CodeForm(Form):
    """What is asked: a code, or something of a controller. Of a code: name, place, whose place it takes (device)."""

    do = ActionField("code", "retire", "trust", "take_back")
    device = LineField("", 64)
    name = LineField(N_("Name"))
    site = LineField(N_("Workshop"), 64)


class ProposalsForm(Form):
    """Which proposals are meant: those that were ticked, or all."""

    do = ActionField("take", "decline")
    device = LineField("", 64)
    key = TickedField()
    all = TickField()
