"""What is said of members and badges."""

from __future__ import annotations

from typing import Any

from common.texts import N_
from protocol.rows import BadgeKind
from server.core.forms import DayField, Form, IdField, LineField, TickField


class MemberForm(Form):
    """A member as people enter one."""

    name = LineField(N_("Name"))
    category = LineField(N_("Category"))
    payer = LineField(N_("Who pays"))
    until = DayField(N_("Membership until"))


class NewMemberForm(MemberForm):
    """A member who is new: with a number of the workshop's own, or none."""

    id = IdField(N_("Number or id"))


class ExclusionForm(Form):
    """Whether what runs is to end now."""

    now = TickField()


class ForgettingForm(Form):
    """The member's id, typed once more."""

    sure = LineField()


class BadgeForm(Form):
    """A badge that is given to somebody: by its hash, or by its number."""

    kind = LineField()
    uid = LineField(N_("Number, as `loquet read` shows it"), 60)
    technology = LineField()
    until = DayField(N_("Until"))

    def clean(self) -> dict[str, Any]:
        """Take what is no kind for a member's own."""
        said = self.cleaned_data
        known = {each.value for each in BadgeKind}
        said["kind"] = BadgeKind(said["kind"]) if said.get("kind") in known else BadgeKind.MEMBER
        return said


class HoursForm(Form):
    """Whose hours are set; the days themselves are read as people write hours (`hours.read_spans`)."""

    category = LineField()
