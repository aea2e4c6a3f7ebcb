"""A sheet of members is asked about and looked at before it counts; and one click takes it back."""

import io
from datetime import date

import pytest
from browsing import client, fill, row
from imports.sheet import Sheet, members, words, workbook

HEAD = "numéro;nom;prénom;badge;fin d'adhésion;formations\n"


def start(language="en"):
    fill()
    return client(**{"accept-language": language})


def test_a_sheet_is_looked_at_before_it_counts_and_can_be_taken_back(database):
    from server.edits.authors import Author
    from server.edits.editing import undo
    from server.edits.models import Edit

    browser = start()
    sheet = Sheet(browser, (HEAD + "A7;Dupré;Zoé;04A3C6CA;31/12/2027;laser\n").encode("cp1252"))
    assert "Zoé Dupré" in sheet.page() and row("member/A7") is None
    assert "imported" in sheet.taken()
    assert row("certification/A7/laser") is not None and row("member/A7").until == date(2027, 12, 31)
    assert "members.csv" in words(browser.get("/import", secure=True))
    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert row("member/A7") is None and row("certification/A7/laser") is None


def test_the_preview_has_one_row_a_person_in_the_readers_language(sqlite):
    browser = start("fr")
    lines = "".join(f"A{n};Nom;Zoé {n};04A3C6{n:02X};31/12/2027;laser,wood\n" for n in range(40))
    page = browser.get(Sheet(browser, HEAD + lines).place, secure=True).content.decode()
    shown = page.rpartition("<tbody>")[2]
    assert shown.count("<tr>") == 40
    first = words(type("Answer", (), {"content": shown.partition("</tr>")[0].encode()})())
    assert "31/12/2027" in first and "1 badge" in first and "Laser" in first and "nouvel" in first


def test_a_long_preview_has_pages_that_lead_through_all_of_it(sqlite):
    browser = start()
    sheet = Sheet(browser, "id;nom\n" + "".join(f"A{n};Somebody {n:03}\n" for n in range(250)))
    pages = [sheet.page(f"?from={start}") for start in (0, 100, 200)]
    assert "Somebody 050" in pages[0] and "Somebody 099" in pages[0] and "1 to 100 of 250" in pages[0]
    assert "Somebody 249" in pages[2] and "Somebody 050" not in pages[2]
    assert "250" in sheet.page("?from=99999999999") and sheet.page("?from=x")


def test_ids_are_made_that_are_no_names_and_only_once(sqlite):
    browser = start()
    text = "nom;prénom\nDupré;Zoé\nMartin;Paul\n"
    Sheet(browser, text).taken()
    ids = {members()[name].pk for name in ("Zoé Dupré", "Paul Martin")}
    assert all(each.startswith("m-") and not set("duprezoemartinpaul") & set(each[2:]) for each in ids)
    sheet = Sheet(browser, text.replace("Dupré", "DUPRE\u00a0"))
    sheet.taken()
    assert {each.pk for each in members().values() if each.pk.startswith("m-")} == ids, "the same people again"


def test_people_and_trainings_are_found_whatever_their_letters(database):
    from protocol.rows import Training
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.people.models import Member
    from server.whitelist.models import Training as Trained

    browser = start()
    carry_out(Author(name="test"), "demo", [Training("decoupe", "Découpe laser")])
    before = Trained.objects.count()
    text = "membre;nom;formations\nADH-7;Peter T;DECOUPE LASER\nadh-7;Peter T;\nM001;;découpe\u00a0la\u200bser\n"
    Sheet(browser, text).taken()
    assert Trained.objects.count() == before
    assert row("certification/ADH-7/decoupe") and row("certification/m001/decoupe")
    assert not Member.objects.filter(pk__in=["adh-7", "M001"]).exists()


@pytest.mark.parametrize("word", ["Date de fin d'adhésion", "Fin d’adhésion", "FIN ADHÉSION", "Membership end date"])
def test_until_when_a_membership_holds_is_never_lost(sqlite, word):
    Sheet(start(), f"nom;{word}\nLéa Test;31/12/2026\n").taken()
    assert members()["Léa Test"].until == date(2026, 12, 31)


def test_a_column_that_is_not_read_is_named_and_loudly_where_it_holds_days_or_trainings(sqlite):
    browser = start()
    sheet = Sheet(browser, "nom;téléphone;entrée;stages\nLéa Test;Die;01/02/2026;Laser\n")
    page = browser.get(sheet.place, secure=True).content.decode()
    loud = [part.partition("</p>")[0] for part in page.split('class="note locked"')[1:]]
    assert any("entrée" in each for each in loud) and any("stages" in each for each in loud)
    assert not any("téléphone" in each for each in loud) and "téléphone" in page
    sheet.answered(**{"column-0": "name", "column-2": "membership_until", "column-3": "trainings"})
    sheet.taken()
    assert members()["Léa Test"].until == date(2026, 2, 1)


def test_what_columns_mean_is_remembered_for_the_next_sheet_of_the_kind(sqlite):
    browser = start()
    Sheet(browser, "qui;quand\nLéa;31/12/2026\n").answered(
        **{"column-0": "name", "column-1": "membership_until"}
    ).taken()
    again = Sheet(browser, "QUI ;Quand\nLéo;31/12/2027\n")
    assert again.status == 302
    again.taken()
    assert members()["Léo"].until == date(2027, 12, 31)


@pytest.mark.parametrize("head", ["id;numero;nom", "nom;prenom;nom complet", "badge;uid;nom"])
def test_two_columns_of_one_meaning_wait_for_a_word(sqlite, head):
    browser = start()
    sheet = Sheet(browser, f"{head}\n1;2;3\n")
    assert sheet.status == 422 and "same" in sheet.says()
    sheet.answered(**{"column-0": "member", "column-2": "name"})
    assert sheet.status == 302 and "3" in sheet.page()


def test_badges_that_a_spreadsheet_may_have_ruined_are_asked_about_one_by_one(database):
    browser = start()
    text = "nom;badge\nAnn A;04A3C6CA\nBob B;1,23E+13\nCy C;12345E78\nDee D;4A3C6CA\nEve E;0012345678\n"
    sheet = Sheet(browser, text)
    said = sheet.page()
    assert "4 badges" in said and all(each in said for each in ("1,23E+13", "12345E78", "4A3C6CA", "0012345678"))
    assert "printed on a card" in said
    sheet.answered(**{"badge-0": "04A3C6CB", "right": "1"})
    assert "2 badges" in sheet.page()
    sheet.taken()
    from server.people.models import Badge

    owners = {members()[name].pk: name for name in ("Ann A", "Bob B", "Cy C", "Dee D", "Eve E")}
    found = sorted(owners[each.member] for each in Badge.objects.all() if each.member in owners)
    assert found == ["Ann A", "Bob B", "Cy C"], "what nobody answered is left out, and its people are there"


def test_an_answer_that_is_no_badge_is_said_with_its_line(sqlite):
    sheet = Sheet(start(), "nom;badge\nAnn A;1,23E+13\n").answered(**{"badge-0": "hello"})
    assert sheet.status == 422 and "line 2" in sheet.says() and "hexadecimal" in sheet.says()


def test_a_workbook_says_itself_which_badges_are_text(sqlite):
    raw = workbook(
        [["Liste"], [], ["Nom", "Badge", "Fin d'adhésion"], ["Ann A", "12345E78", date(2027, 12, 31)],
         ["Bob B", 4123456, 46752], ["Cy C", "04A3C6CA", None]],
        others=[("Notice", [["Lisez-moi"]])],
    )  # fmt: skip
    sheet = Sheet(start(), raw, "membres.xlsx")
    assert "1 badge that" in sheet.page() and "4123456" in sheet.page()
    sheet.taken()
    assert members()["Ann A"].until == date(2027, 12, 31) == members()["Bob B"].until


def test_bad_lines_are_named_and_may_be_left_out(sqlite):
    sheet = Sheet(start(), "nom;fin d'adhésion\nAnn A;31/12/2027\nBob B;31/02/2027\n;x\n")
    assert sheet.status == 422 and "line 3" in sheet.says() and "line 4" in sheet.says()
    assert "Ann A" not in members()
    sheet.answered("without_bad")
    assert "2 lines are left out" in sheet.page()
    sheet.taken()
    assert "Ann A" in members() and "Bob B" not in members()


def test_a_training_that_is_not_known_may_be_the_same_as_one_that_is(sqlite):
    from server.whitelist.models import Training

    sheet = Sheet(start(), "nom;formations\nAnn A;Lazer\n")
    assert "Is it the same as Laser?" in sheet.page()
    sheet.answered(**{"training-0": "laser"}).taken()
    assert row(f"certification/{members()['Ann A'].pk}/laser") and not Training.objects.filter(name="Lazer").exists()


def test_fab_managers_numbers_of_trainings_are_asked_about_once(sqlite):
    browser = start()
    head = "id;first_name;last_name;external_id;group;trainings\n"
    sheet = Sheet(browser, head + '7;Marie;Curie;04A3C6CAE26180;student;"1,2"\n')
    assert "“1”" in sheet.page() and "“2”" in sheet.page()
    sheet.answered(**{"training-0": "laser"}).taken()
    assert row("certification/7/laser") and not row("certification/7/wood")
    Sheet(browser, head + "8;Jean;Roe;;;1\n").taken()
    assert row("certification/8/laser"), "it is remembered"


def test_lines_of_people_who_left_are_left_out_and_said(sqlite):
    head = "Référence commande;Statut de la commande;Nom adhérent;Prénom adhérent;Nom payeur;Tarif\n"
    sheet = Sheet(start(), head + "1;Validé;A;Ann;A;Plein\n2;Remboursé;B;Bob;B;Plein\n")
    said = sheet.page()
    assert "1 line says itself" in said and "no end" in said
    sheet.answered(until="2027-08-31").taken()
    assert members()["Ann A"].until == date(2027, 8, 31) and "Bob B" not in members()


def test_a_template_in_either_language_is_read_back(sqlite):
    from protocol.sheets import guessing
    from server.imports.opening import tables_of

    fill()
    for language in ("en", "fr"):
        browser = client("fabmanager", language, **{"accept-language": language})
        for kind in ("csv", "xlsx", "ods"):
            answer = browser.get(f"/import-template?as={kind}", secure=True)
            (table,) = tables_of(b"".join(answer.streaming_content) if answer.streaming else answer.content)
            assert len(guessing.guess(table).columns) == len(table.headings) > 8, (language, table.headings)


def test_our_own_sheet_of_members_is_read_back_and_changes_nothing(sqlite):
    browser = start()
    answer = browser.get("/members-sheet?as=csv", secure=True)
    sheet = Sheet(browser, b"".join(answer.streaming_content))
    assert "all of it is known already" in sheet.page()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"PK\x03\x04" + bytes(200), "x.xlsx"), (b"\xd0\xcf\x11\xe0" + bytes(600), "x.xls"), (b"", "x.csv"),
        (workbook([["Nom"] + [None] * 2, *[[None]] * 3]) + b"", "empty.xlsx"), (bytes(range(256)), "x.csv"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_sheet_says_what_to_do(sqlite, raw, name):
    sheet = Sheet(start(), raw, name)
    assert sheet.status in {302, 422} and ("Import" in sheet.says())


def test_a_workbook_that_unfolds_to_more_than_there_is_hurts_nobody(sqlite):
    import xlsxwriter

    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "nom")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    assert Sheet(start(), made.getvalue(), "bomb.xlsx").status == 422


def test_what_the_server_alone_keeps_is_filled_where_it_is_empty_and_taken_back(database):
    from server.edits.authors import Author
    from server.edits.editing import EditError, undo
    from server.edits.models import Edit
    from server.people.models import Particulars

    browser = start()
    Particulars.objects.create(pk="m000", email="own@example.org")
    head = "id;nom;courriel;date de naissance;ville\n"
    lines = "m000;Member 000;other@example.org;12/03/1985;Die\nA1;Zoé;zoe@example.org;1990;Crest\n"
    sheet = Sheet(browser, head + lines + "A2;Léo;not an address;12/03/45;\n")
    said = sheet.page()
    assert "zoe@example.org" in said and "born in 1985" in said and "2 cells say nothing" in said
    assert "other@example.org" not in said.partition("3 persons")[2], "what is known stays"
    sheet.taken()
    known = {each.pk: (each.email, each.birth_year, each.commune) for each in Particulars.objects.all()}
    assert known == {"m000": ("own@example.org", 1985, "Die"), "A1": ("zoe@example.org", 1990, "Crest")}
    Particulars.objects.filter(pk="m000").update(commune="Valence")
    edit = Edit.objects.get(what="imported")
    undo(Author(name="test"), edit)
    known = {each.pk: (each.email, each.birth_year, each.commune) for each in Particulars.objects.all()}
    assert known == {"m000": ("own@example.org", None, "Valence")}, "what somebody changed since stays"
    with pytest.raises(EditError):
        undo(Author(name="test"), Edit.objects.get(pk=edit.pk))


def test_a_sheet_of_addresses_alone_is_an_import_and_taken_back_too(database):
    from server.edits.authors import Author
    from server.edits.editing import EditError, undo
    from server.edits.models import Edit
    from server.people.models import Particulars

    Sheet(start(), "id;email\nm000;a@example.org\n").taken()
    assert Particulars.objects.get(pk="m000").email == "a@example.org"
    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert Particulars.objects.get(pk="m000").email == ""
    with pytest.raises(EditError):
        undo(Author(name="test"), Edit.objects.get(what="imported"))


def test_what_follows_from_a_birth_comes_and_goes_with_the_import(database):
    from server.edits.authors import Author
    from server.edits.editing import undo
    from server.edits.models import Edit
    from server.whitelist.models import Condition

    browser = start()
    Condition.objects.create(training="wood", what="age", asked="18")
    Sheet(browser, "id;nom;naissance\nA1;Zoé;1990\n").taken()
    assert row("certification/A1/wood") is not None
    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert row("certification/A1/wood") is None and row("member/A1") is None


def test_whoever_is_forgotten_is_in_nothing_that_an_import_filled(sqlite):
    from browsing import do

    from server.imports.models import Filled

    browser = start()
    Sheet(browser, "id;email\nm000;a@example.org\nm002;b@example.org\n").taken()
    do(browser, "/members/m000", do="forget", sure="m000")
    assert list(Filled.objects.get().values) == ["m002"]


def test_a_long_sheet_asks_the_database_for_many_at_once(database):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from server.accounts.models import Account
    from server.edits.authors import Author
    from server.edits.editing import undo
    from server.edits.models import Edit
    from server.imports import drafts

    start()
    lines = "".join(f"A{n};Nom;Zoé {n};04A3C6{n:08X};31/12/2027;laser,wood\n" for n in range(600))
    account = Account.objects.get()
    with CaptureQueriesContext(connection) as reading:
        draft = drafts.read(account.pk, "long.csv", (HEAD + lines).encode())
    drafts.Draft.objects.filter(pk=draft.pk).update(state="running")
    with CaptureQueriesContext(connection) as taking:
        drafts._take_over(draft, Author(account=account, name="x"), set())
    with CaptureQueriesContext(connection) as undoing:
        undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert [len(each) < 200 for each in (reading, taking, undoing)] == [True] * 3, (
        len(reading), len(taking), len(undoing),
    )  # fmt: skip
