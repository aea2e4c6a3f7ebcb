"""What is said of machines and controllers."""

from __future__ import annotations

from typing import Any

from common.texts import N_
from server.core.forms import ActionField, ExactField, Form, LineField, TickedField, TickField


class CodeForm(Form):
    """What is asked: a code, or something of a controller. Of a code: name, place, whose place it takes (device)."""

    do = ActionField("code", "retire", "trust", "take_back")
    device = ExactField()
    name = LineField(N_("Name"))
    site = ExactField(N_("Workshop"))


class ProposalsForm(Form):
    """Which proposals are meant: those that were ticked, or all; which trainings of theirs are which of ours."""

    do = ActionField("take", "decline")
    device = ExactField()
    key = TickedField()
    all = TickField()
    same = TickedField()

    def clean(self) -> dict[str, Any]:
        """Take each "theirs/ours" for a training that is here under another id."""
        said = self.cleaned_data
        pairs = (each.split("/") for each in said.get("same") or [] if each.count("/") == 1)
        said["same"] = {theirs: ours for theirs, ours in pairs if ours}
        return said
