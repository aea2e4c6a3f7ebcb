"""What the columns of a sheet may mean, and how people head them, in French and English."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from common.folding import fold
from common.texts import N_
from protocol.sheets.errors import SheetError


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
    TICK = "tick"
    EXCLUDED = "excluded"


PARTICULARS: Final = frozenset({Meaning.EMAIL, Meaning.BIRTH, Meaning.COMMUNE})  # what a server alone keeps
SEVERAL: Final = frozenset({Meaning.TICK})  # of which a sheet may have more than one
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
        statut de la commande, statut adhesion, statut de l adhesion, adhesion statut, compte actif, a jour,
        a jour de cotisation, cotisation a jour, activite adh""",
    Meaning.EXCLUDED: "excluded, exclu, exclue",
    Meaning.EMAIL: """email, e mail, mail, courriel, adresse email, adresse e mail, adresse mail,
        adresse electronique, adresse courriel, email address,
        e mail address, email adherent, e mail adherent, courriel adherent, email adh""",
    Meaning.BIRTH: """birth, birth year, year of birth, birth date, birthdate, birthday, date of birth, naissance,
        annee de naissance, date de naissance, ne le, nee le, ne e le, ddn, ddn adh""",
    Meaning.COMMUNE: "commune, ville, city, town, localite, commune de residence, ville adh",
}  # fmt: skip
_FILLING: Final = frozenset({"de", "du", "des", "d", "l", "la", "le", "les", "of", "the", "s"})
_NUMBER: Final = frozenset({"numero", "number", "num", "no", "nr"})


def bare(name: str) -> str:
    """Return a heading without what fills it: "numero de l adherent" is "n adherent"."""
    return " ".join("n" if word in _NUMBER else word for word in name.split() if word not in _FILLING)


KNOWN: Final = {bare(name): meaning for meaning, names in HEADINGS.items() for name in names.split(",")}


def heading(text: str) -> str:
    """Return a heading without case, accents and signs: "Date de fin d’adhésion :" is "date de fin d adhesion"."""
    return re.sub(r"[\W_]+", " ", fold(text)).strip()


def is_known(text: str) -> bool:
    """Return whether a text is a heading that means something."""
    return bare(heading(text)) in KNOWN


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
    return (indices for meaning, indices in found.items() if len(indices) > 1 and meaning not in SEVERAL)


def named(headings: Sequence[str], index: int) -> str:
    """Return what a column is called: by its heading, else by its letters, as spreadsheets have them."""
    if index < len(headings) and headings[index]:
        return headings[index][:80]
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
