"""Member lists as spreadsheets and Fab-manager write them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol import sheets
from protocol.badge import BadgeKey
from protocol.rows import Badge, Certification, Level, Member, Training
from protocol.sheets import SheetError
from protocol.sheets.people import Unread
from protocol.whitelist import Whitelist

KEY = BadgeKey(bytes(32))
MARIE = KEY.hash(bytes.fromhex("04A3C6CAE26180"), "iso14443a")
FAB = (
    "id;gender;first_name;last_name;username;email;password;external_id;birthdate;address;phone;group;tags;trainings\n"
)


def read(text, mapping=None, encoding="utf-8", before=None):
    sheet = sheets.read(text.encode(encoding), mapping)
    return sheet.rows({card: KEY.hash(*card) for card in sheet.cards}, before or Whitelist())


def of(kind, rows):
    return [row for row in rows if isinstance(row, kind)]


PLAIN = (
    "badge;member;name;category;trainings;level;membership_until;certified_until\n"
    "04A3C6CAE26180;marie;Hélène Dûval;étudiante;laser,cnc;formateur;31/03/2027;2027-06-30\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_sheet_is_read_in_whatever_excel_writes(encoding):
    rows = read(PLAIN, encoding=encoding)
    assert of(Member, rows)[0].name == "Hélène Dûval"
    assert str(of(Member, rows)[0].until) == "2027-03-31"
    assert of(Badge, rows) == [Badge(MARIE, "marie")]
    assert of(Training, rows) == [Training("laser"), Training("cnc")]
    assert [(c.training, c.level, str(c.until)) for c in of(Certification, rows)] == [
        ("laser", Level.TRAINER, "2027-06-30"),
        ("cnc", Level.TRAINER, "2027-06-30"),
    ]


@pytest.mark.parametrize(
    "text", [PLAIN.replace(",cnc", "").replace(";", ","), PLAIN.replace(";", "\t"), PLAIN.replace("\n", "\r\n")]
)
def test_the_separator_is_found(text):
    assert of(Badge, read(text)) == [Badge(MARIE, "marie")]


def test_columns_have_french_names_too():
    rows = read("UID;Nom;Formations;Fin d’adhésion\n04:A3:C6:CA:E2:61:80;Hélène Dûval;laser;1/2/2027\n")
    made = of(Member, rows)[0].id
    assert "dupre" not in made and "duval" not in made, "what stays in a journal says nothing of a person"
    assert of(Badge, rows) == [Badge(MARIE, made)]


def test_fab_managers_export_is_read_with_its_trainings_mapped():
    rows = read(FAB + '7;f;Marie;Curie;mc;m@x.org;;04A3C6CAE26180;;;;student;;"1,2"\n', {"1": "laser", "2": "cnc"})
    assert of(Member, rows) == [Member("7", "Marie Curie", "student")]
    assert of(Badge, rows) == [Badge(MARIE, "7")]
    assert {c.training for c in of(Certification, rows)} == {"laser", "cnc"}


def test_an_unmapped_training_is_an_error_that_says_what_to_add():
    with pytest.raises(SheetError) as error:
        read(FAB + "7;f;Marie;Curie;;;;;;;;;;9\n", {"1": "laser"})
    assert "--trainings" in str(error.value.lines[0].error)
    assert error.value.lines[0].line == 2


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ("1,23E+13;marie", "made by a spreadsheet"),
        ("4A3C6CAE26180;marie", "zeros"),
        (";", "who is it"),
        ("04A3C6CAE26180;" + "m" * 65, "64"),
        ("04A3C6CAE26180;" + "m" * 5000, "characters"),
    ],
)
def test_each_bad_line_is_named_with_its_number_and_nothing_is_taken(cells, word):
    text = "badge;member;name\n04A3C6112233FF;jean;Jean\n" + cells + ";x\n"
    if cells == ";":
        text = "badge;member;category\n04A3C6112233FF;jean;\n;;x\n"
    with pytest.raises(SheetError) as error:
        read(text)
    assert [bad.line for bad in error.value.lines] == [3]
    assert word in str(error.value.lines[0].error)


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("level", "boss", "maintainer"),
        ("membership_until", "31/02/2027", "31/03/2027"),
        ("membership_until", "13-2027", "day"),
        ("technology", "magic", "iso14443a"),
    ],
)
def test_a_cell_that_means_nothing_says_what_would(column, value, word):
    with pytest.raises(SheetError) as error:
        read(f"member;{column}\nmarie;{value}\n")
    assert word in str(error.value.lines[0].error)


def test_one_badge_for_two_people_is_an_error():
    with pytest.raises(SheetError) as error:
        read("badge;member\n04A3C6CAE26180;marie\n04A3C6CAE26180;jean\n")
    assert error.value.lines[0].line == 3
    assert "line 2" in str(error.value.lines[0].error)


def test_one_person_with_two_badges_is_none():
    rows = read("badge;member\n04A3C6CAE26180;marie\n04A3C6112233FF;marie\n")
    assert len(of(Badge, rows)) == 2
    assert len(of(Member, rows)) == 1


@pytest.mark.parametrize("text", ["", "\n\n", "a;b\n1;2\n", 'badge;member\n"04A3'])
def test_a_sheet_that_is_none_is_refused(text):
    with pytest.raises(SheetError):
        read(text)


def test_a_spreadsheet_that_was_not_saved_as_csv_is_refused():
    with pytest.raises(SheetError, match="CSV"):
        sheets.read(b"PK\x03\x04" + bytes(100))


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_whatever_the_bytes_only_our_error_leaves(raw):
    for head in (b"", b"badge;member;name;trainings\n", FAB.encode()):
        try:
            sheet = sheets.read(head + raw)
            sheet.rows({card: KEY.hash(*card) for card in sheet.cards}, Whitelist())
        except SheetError as error:
            assert str(error)


@pytest.mark.parametrize("raw", [b"1 = 2", b"x", b'1 = ""', b"\xff"])
def test_a_trainings_file_that_is_none_says_how_it_is_written(raw):
    with pytest.raises(SheetError, match='12 = "laser"'):
        sheets.read_mapping(raw)


def test_what_a_sheet_does_not_say_stays():
    from datetime import date

    before = Whitelist(
        [
            Member("marie", "Marie Curie", until=date(2026, 1, 31), excluded=True),
            Badge(MARIE, "marie", blocked=True),
            Certification("marie", "laser", Level.MAINTAINER, until=date(2030, 12, 31)),
        ]
    )
    rows = read("badge;member;trainings;level;membership_until\n04A3C6CAE26180;marie;laser;;\n", before=before)
    assert of(Member, rows) == list(before.members.values())
    assert of(Badge, rows) == list(before.badges.values())
    assert of(Certification, rows) == list(before.certifications.values())


def test_a_badge_does_not_change_hands_in_a_sheet():
    before = Whitelist([Badge(MARIE, "marie", blocked=True)])
    with pytest.raises(SheetError) as error:
        read("badge;member\n04A3C6CAE26180;paul\n", before=before)
    assert "marie" in str(error.value.lines[0].error)


def test_two_people_of_one_name_need_ids():
    with pytest.raises(SheetError) as error:
        read("badge;nom\n04A3C6CAE26180;Martin\n04A3C6112233FF;Martin\n")
    assert "member" in str(error.value.lines[0].error)
    rows = read("badge;nom;prénom\n04A3C6CAE26180;Martin;Paul\n04A3C6112233FF;Martin;Anne\n")
    assert {row.name for row in of(Member, rows)} == {"Paul Martin", "Anne Martin"}


def test_cells_past_the_header_and_columns_that_nobody_reads_are_told():
    with pytest.raises(SheetError) as error:
        read("badge,member,trainings\n04A3C6CAE26180,zoe,laser,printer\n")
    assert "quotes" in str(error.value.lines[0].error)
    assert sheets.read(b"member;e-mail\nzoe;z@x\n").unread == (Unread("e-mail"),)


lookalikes = st.tuples(st.integers(10, 99_999), st.integers(0, 9)).map(lambda each: f"{each[0]:05}E{each[1]:02}")


@given(st.lists(st.one_of(lookalikes, st.binary(min_size=4, max_size=4).map(bytes.hex)), min_size=1, max_size=30))
def test_numbers_that_a_spreadsheet_would_change_are_taken_where_others_show_that_none_was(found):
    found = list(dict.fromkeys(["04A3C6CA", *(each.upper() for each in found)]))
    assume(len({bytes.fromhex(each) for each in found}) == len(found))
    lines = "".join(f"{number};m{place}\n" for place, number in enumerate(found))
    sheet = sheets.read(f"badge;member\n{lines}".encode())
    assert [uid for person in sheet.people for uid, _technology in person.badges] == [bytes.fromhex(x) for x in found]


@pytest.mark.parametrize("beside", ["", "1,23E+13;jean\n", "4A3C6CA;jean\n"])
def test_they_are_refused_where_all_are_such_or_one_was_changed(beside):
    sound = "04A3C6CA;marie\n" if beside else ""
    with pytest.raises(SheetError) as error:
        read(f"badge;member\n{sound}12345E78;zoe\n{beside}")
    assert (3 if sound else 2) in {each.line for each in error.value.lines}


def test_the_printed_number_of_a_card_is_named_with_its_line():
    with pytest.raises(SheetError) as error:
        read(
            'badge;technology;member\n0C004A2F19;em4100;anna\n0004861721;em4100;bert\n"0004861721 074,12057";em4100;c\n'
        )
    assert [each.line for each in error.value.lines] == [3, 4]
    assert all("printed on a card" in str(each.error) for each in error.value.lines)
