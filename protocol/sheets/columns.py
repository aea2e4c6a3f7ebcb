"""What the columns of a sheet mean: guessed from their headings, as people and other programs write them.

Of programs: Fab-manager's two exports of members, HelloAsso's of memberships, Paheko, Galette, Dolibarr.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from common.folding import fold
from common.texts import N_
from protocol.badge import UidError, parse_uid, reads_as_a_number
from protocol.sheets.cells import is_a_day
from protocol.sheets.errors import SheetError

if TYPE_CHECKING:
    from protocol.sheets.tables import Table


class Meaning(StrEnum):
    """What a column says of a person."""

    BADGE = "badge"
    TECHNOLOGY = "technology"
    MEMBER = "member"
    NAME = "name"
    FIRST_NAME = "first_name"
    CATEGORY = "category"
    PAYER = "payer"
    TRAININGS = "trainings"
    LEVEL = "level"
    MEMBERSHIP_UNTIL = "membership_until"
    CERTIFIED_UNTIL = "certified_until"
    STATE = "state"
    EMAIL = "email"
    BIRTH = "birth"
    COMMUNE = "commune"


PARTICULARS: Final = frozenset({Meaning.EMAIL, Meaning.BIRTH, Meaning.COMMUNE})  # what a server alone keeps
Columns = dict[int, Meaning]

HEADINGS: Final[dict[Meaning, str]] = {
    Meaning.BADGE: """badge, badges, uid, uid badge, uid du badge, badge uid, badge id, badge number, numero de badge,
        numero badge, numero du badge, n badge, no badge, num badge, code badge, badge rfid, badge nfc, tag rfid, rfid,
        nfc, carte rfid, carte nfc, card uid, card number, numero de carte, numero carte, n carte""",
    Meaning.TECHNOLOGY: "technology, technologie, badge type, type de badge",
    Meaning.MEMBER: """member, membre, id, identifiant, numero, member id, member number, membership number,
        number or id, numero ou identifiant, numero d adherent, numero adherent, numero de l adherent, n adherent,
        no adherent, num adherent, n d adherent, numero de membre, numero membre, n membre, n de membre, num membre,
        id adherent, id de l adherent, id membre, id adh, num adh, ref, ref adherent, reference adherent, matricule,
        code adherent, rowid""",
    Meaning.NAME: """name, nom, nom complet, full name, fullname, last name, lastname, surname, family name,
        nom de famille, nom usuel, nom d usage, nom adherent, nom de l adherent, nom du membre, nom adh, adherent,
        nom et prenom, nom prenom, prenom nom, prenom et nom, noms""",
    Meaning.FIRST_NAME: """first name, firstname, given name, forename, prenom, prenoms, prenom adherent,
        prenom de l adherent, prenom du membre, prenom adh""",
    Meaning.CATEGORY: """category, categorie, group, groupe, member type, type de membre, type d adherent,
        type adherent, categorie de membre, categorie d adherent, formule, membertype""",
    Meaning.PAYER: "payer, who pays, who pays if not the member, qui paie, payeur, organisme payeur",
    Meaning.TRAININGS: """trainings, training, formations, formation, validated trainings, formations validees,
        formations suivies, habilitations, habilitation, certifications, certification, agrements""",
    Meaning.LEVEL: "level, niveau",
    Meaning.MEMBERSHIP_UNTIL: """membership until, membership end, membership end date, membership expires,
        end of membership, subscription end date, subscription end, dateendsubscription, valid until, expires,
        expiration, expiration date, expiry date, expiry, due date, fin adhesion, fin d adhesion,
        adhesion jusqu au, date echeance,
        date d echeance, echeance, date expiration, date d expiration, fin de validite, date de fin de validite,
        datefin, date fin, date de fin, fin, end date""",
    Meaning.CERTIFIED_UNTIL: """certified until, fin formation, fin de formation, date de fin de formation,
        valable jusqu au, formation valable jusqu au, fin habilitation, fin d habilitation, habilitation jusqu au""",
    Meaning.STATE: """state, status, order status, membership status, active, etat, statut, actif, statut commande,
        statut de la commande, statut adhesion, statut de l adhesion, compte, compte actif, account, activite adh""",
    Meaning.EMAIL: """email, e mail, mail, courriel, adresse email, adresse e mail, adresse mail,
        adresse electronique, adresse courriel, email address,
        e mail address, email adherent, e mail adherent, courriel adherent, email adh""",
    Meaning.BIRTH: """birth, birth year, year of birth, birth date, birthdate, birthday, date of birth, naissance,
        annee de naissance, date de naissance, ne le, nee le, ne e le, ddn, ddn adh""",
    Meaning.COMMUNE: "commune, ville, city, town, localite, commune de residence, ville adh",
}  # fmt: skip
_FILLING: Final = frozenset({"de", "du", "des", "d", "l", "la", "le", "les", "of", "the", "s"})
_NUMBER: Final = frozenset({"numero", "number", "num", "no", "nr"})


def _bare(name: str) -> str:
    """Return a heading without what fills it: "numero de l adherent" is "n adherent"."""
    return " ".join("n" if word in _NUMBER else word for word in name.split() if word not in _FILLING)


_KNOWN: Final = {_bare(name): meaning for meaning, names in HEADINGS.items() for name in names.split(",")}
# What may be a badge's number, or anything else: what stands in the column says it.
PERHAPS: Final = frozenset({"identification externe", "external id", "carte", "card"})
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
        {},
        frozenset({"numero adherent", "statut"}),
    ),
    _System("Galette", frozenset({"member id", "name", "due date"}), {}, frozenset({"member number", "status"})),
    _System("Dolibarr", frozenset({"nature", "lastname"}), {}, frozenset({"ref", "login"})),
    _System("Dolibarr", frozenset({"nature", "nom", "prenom"}), {}, frozenset({"ref", "ref adherent"})),
    _System("Paheko", frozenset({"numero de membre", "nom", "date d inscription"}), {}, frozenset({"id", "numero"})),
)  # fmt: skip


class Guess(msgspec.Struct, frozen=True):
    """What columns seem to mean; system: the program that made the sheet, "" where it is none that we know."""

    columns: Columns
    system: str = ""


def heading(text: str) -> str:
    """Return a heading without case, accents and signs: "Date de fin d’adhésion :" is "date de fin d adhesion"."""
    return re.sub(r"[\W_]+", " ", fold(text)).strip()


def is_known(text: str) -> bool:
    """Return whether a text is a heading that means something."""
    return _bare(heading(text)) in _KNOWN


def guess(table: Table) -> Guess:
    """Guess what columns mean. Two may mean the same: that is for a person to settle (`hold`)."""
    names = [heading(each) for each in table.headings]
    system = next((each for each in SYSTEMS if each.known_by <= set(names)), _System("", frozenset()))
    found = {index: meaning for index, name in enumerate(names) if (meaning := _means(name, system)) is not None}
    for index, name in enumerate(names):
        if name in PERHAPS and name not in system.unread and _holds_badges(table, index):
            found[index] = Meaning.BADGE
    if Meaning.MEMBERSHIP_UNTIL not in found.values():  # "Expire le": of what, if not of a membership
        ends = (index for index, name in enumerate(names) if _ENDS.search(name) and not _OF_OTHERS.search(name))
        found |= {index: Meaning.MEMBERSHIP_UNTIL for index in ends if index not in found and _holds_days(table, index)}
    if Meaning.TRAININGS not in found.values() and Meaning.MEMBERSHIP_UNTIL not in found.values():
        # "Valable jusqu'au" is of a training only beside one.
        found |= {index: Meaning.MEMBERSHIP_UNTIL for index in found if names[index] == "valable jusqu au"}
    return Guess(found, system.name)


def _holds_badges(table: Table, index: int) -> bool:
    """Return whether most of what stands in a column is the number of a badge, or was one."""
    values = list(table.column(index))[:1_000]
    return sum(_is_a_badge(value) for value in values) > len(values) // 2


def _holds_days(table: Table, index: int) -> bool:
    """Return whether most of what stands in a column is a day."""
    values = list(table.column(index))[:1_000]
    return sum(map(is_a_day, values)) > len(values) // 2


def _is_a_badge(text: str) -> bool:
    try:
        return bool(parse_uid(text))
    except UidError:
        return reads_as_a_number(text)


def _means(name: str, system: _System) -> Meaning | None:
    if name in system.means:
        return system.means[name]
    if name in system.unread or not name:
        return None
    if _bare(name) in _KNOWN:
        return _KNOWN[_bare(name)]
    return Meaning.MEMBERSHIP_UNTIL if _ENDS.search(name) and _OF_MEMBERSHIP.search(name) else None


def hold(columns: Mapping[int, Meaning], headings: Sequence[str]) -> None:
    """Refuse columns of which two mean the same, or none says who somebody is. Raises SheetError."""
    for indices in _doubled(columns):
        raise SheetError(
            N_("the columns {columns} seem to mean the same: leave all but one of them out"),
            columns=", ".join(f"“{named(headings, index)}”" for index in indices),
        )
    if not {Meaning.BADGE, Meaning.MEMBER, Meaning.NAME} & set(columns.values()):
        raise SheetError(
            N_(
                "no column says who somebody is, by a badge, an id or a name; headings are known by names such as: "
                "{names}"
            ),
            names=", ".join(Meaning),
        )


def _doubled(columns: Mapping[int, Meaning]) -> Iterator[list[int]]:
    found: dict[Meaning, list[int]] = defaultdict(list)
    for index, meaning in sorted(columns.items()):
        found[meaning].append(index)
    return (indices for indices in found.values() if len(indices) > 1)


def named(headings: Sequence[str], index: int) -> str:
    """Return what a column is called: by its heading, else by its letters, as spreadsheets have them."""
    if index < len(headings) and headings[index]:
        return headings[index][:80]
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
