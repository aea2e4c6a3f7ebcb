"""What is said of trainings, machines and certifications."""

from __future__ import annotations

from typing import Any

from common.texts import N_
from protocol.rows import Level
from server.core.forms import (
    ActionField,
    DayField,
    ExactField,
    Form,
    LineField,
    NumberField,
    RefusalError,
    TickedField,
    TickField,
)

LONGEST: int = 10_080  # minutes: a week


class LevelField(LineField):
    """A level; a user's where nothing was said."""

    def clean(self, value: Any) -> Level:  # type: ignore[override]  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value) or "user"
        try:
            return Level[said.upper()]
        except KeyError as error:
            raise RefusalError(N_("{said} is no level"), said=said) from error


class CellForm(Form):
    """What is asked of a cell."""

    do = ActionField("grant", "extend", "revoke", "revoke_now")


class CertificationForm(Form):
    """What is given to one member."""

    level = LevelField()
    since = DayField(N_("From"))
    until = DayField(N_("Until"))

    def clean(self) -> dict[str, Any]:
        """Refuse what would end before it begins. Raises RefusalError."""
        said = self.cleaned_data
        since, until = said.get("since"), said.get("until")
        if since and until and since > until:
            raise RefusalError(N_("it would end before it begins"))
        return said


class ClassForm(Form):
    """What is given to everybody who was ticked."""

    training = ExactField()
    member = TickedField()
    level = LevelField()
    until = DayField(N_("Until"))


class TrainingForm(Form):
    """A training: its id where it is known already."""

    id = ExactField()
    name = LineField(N_("Name"))
    retired = TickField()


class SameForm(Form):
    """Two trainings or machines that are one, by id: the one that is kept, and the one that goes into it."""

    what = ActionField("training", "machine")
    gone = ExactField("", 64)
    kept = ExactField("", 64)


class ConditionForm(Form):
    """A condition; years and communes are for those that ask for them."""

    what = ActionField("age", "guardian", "rules", "insurance", "commune", "photos", "letters")
    years = NumberField(N_("Years of age"), 1, 120)
    communes = LineField(N_("Communes"))


class ConditionGoneForm(Form):
    """Which condition is to go."""

    condition = ExactField()


class MachineForm(Form):
    """What a machine asks for, and what it is called."""

    id = ExactField()
    name = LineField(N_("Name"))
    requires = TickedField()
    nothing = TickField()
    longest = NumberField(N_("Longest session, in minutes"), 1, LONGEST)
    supervised = TickField()
    buddy = TickField()
    retired = TickField()

    def clean(self) -> dict[str, Any]:
        """Refuse what says nothing of what it asks for, or both. Raises RefusalError."""
        said = self.cleaned_data
        if bool(said.get("requires")) is bool(said.get("nothing")):
            raise RefusalError(N_("tick the trainings that the machine asks for, or that it asks for none"))
        return said
