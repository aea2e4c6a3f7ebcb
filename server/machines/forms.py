"""What is said of machines on their pages."""

from __future__ import annotations

from typing import Final

from common.texts import N_
from server.core.forms import ActionField, ExactField, Form, LineField, NumberField, TickField

LONGEST_NOTE: Final = 300


class ActForm(Form):
    """What is asked of a machine."""

    do = ActionField("lock", "unlock", "end")
    machine = ExactField()


class LockForm(Form):
    """Why a machine is locked, in words or by a reason that is ticked; and whether what runs is cut."""

    REASONS: Final = {
        "upkeep": N_("maintenance"),
        "fault": N_("out of order"),
        "booked": N_("kept for somebody"),
    }
    reason = LineField()
    why = LineField(N_("Why"))
    now = TickField()


class EndForm(Form):
    """Which session is to end."""

    session = ExactField()


class MachineForm(Form):
    """What is asked of a machine's page: of a defect, of what has to be done to it, of its drawing, who is told."""

    do = ActionField("report", "mended", "all", "task", "done", "drop", "drawing", "listen", "leave")
    defect = NumberField("", 0, 2**62)
    task = NumberField("", 0, 2**62)
    note = LineField("", LONGEST_NOTE)
    drawing = LineField("", 20)


class TaskForm(Form):
    """What has to be done to a machine, and how often."""

    what = LineField(N_("What has to be done"), 200)
    hours = NumberField(N_("Hours of use"), 1, 100_000)
    days = NumberField(N_("Days"), 1, 3_660)
