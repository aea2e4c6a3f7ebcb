"""What is said of members and badges."""

from __future__ import annotations

from typing import Any, Final

from common.texts import LANGUAGES, N_
from protocol.rows import BadgeKind
from server.core import clock
from server.core.forms import (
    ActionField,
    AddressField,
    DayField,
    ExactField,
    Form,
    IdField,
    LineField,
    NumberField,
    RefusalError,
    TickField,
)

FIRST_BIRTH: Final = 1900


class PayerField(ExactField):
    """Who pays, by name or id; empty where nobody else does."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it."""
        said = super().clean(value)
        return said if said.strip() else ""


class MemberForm(Form):
    """A member as people enter one."""

    name = LineField(N_("Name"))
    category = LineField(N_("Category"))
    payer = PayerField(N_("Who pays"), 300)
    until = DayField(N_("Membership until"))


class MemberActionForm(Form):
    """What is asked of a member's page."""

    do = ActionField("save", "particulars", "pin", "exclude", "welcome", "forget")


class NewMemberForm(MemberForm):
    """A member who is new: with a number of the workshop's own, or none."""

    id = IdField(N_("Number or id"))


class LanguageField(LineField):
    """A language in which we write; empty for the server's own."""

    def clean(self, value: Any) -> str:  # noqa: ANN401 - Django's
        """Read it. Raises RefusalError."""
        said = super().clean(value)
        if said not in {"", *LANGUAGES}:
            raise RefusalError(N_('"{said}" is no language that this server writes'), said=said[:20])
        return said


class ParticularsForm(Form):
    """What the server alone knows of a member; each may be left empty."""

    birth_year = NumberField(N_("Year of birth"), FIRST_BIRTH, 2_200)
    commune = LineField(N_("Commune"))
    guardian = DayField(N_("A guardian agreed on"))
    rules = DayField(N_("House rules signed on"))
    insurance = DayField(N_("Insured until"))
    photos = DayField(N_("Agreed to pictures on"))
    letters = DayField(N_("Agreed to letters on"))
    email = AddressField(N_("E-mail"))
    language = LanguageField(N_("Language of letters"))

    def clean(self) -> dict[str, Any]:
        """Refuse who is not born yet. Raises RefusalError."""
        said = self.cleaned_data
        if (said.get("birth_year") or 0) > clock.today().year:
            raise RefusalError(N_("a year of birth lies not in the future"))
        return said


class PinForm(Form):
    """A PIN, typed twice; empty takes it away."""

    pin = LineField("", 20)
    again = LineField("", 20)


class OrganisationForm(Form):
    """An organisation: its id where it is known already."""

    do = ActionField("save", "remove")
    id = ExactField()
    name = LineField(N_("Name"))


class ExclusionForm(Form):
    """Whether what runs is to end now."""

    now = TickField()


class ForgettingForm(Form):
    """The member's id, typed once more."""

    sure = ExactField()


class PairForm(Form):
    """Two members as people write them; the first one would be kept."""

    one = ExactField("", 300)
    other = ExactField("", 300)


class MergeForm(Form):
    """Who is kept and who goes, by id; and whose name, category and end of membership: ids, "" for what is usual."""

    kept = ExactField("", 64)
    gone = ExactField("", 64)
    name = ExactField("", 64)
    category = ExactField("", 64)
    until = ExactField("", 64)


class SeparateForm(Form):
    """Who is to be somebody of their own again."""

    gone = ExactField("", 64)


class DuplicatesForm(Form):
    """Two who are not one person, by id; or by number what was said so, to be asked again."""

    do = ActionField("different", "again")
    one = ExactField("", 64)
    other = ExactField("", 64)
    number = NumberField("", 0, 999_999_999)


class BadgeForm(Form):
    """A badge, by its hash or by its number; what is asked of it, and whose it is to be."""

    do = ActionField("give", "spare", "lend", "return", "block", "unblock", "remove", "label")
    member = ExactField("", 300)
    hash = LineField("", 64)
    kind = LineField()
    uid = LineField(N_("Number, as `loquet read` shows it"), 60)
    technology = LineField()
    until = DayField(N_("Until"))
    label = LineField(N_("What it looks like"), 60)

    def clean(self) -> dict[str, Any]:
        """Take what is no kind for a member's own."""
        said = self.cleaned_data
        known = {each.value for each in BadgeKind}
        said["kind"] = BadgeKind(said["kind"]) if said.get("kind") in known else BadgeKind.MEMBER
        return said


class HoursForm(Form):
    """Whose hours are set; each day is read as people write hours (`hours.read_spans`), empty where it is closed."""

    category = LineField()
    always = TickField()
    day0 = day1 = day2 = day3 = day4 = day5 = day6 = LineField()
