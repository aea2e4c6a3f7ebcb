"""Whatever way a sheet is written, it says the same of the same people."""

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.badge import reads_as_a_number
from protocol.rows import Badge, Certification, Level, Member, Training
from protocol.sheets import SheetError, read
from protocol.sheets.cells import has_month_first, read_day, says_ended
from protocol.whitelist import Whitelist

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
WRITTEN = [
    "{:%d/%m/%Y}", "{:%Y-%m-%d}", "{:%d.%m.%Y}", "{:%d-%m-%Y}", "{:%d/%m/%y}", "{:%Y-%m-%d 00:00:00}",
    "{:%Y-%m-%dT00:00:00+01:00}", "{:%d/%m/%Y 10:23}", "{:%d/%m/%Y à 10:23}", "{:%Y/%m/%d}",
]  # fmt: skip
MONTHS = [
    ("janvier", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "octobre", "nov.", "décembre"),
    ("Jan", "February", "Mar", "April", "May", "June", "July", "Aug", "Sep", "Oct", "November", "Dec"),
]


@given(DAYS, st.sampled_from(WRITTEN))
def test_a_day_is_read_as_spreadsheets_and_programs_write_it(day, form):
    assert read_day(form.format(day)) == day


@given(DAYS, st.sampled_from(MONTHS))
def test_a_day_is_read_as_people_write_it(day, months):
    assert read_day(f"{day.day} {months[day.month - 1]} {day.year}") == day


@given(st.lists(DAYS, min_size=1, max_size=30))
def test_a_column_of_american_days_is_read_only_where_it_can_be_nothing_else(days):
    american = [f"{day:%m/%d/%Y}" for day in days]
    if any(day.day > 12 for day in days):
        assert has_month_first(american)
        assert [read_day(each, month_first=True) for each in american] == days
    french = [f"{day:%d/%m/%Y}" for day in days]
    assert not any(day.day > 12 for day in days) or not has_month_first(french)


@pytest.mark.parametrize(
    "text", ["31/02/2027", "20277", "13/2027", "demain", "31/12", "12/31/2027", "1/1/1", "٣١/١٢/٢٠٢٧x"]
)
def test_what_is_no_day_is_refused(text):
    with pytest.raises(Exception, match="day"):
        read_day(text)


@pytest.mark.parametrize("text", ["", "  ", "0000-00-00", "00/00/0000", "-"])
def test_what_stands_for_no_day_is_none(text):
    assert read_day(text) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026", date(2026, 12, 31)), ("02/2028", date(2028, 2, 29)), ("déc. 2026", date(2026, 12, 31)),
     ("fin 2026", date(2026, 12, 31)), ("fin juin 2026", date(2026, 6, 30)), ("À vie", None), ("illimité", None)],
)  # fmt: skip
def test_a_month_or_a_year_ends_on_its_last_day_and_a_life_has_no_end(text, day):
    assert read_day(text) == day


def test_only_words_that_say_so_end_a_membership():
    ended = (
        "Annulé",
        "REMBOURSÉE",
        "résilié",
        "-1",
        "Non",
        "inactif ",
        "En attente de paiement",
        "Expirée",
        "Parti",
        "Ancien adhérent",
        "Non à jour",
        "Annulé (remboursé)",
        "Démissionnaire",
        "Suspendu",
        "Impayé",
        "Pending",
    )
    assert [each for each in ended if not says_ended(each)] == []
    kept = ("Validé", "1", "oui", "", "Membre actif", "Président", "à jour", "Processed", "Partenaire", "Nonagénaire")
    assert [each for each in kept if says_ended(each)] == []


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.from_regex(r"[A-Z]{2}-[0-9]{1,5}", fullmatch=True),
            "name": st.text(st.sampled_from("abcdeéèçïôœÉ'- ;,\""), min_size=1, max_size=20).map(
                lambda text: "N" + " ".join(text.split())
            ),
            "badge": st.none()
            | st.binary(min_size=7, max_size=7)
            .map(lambda raw: "04" + raw.hex()[2:].upper())
            .filter(lambda text: not reads_as_a_number(text)),
            "until": st.none() | DAYS,
            "trainings": st.lists(st.sampled_from(["laser", "découpe", "cnc"]), unique=True, max_size=3),
        }
    ),
    min_size=1,
    max_size=8,
    unique_by=(lambda each: each["id"], lambda each: each["badge"] or object()),
)


@given(PEOPLE, st.randoms(use_true_random=False))
def test_the_same_people_come_of_every_way_to_write_them(people, random):
    known = [Training("laser", "Laser"), Training("decoupe", "Découpe"), Training("cnc")]
    expected = None
    for _round in range(3):
        names = {
            "id": random.choice(["Numéro d'adhérent", "ID", "n° de membre", "MEMBER"]),
            "name": random.choice(["Nom complet", "NOM", "name", "Nom et prénom"]),
            "badge": random.choice(["Badge", "UID", "N° de carte", "carte RFID"]),
            "until": random.choice(["Fin d’adhésion", "Date de fin d'adhésion", "membership_until", "Échéance"]),
            "trainings": random.choice(["Formations", "HABILITATIONS", "training"]),
        }
        order = random.sample(sorted(names), len(names))
        day = random.choice(WRITTEN[:5])
        cells = {
            "until": lambda value, day=day: day.format(value) if value else "",
            "trainings": lambda value: random.choice([", ", " | ", "\n"]).join(
                map(random.choice([str, str.upper]), value)
            ),
        }
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=random.choice(";,\t"), lineterminator=random.choice(["\r\n", "\n"]))
        writer.writerow(names[each] for each in order)
        for each in people:
            writer.writerow(cells.get(key, lambda value: value or "")(each[key]) for key in order)
        raw = text.getvalue().encode(random.choice(["utf-8", "utf-8-sig", "utf-16"]))
        try:
            found = read(raw)
            rows = found.rows({card: card[0].hex() + "0" * 18 for card in found.cards}, Whitelist(known))
        except SheetError as error:
            raise AssertionError([str(each.error) for each in error.lines] or str(error)) from error
        said = sorted(str(row) for row in rows if isinstance(row, Member | Badge | Certification))
        assert expected in (None, said)
        expected = said
    assert sum("Certification" in each for each in expected) == sum(len(each["trainings"]) for each in people)


def test_a_name_in_other_letters_or_order_is_the_same_person_and_stays_as_it_stands():
    before = Whitelist([Member("m-1", "Zoé Dupré")])
    for text in ("nom\nDUPRE Zoe\n", "prénom;nom\nZOÉ;Dupré\n", "nom\nZoe\u0301  Dupre\u0301\n"):
        assert list(read(text.encode()).rows({}, before)) == [Member("m-1", "Zoé Dupré")]
    (renamed,) = read("id;nom\nm-1;Zoé Dupré-Roy\n".encode()).rows({}, before)
    assert renamed.name == "Zoé Dupré-Roy", "by the id it is said who is meant"


def test_an_id_with_a_slash_is_one_with_a_hyphen_and_what_nobody_sees_is_none_of_it():
    found = read("numéro;nom\n2026/017;A\n\u200b2026/018\u00a0;B\n".encode())
    assert [each.member for each in found.people] == ["2026-017", "2026-018"]


def test_levels_and_ends_of_trainings_are_read():
    found = read(b"nom;formations;niveau;valable jusqu'au\nA;laser;Formatrice;31/12/27\n")
    (held,) = (row for row in found.rows({}, Whitelist()) if isinstance(row, Certification))
    assert (held.level, held.until) == (Level.TRAINER, date(2027, 12, 31))
