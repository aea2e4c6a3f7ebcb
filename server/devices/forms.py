"""What is said of machines and controllers."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import Form, LineField, TickedField, TickField


class LockForm(Form):
    """Why a machine is locked, and whether what runs is cut."""

    why = LineField(N_("Why"))
    now = TickField()


class EndForm(Form):
    """Which session is to end."""

    session = LineField(most=64)


class CodeForm(Form):
    """What a controller is to be called that a code takes in, and where it stands."""

    name = LineField(N_("Name"))
    site = LineField(N_("Workshop"), 64)


class ProposalsForm(Form):
    """Which proposals are meant: those that were ticked, or all."""

    key = TickedField()
    all = TickField()
