"""What columns may mean, as the page says it, and how a template heads them."""

from __future__ import annotations

from typing import Final

import msgspec

from common.texts import N_
from protocol.sheets.columns import Meaning


class Label(msgspec.Struct, frozen=True):
    """A meaning in words. heading: of such a column in a template, "" for what most sheets need not have."""

    meaning: Meaning
    text: str
    heading: str


LABELS: Final = (
    Label(Meaning.MEMBER, N_("Number or id of the member"), N_("Number or id")),
    Label(Meaning.NAME, N_("Name, or last name"), N_("Name")),
    Label(Meaning.FIRST_NAME, N_("First name"), N_("First name")),
    Label(Meaning.BADGE, N_("Badge: its number, as a reader shows it"), N_("Badge")),
    Label(Meaning.TECHNOLOGY, N_("The badge's technology"), ""),
    Label(Meaning.CATEGORY, N_("Category"), N_("Category")),
    Label(Meaning.PAYER, N_("Who pays"), N_("Who pays")),
    Label(Meaning.MEMBERSHIP_UNTIL, N_("Last day of the membership"), N_("Membership until")),
    Label(Meaning.TRAININGS, N_("Trainings, several with commas"), N_("Trainings")),
    Label(Meaning.TICK, N_("A tick for the training that the heading names"), ""),
    Label(Meaning.LEVEL, N_("Level of the trainings: user, trainer, maintainer"), N_("Level")),
    Label(Meaning.CERTIFIED_UNTIL, N_("Last day of the trainings"), N_("Certified until")),
    Label(Meaning.EMAIL, N_("E-mail"), N_("E-mail")),
    Label(Meaning.BIRTH, N_("Day or year of birth"), N_("Year of birth")),
    Label(Meaning.COMMUNE, N_("Commune"), N_("Commune")),
    Label(Meaning.EXCLUDED, N_("Who is excluded: lines that say yes are left out"), ""),
    Label(Meaning.STATE, N_("Whether the line counts: one that says “cancelled” is left out"), ""),
)
