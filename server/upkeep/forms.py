"""What is said of a machine."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import Form, LineField

LONGEST_NOTE = 300


class ReportForm(Form):
    """A defect, by somebody who may say who they are."""

    note = LineField(N_("What is wrong"), LONGEST_NOTE)
    name = LineField(N_("Your name, if you like"), 80)
