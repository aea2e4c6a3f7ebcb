"""Of whom a line of a sheet is: nobody becomes somebody else, and nobody is entered twice in silence."""

import pytest
from browsing import client, row
from imports.sheet import Sheet, members, workbook


def start(*people):
    from protocol.rows import Member, Training
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    rows = [Member(id_, name) for id_, name in people]
    carry_out(Author(name="test"), "demo", [*rows, Training("laser", "Découpe laser"), Training("wood", "Bois")])
    return client()


def test_an_id_of_somebody_who_is_called_otherwise_is_asked_about(sqlite):
    browser = start(("A2", "Jean Dupont"), ("A3", "Ana Albert"))
    sheet = Sheet(browser, "numéro d'adhérent;nom\nA2;Luc Bernard\nA3;Ana Albert-Roy\n")
    assert sheet.status == 422 and "Jean Dupont" in sheet.says() and "line 3" not in sheet.says()
    sheet.answered(same="2")
    assert sheet.status == 302
    sheet.taken(asked="1", same="2")
    assert row("member/A2").name == "Luc Bernard"


def test_a_column_that_counts_the_lines_is_no_id(sqlite):
    browser = start(("1", "Ana Albert"), ("2", "Jean Dupont"))
    sheet = Sheet(browser, "N°;Nom\n1;Ana Albert\n2;Luc Bernard\n3;Jean Dupont\n")
    sheet.taken()
    assert row("member/2").name == "Jean Dupont" and "Luc Bernard" in members()
    assert members()["Luc Bernard"].pk.startswith("m-")


def test_somebody_new_who_bears_a_name_that_is_here_is_asked_about(sqlite):
    browser = start(("m-0001", "Jean-Pierre Dupont"), ("m-0002", "Zoé Roy"))
    text = "id;nom\n17;M. DUPONT Jean Pierre\n18;Zoé Roy\n"
    sheet = Sheet(browser, text)
    assert "2 new members bear the name" in sheet.page()
    sheet.answered(all_same="1").taken(asked="1", all_same="1")
    assert {each.pk for each in members().values()} == {"m-0001", "m-0002"}
    Sheet(browser, text).taken()
    assert len(members()) >= 2


def test_zeros_that_a_spreadsheet_took_are_put_back(sqlite):
    browser = start(("00012", "Jean Dupont"))
    Sheet(browser, "id;nom\n12;Jean Dupont\n").taken()
    assert [each.pk for each in members().values()] == ["00012"]


def test_one_person_on_several_lines_is_one_with_all_that_they_say(sqlite):
    browser = start()
    text = (
        "id;nom;email;fin d'adhésion;formations;badge\n"
        "7;Ann A;a@x.org;31/12/2025;laser;04A3C6CA\n7;Ann A;a@x.org;31/12/2027;wood;04A3C6CB\n"
    )
    Sheet(browser, text).taken()
    assert str(row("member/7").until) == "2027-12-31"
    assert row("certification/7/laser") and row("certification/7/wood")
    without = "nom;email;fin d'adhésion\nBob B;b@x.org;31/12/2025\nBob B;B@x.org;31/12/2027\n"
    Sheet(browser, without).taken()
    assert str(members()["Bob B"].until) == "2027-12-31"


def test_an_id_that_was_merged_is_known_in_other_letters_too(database):
    from server.people.models import MergedMember

    browser = start(("A-16", "Ann A"))
    MergedMember.objects.create(gone="A-17", kept="A-16")
    Sheet(browser, "id;nom\na-17;Ann A\n").taken()
    assert [each.pk for each in members().values()] == ["A-16"]


def test_lines_that_are_nobodys_are_left_out_and_told(sqlite):
    browser = start()
    text = "nom;prénom;fin d'adhésion\nBUREAU;;\nA;Ann;31/12/2027\nB;Bob;31/12/2027\nC;Cy;1/1/2028\nTotal : 3;;\n"
    sheet = Sheet(browser, text)
    assert "2 lines say themselves" in sheet.page()
    sheet.taken()
    assert set(members()) == {"Ann A", "Bob B", "Cy C"}


def test_trainings_of_one_column_each_are_ticks(sqlite):
    browser = start()
    sheet = Sheet(browser, "nom;Découpe laser;bois\nAnn;x;\nBob;oui;12/03/2025\nCy;non;-\n")
    sheet.taken()
    held = {
        name: [t for t in ("laser", "wood") if row(f"certification/{members()[name].pk}/{t}")] for name in members()
    }
    assert held == {"Ann": ["laser"], "Bob": ["laser", "wood"], "Cy": []}


def test_no_training_is_made_of_a_yes_or_a_day(sqlite):
    from server.whitelist.models import Training

    sheet = Sheet(start(), "nom;formation\nAnn;oui\nBob;non\nCy;12/03/2025\nDee;x\nEve;1\n")
    sheet.taken()
    assert set(Training.objects.values_list("pk", flat=True)) == {"laser", "wood"}


def test_an_answer_about_a_training_can_be_changed_and_ends_with_it(sqlite):
    from protocol.rows import Training
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    browser = start()
    text = "nom;formations\n{};Coupe Truc\n"
    Sheet(browser, text.format("Ann")).answered(**{"training-0": "laser"}).taken()
    sheet = Sheet(browser, text.format("Bob"))
    assert "Coupe Truc" in sheet.page(), "what was said stands there to be changed"
    sheet.answered(**{"training-0": "wood"}).taken()
    assert row(f"certification/{members()['Bob'].pk}/wood")
    carry_out(Author(name="test"), "demo", [Training("saw", "Saw")])
    sheet = Sheet(browser, text.format("Cy")).answered(**{"training-0": "saw"})
    carry_out(Author(name="test"), "demo", drop=["training/saw"])
    sheet.answered(asked="1")
    sheet = Sheet(browser, text.format("Dee"))
    assert "Coupe Truc" in sheet.page()


def test_another_worksheet_can_be_chosen(sqlite):
    lines = [["Nom", "Prénom", "Fin d'adhésion"], ["Now", "Ann", "31/12/2027"]]
    old = ("2025", [["Nom", "Prénom", "Fin d'adhésion", "E-mail"], ["Then", "Bob", "31/12/2025", "b@x.org"]])
    raw = workbook([["Badge", "Nom"], ["04A3C6CA", "x"]], name="Badges", others=[("2026", lines), old])
    sheet = Sheet(start(), raw, "list.xlsx")
    assert "Ann Now" in sheet.page() and "Of several worksheets" in sheet.page()
    sheet.answered(worksheet="1")
    assert "Bob Then" in sheet.page() and "Ann Now" not in sheet.page()


def test_what_was_said_is_remembered_though_a_column_more_came(sqlite):
    browser = start()
    head = "nom;prénom;commentaire;puce;quartier"
    Sheet(browser, f"{head}\nA;Ann;x;04A3C6CA;Nord\n").answered(
        **{"column-0": "name", "column-1": "first_name", "column-3": "badge"}
    ).taken()
    page = Sheet(browser, f"{head};fixe\nB;Bob;x;04A3C6CB;Nord;04\n").page()
    assert "1 badge" in page


@pytest.mark.parametrize("name", ["ann(@x.y", "a\x01b@example.org", "a@b", "@x.org"])
def test_an_address_that_the_page_would_refuse_is_left_out_and_told(sqlite, name):
    browser = start()
    sheet = Sheet(browser, f"nom;email;ville\nAnn;{name};Di\x01e\u202e\n")
    sheet.taken()
    from server.people.models import Particulars

    found = Particulars.objects.get()
    assert found.email in {"", "ab@example.org"} and found.commune == "Die"
