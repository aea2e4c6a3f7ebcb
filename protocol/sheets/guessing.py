"""What the columns of a sheet seem to mean: by their headings, by the program that made it, by what stands there.

Of programs: Fab-manager's two exports of members, HelloAsso's of memberships, Paheko, Galette, Dolibarr.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import Final

import msgspec

from common.folding import fold
from protocol.badge import UidError, parse_uid, reads_as_a_number
from protocol.sheets.cells import is_a_day, is_a_tick
from protocol.sheets.columns import KNOWN, Columns, Meaning, bare, heading
from protocol.sheets.tables import Table

_ANSWERS: Final = frozenset({"oui", "non", "yes", "no", "vrai", "faux", "true", "false"})
SOME: Final = 1_000  # cells of a column that are looked at
# What may be a badge's number, or anything else: what stands in the column says it.
_BADGES: Final = re.compile(r"\b(badges?|rfid|nfc|uid|cartes?|cards?|puces?|tag|identification externe|external id)\b")
_NAMES_TOO: Final = re.compile(r"\b(payeur|payer|acheteur|parent\w*|responsable|tuteur|contact|societe|structure)\b")
_ENDS: Final = re.compile(r"\b(fin|echeance|expir\w*|jusqu|until|ends?|valable|validite|limite)\b")
_OF_MEMBERSHIP: Final = re.compile(
    r"\b(adhesion|membership|abonnement|subscription|cotisation|adherent|membre|member|licence)\b"
)
# What else ends: that is no membership's last day.
_OF_OTHERS: Final = re.compile(
    r"\b(formations?|trainings?|habilitations?|certifi\w*|assurances?|insurance|contrat|contract|licence|commande|order|"
    r"essai|trial|inscription|bail|location|pret|visite|medical\w*|caces|permis)\b"
)


class _System(msgspec.Struct, frozen=True):
    """An export of a program: by which headings it is known, what some of them mean, which say nothing to us."""

    name: str
    known_by: frozenset[str]
    means: dict[str, Meaning] = {}
    unread: frozenset[str] = frozenset()


SYSTEMS: Final = (
    _System(
        "HelloAsso",
        frozenset({"nom adherent", "prenom adherent", "nom payeur"}),
        {"tarif": Meaning.CATEGORY, "statut de la commande": Meaning.STATE},
        frozenset({"carte d adherent", "numero", "reference commande", "nom", "prenom", "statut"}),
    ),
    _System(
        "HelloAsso",  # as it was: the number is the order's, another one each year
        frozenset({"formule", "nom acheteur", "prenom acheteur"}),
        {"formule": Meaning.CATEGORY, "statut": Meaning.STATE},
        frozenset({"numero", "reference", "email"}),
    ),
    _System("Fab-manager", frozenset({"id", "first name", "last name", "external id", "trainings"})),
    _System("Fab-manager", frozenset({"id", "prenom", "formations validees"})),
    _System("Fab-manager", frozenset({"id", "first name", "validated trainings"})),
    _System("Galette", frozenset({"id adh", "nom adh"}), {}, frozenset({"num adh", "id statut"})),
    _System(
        "Galette",
        frozenset({"id de l adherent", "nom", "date d echeance"}),
        {"compte": Meaning.STATE},
        frozenset({"numero adherent", "statut"}),
    ),
    _System(
        "Galette",
        frozenset({"id adherent", "nom", "date d echeance"}),
        {"compte": Meaning.STATE},
        frozenset({"numero adherent", "statut"}),
    ),
    _System(
        "Galette",
        frozenset({"member id", "name", "due date"}),
        {"account": Meaning.STATE},
        frozenset({"member number", "status"}),
    ),
    _System("Dolibarr", frozenset({"nature", "lastname"}), {}, frozenset({"ref", "login"})),
    _System("Dolibarr", frozenset({"nature", "nom", "prenom"}), {},
            frozenset({"ref", "ref adherent", "login", "identifiant"})),
    _System("Paheko", frozenset({"numero de membre", "nom", "date d inscription"}), {}, frozenset({"id", "numero"})),
)  # fmt: skip


class Guess(msgspec.Struct, frozen=True):
    """What columns seem to mean; system: the program that made the sheet, "" where it is none that we know."""

    columns: Columns
    system: str = ""


def guess(table: Table, trainings: Collection[str] = ()) -> Guess:
    """Guess what columns mean. Two may mean the same: that is for a person to settle (`columns.hold`).

    trainings: the words, folded, by which trainings are known: a column that is headed by one holds ticks.
    """
    names = [heading(each) for each in table.headings]
    bares = {bare(name) for name in names}
    system = next(
        (each for each in SYSTEMS if {bare(name) for name in each.known_by} <= bares), _System("", frozenset())
    )
    found: Columns = {}
    for index, name in enumerate(names):
        meaning = _means(name, system)
        if meaning is not None and not _says_otherwise(table, index, meaning, system):
            found[index] = meaning
    _look_into(table, names, system, found)
    for index, name in enumerate(table.headings):
        if index not in found and fold(name) in trainings and _mostly(table, index, is_a_tick):
            found[index] = Meaning.TICK
    return Guess(dict(sorted(found.items())), system.name)


def _means(name: str, system: _System) -> Meaning | None:
    if name in system.means:
        return system.means[name]
    if not name or bare(name) in {bare(each) for each in system.unread}:
        return None
    if bare(name) in KNOWN:
        return KNOWN[bare(name)]
    return Meaning.MEMBERSHIP_UNTIL if _ENDS.search(name) and _OF_MEMBERSHIP.search(name) else None


def _says_otherwise(table: Table, index: int, meaning: Meaning, system: _System) -> bool:
    """Return whether a heading is known, and what stands below it is something else."""
    if meaning not in {Meaning.MEMBER, Meaning.NAME}:
        return False
    if _mostly(table, index, lambda text: fold(text) in _ANSWERS):  # "Membre: oui"
        return True
    return not system.name and meaning is Meaning.MEMBER and _counts_lines(table, index)


def _counts_lines(table: Table, index: int) -> bool:
    """Return whether a column only says which line of the list each is: 1, 2, 3 ..."""
    if bare(heading(table.headings[index])) != "n":
        return False
    values = list(table.column(index))
    return len(values) > 1 and all(text == str(number) for text, number in zip(values, count(1), strict=False))


def _look_into(table: Table, names: list[str], system: _System, found: Columns) -> None:
    """Add what only the cells say."""
    ends = [each for each, name in enumerate(names) if _ENDS.search(name) and not _OF_OTHERS.search(name)]
    tried: tuple[tuple[Meaning, Iterable[int], Callable[[str], bool]], ...] = (
        (Meaning.BADGE, (each for each, name in enumerate(names) if _BADGES.search(name)), _is_a_badge),
        (Meaning.EMAIL, _about(names, "mail", "courriel"), lambda text: "@" in text),
        (Meaning.FIRST_NAME, _about(names, "prenom", "first name"), bool),
        (Meaning.MEMBERSHIP_UNTIL, ends, is_a_day),  # "Expire le": of what, if not of a membership
    )
    unread = {bare(each) for each in system.unread}
    for meaning, indices, fits in tried:
        for index in indices:
            is_free = index not in found and meaning not in found.values() and bare(names[index]) not in unread
            if is_free and _mostly(table, index, fits):
                found[index] = meaning
    if Meaning.TRAININGS not in found.values() and Meaning.MEMBERSHIP_UNTIL not in found.values():
        # "Valable jusqu'au" is of a training only beside one.
        found |= {index: Meaning.MEMBERSHIP_UNTIL for index in found if names[index] == "valable jusqu au"}


def _about(names: list[str], *words: str) -> list[int]:
    """Return the columns whose headings hold one of these words, and are of the member and nobody else."""
    return [
        index for index, name in enumerate(names) if any(word in name for word in words) and not _NAMES_TOO.search(name)
    ]


def _mostly(table: Table, index: int, fits: Callable[[str], bool]) -> bool:
    """Return whether most of what stands in a column is of a kind."""
    values = list(table.column(index))[:SOME]
    return sum(map(fits, values)) > len(values) // 2


def holds_badges(values: list[str]) -> bool:
    """Return whether most of these are numbers of badges, or were."""
    return sum(map(_is_a_badge, values)) > len(values) // 2


def _is_a_badge(text: str) -> bool:
    try:
        return bool(parse_uid(text))
    except UidError:
        return reads_as_a_number(text)
