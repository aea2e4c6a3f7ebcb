"""Columns are known by their headings: as people write them, and as the programs do that French workshops use."""

import pytest

from protocol.sheets import SheetError, columns, guessing
from protocol.sheets.columns import Meaning
from protocol.sheets.people import unread
from protocol.sheets.tables import of_text


def meant(headings, *lines, separator=";"):
    table = of_text("\n".join([headings, *(lines or ["x"])]).encode())
    guess = guessing.guess(table)
    names = headings.split(separator)
    return guess.system, {names[index].strip('" '): meaning.value for index, meaning in guess.columns.items()}


FAB_MANAGER = (
    "ID;Identification externe;Nom;Prénom;Courriel;Lettre d'informations;Dernière connexion;Genre;Âge;Adresse;Tel.;"
    "Site web;Profession;Centres d'intérêts;Logiciels de conception maîtrisés;Groupe;Abonnement;"
    "Date de fin de l'abonnement;Formations validées;Étiquettes;Nombre de factures;Projets;Porte-monnaie"
)
HELLOASSO = (
    "Référence commande;Date de la commande;Statut de la commande;Nom adhérent;Prénom adhérent;Carte d'adhérent;"
    "Nom payeur;Prénom payeur;Email payeur;Raison sociale;Moyen de paiement;Tarif;Montant tarif;Code Promo"
)


def test_fab_managers_workbook_of_members_is_known():
    system, found = meant(FAB_MANAGER, "7;04A3C6CAE26180;Curie;Marie")
    assert system == "Fab-manager"
    assert found == {
        "ID": "member", "Identification externe": "badge", "Nom": "name", "Prénom": "first_name", "Courriel": "email",
        "Groupe": "category",
        "Date de fin de l'abonnement": "membership_until", "Formations validées": "trainings",
    }  # fmt: skip


def test_an_external_id_that_is_no_badge_is_none():
    assert "Identification externe" not in meant(FAB_MANAGER, "7;ADH-2024-7;Curie;Marie")[1]


def test_helloassos_memberships_are_known_and_its_card_is_no_badge():
    system, found = meant(HELLOASSO, "1;01/09/2026 10:23;Validé;Curie;Marie;https://www.helloasso.com/card")
    assert system == "HelloAsso"
    assert found == {
        "Nom adhérent": "name", "Prénom adhérent": "first_name", "Tarif": "category", "Statut de la commande": "state",
    }  # fmt: skip
    old = "Numéro;Formule;Montant adhésion;Statut;Nom;Prénom;Date;Email;Nom acheteur;Prénom acheteur"
    assert meant(old)[1] == {"Formule": "category", "Statut": "state", "Nom": "name", "Prénom": "first_name"}


@pytest.mark.parametrize(
    ("headings", "system", "expected"),
    [
        (
            "Numéro de membre;Nom;Adresse électronique;Catégorie;Date d'inscription;Date d'expiration",
            "Paheko",
            {"Numéro de membre": "member", "Nom": "name", "Catégorie": "category",
             "Adresse électronique": "email", "Date d'expiration": "membership_until"},
        ),
        (
            "id_adh;id_statut;nom_adh;prenom_adh;activite_adh;date_crea_adh;date_echeance;num_adh",
            "Galette",
            {"id_adh": "member", "nom_adh": "name", "prenom_adh": "first_name", "activite_adh": "state",
             "date_echeance": "membership_until"},
        ),
        (
            "ID de l'adhérent :;Statut :;Nom :;Prénom :;Compte :;Date d’échéance :;Numéro adhérent :",
            "Galette",
            {"ID de l'adhérent :": "member", "Nom :": "name", "Prénom :": "first_name", "Compte :": "state",
             "Date d’échéance :": "membership_until"},
        ),
        (
            "Id;Réf.;Civilité;Nom;Prénom;Login;Nature;Type d'adhérent;Statut;Date de fin d'adhésion",
            "Dolibarr",
            {"Id": "member", "Nom": "name", "Prénom": "first_name", "Type d'adhérent": "category", "Statut": "state",
             "Date de fin d'adhésion": "membership_until"},
        ),
        (
            "Id;Ref;Lastname*;Firstname;Login*;MemberType*;Nature*;Status*;DateEndSubscription",
            "Dolibarr",
            {"Id": "member", "Lastname*": "name", "Firstname": "first_name", "MemberType*": "category",
             "Status*": "state", "DateEndSubscription": "membership_until"},
        ),
    ],
)  # fmt: skip
def test_exports_of_other_programs_are_known(headings, system, expected):
    assert meant(headings) == (system, expected)


@pytest.mark.parametrize(
    ("heading", "meaning"),
    [
        ("N° de badge", "badge"), ("UID", "badge"), ("Numéro d'adhérent", "member"), ("NOM", "name"),
        ("Nom de famille", "name"), ("prenom", "first_name"), ("Date de fin d'adhésion", "membership_until"),
        ("Fin d’adhésion", "membership_until"), ("Adhésion valable jusqu'au", "membership_until"),
        ("Échéance de la cotisation", "membership_until"), ("Membership end", "membership_until"),
        ("Membership expires on", "membership_until"), ("Habilitations", "trainings"), ("Niveau", "level"),
        ("Catégorie", "category"), ("Qui paie", "payer"), ("Date de naissance", "birth"), ("Adhésion", None),
        ("Adhésion valide", None), ("Membre depuis", None), ("Date d'adhésion", None), ("", None),
    ],
)  # fmt: skip
def test_headings_are_known_however_they_are_written(heading, meaning):
    for written in (heading, heading.upper(), f" {heading}\u00a0", heading.replace("é", "e\u0301")):
        table = of_text(f"Nom complet;{written}\nx;y\n".encode())
        assert guessing.guess(table).columns.get(1) == meaning


@pytest.mark.parametrize("heading", ["Expire le", "Valide jusqu'au", "Date limite", "Valid until (date)", "Fin"])
def test_what_ends_is_the_membership_where_days_stand_there_and_nothing_else_is_named(heading):
    assert meant(f"nom;{heading}", "x;31/12/2027")[1].get(heading) == Meaning.MEMBERSHIP_UNTIL


@pytest.mark.parametrize("heading", ["Fin d'assurance", "Expiration du contrat", "Fin du permis", "Fin de la commande"])
def test_what_ends_otherwise_is_no_membership(heading):
    assert heading not in meant(f"nom;{heading}", "x;31/12/2027")[1]


def test_valable_jusquau_is_of_a_training_only_beside_one():
    assert meant("nom;valable jusqu'au")[1]["valable jusqu'au"] == Meaning.MEMBERSHIP_UNTIL
    assert meant("nom;formations;valable jusqu'au")[1]["valable jusqu'au"] == Meaning.CERTIFIED_UNTIL


@pytest.mark.parametrize("headings", ["id;numero;nom", "Nom;Nom;badge", "nom;prenom;nom complet", "badge;uid;nom"])
def test_two_columns_of_one_meaning_are_refused_by_name(headings):
    table = of_text(f"{headings}\na;b;c\n".encode())
    with pytest.raises(SheetError) as error:
        columns.hold(guessing.guess(table).columns, table.headings)
    first, second = headings.split(";")[0], headings.split(";")[1 if "prenom" not in headings else 2]
    assert first in str(error.value) and second in str(error.value)


def test_columns_that_nobody_reads_are_named_and_what_they_hold_is_said():
    table = of_text("nom;Entrée;Stages;Téléphone;;\nx;01/02/2026;Découpe Laser;Die;secret;\ny;;;;;\n".encode())
    found = unread(table, guessing.guess(table).columns, {"decoupe laser"})
    assert [(each.heading, each.holds) for each in found] == [
        ("Entrée", "days"), ("Stages", "trainings"), ("Téléphone", ""), ("E", ""),
    ]  # fmt: skip
