"""Two members who are one person: what they are as one, what follows them, and that it can be taken back."""

import gzip
import json
import re
from datetime import date

import pytest
from books import Books
from browsing import client, do, fill, row, shown
from central import configuration
from everything import every_row, one_of_everything

from protocol import entries
from protocol.entries import Ended, Ending, Granted
from protocol.moment import Quality
from protocol.rows import Badge, Certification, Level, Member
from server.people.merging.union import Choice

PAST, SOON, LATE = date(2020, 1, 1), date(2030, 1, 1), date(2031, 1, 1)


@pytest.fixture
def author(database):
    from server.edits.authors import Author

    return Author(name="test")


def merged(author, kept, gone, **choice):
    from server.people.merging.merge import merge

    return merge(author, Choice(kept, gone, **choice))


def put(author, *rows):
    from server.edits.editing import carry_out

    return carry_out(author, "demo", rows)


# --- who is who ---


def test_a_member_merged_into_one_who_was_merged_is_whoever_that_is_now(author):
    from server.edits.editing import EditError
    from server.people.members import named
    from server.people.merging import aliases
    from server.people.merging.separate import separate

    fill()
    merged(author, "m002", "m003")
    merged(author, "m001", "m002")
    merged(author, "m003", "m004")
    assert aliases.resolve(["m004", "m003", "m001", "m009"]) == {
        "m004": "m001", "m003": "m001", "m001": "m001", "m009": "m009",
    }  # fmt: skip
    for kept, gone in (("m003", "m001"), ("m001", "m003"), ("m001", "m001"), ("m001", "nobody")):
        with pytest.raises(EditError):
            merged(author, kept, gone)
    assert named("m003").pk == "m001"
    separate(author, "m002")
    assert aliases.resolve(["m003", "m002", "m004"]) == {"m003": "m002", "m002": "m002", "m004": "m001"}
    assert row(f"badge/{3:032x}").member == "m002"
    assert row(f"badge/{4:032x}").member == "m001"


def test_a_new_id_is_never_one_that_was_merged(author, monkeypatch):
    from server.core import state
    from server.edits.models import Change
    from server.people.members import new_id
    from server.people.models import MergedMember

    MergedMember.objects.create(gone="m-0001", kept="m001")
    assert not Change.objects.exists()
    assert state.next_numbers("other", 1)
    assert new_id() == "m-0002"


def test_every_column_in_which_a_members_id_stands_says_how_it_follows(sqlite):
    from server.people.merging.aliases import HELD

    one_of_everything()
    from server.edits.authors import Author

    put(Author(name="test"), Member("carl", "Carl", payer="ann"))
    from django.apps import apps

    found = set()
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            if any(
                re.search(r"(?<![\w@.])ann(?![\w@.])", str(value))
                for value in model._default_manager.values_list(field.attname, flat=True)
            ):
                found.add(f"{model._meta.label}.{field.attname}")
    assert found <= HELD.keys(), found - HELD.keys()
    assert {"usage.Session.said", "upkeep.Defect.member", "people.Member.payer"} <= found, "the control: it finds some"


# --- journals, and what else speaks of old ids ---


def test_what_a_controller_sends_late_of_an_old_id_is_the_members_and_goes_back_with_them(author):
    from server.people.merging.separate import separate
    from server.usage import rebuild
    from server.usage.models import Session

    fill()
    books = Books()
    device = books.devices[0]
    books.send(device, (0, entries.Clock(1_790_000_000_000, Quality.SYNCHRONISED)))
    merged(author, "m001", "m002")
    late = (Granted("s1", "laser-a", "m002", "a" * 32, Level.USER), Ended("s1", "laser-a", Ending.IDLE, 60_000))
    books.send(device, (1_000, late[0]), (61_000, late[1]))
    assert Session.objects.get().member == "m001"
    assert Session.objects.get().said == "m002"
    assert rebuild.rebuild().changed == 0
    separate(author, "m002")
    assert Session.objects.get().member == "m002"
    assert rebuild.rebuild().changed == 0


def test_an_edit_made_at_a_machine_of_an_old_id_is_about_the_member(author):
    from protocol.entries import Edited
    from server.core import state
    from server.devices import local_edits
    from server.devices.models import Device, Proposal
    from server.whitelist.models import Machine

    fill()
    device = Device.objects.create(id="d-1", name="Pi", key="k" * 43, sealing="s", sent=state.version())
    Machine.objects.filter(pk="laser").update(device=device)
    base = state.version()
    merged(author, "m001", "m002")
    generation = int(state.get(state.GENERATION))
    edit = Edited(
        1, 1, 0, "m000", rows=(Member("m002", excluded=True),), base=base, generation=generation, machine="laser"
    )
    local_edits.take_over(device, "e" * 16, 1, edit)
    assert row("member/m001").excluded
    assert row("member/m002") is None
    assert row("member/m001").name == "Member 001"
    given = Edited(
        1, 1, 0, "m000", rows=(Certification("m002", "laser"),), base=base, generation=generation, machine="laser"
    )
    local_edits.take_over(device, "e" * 16, 2, given)
    assert row("certification/m002/laser") is None
    assert not Proposal.objects.filter(key__contains="m002").exclude(device=device).exists()


def test_what_a_controller_proposed_of_an_old_id_is_proposed_of_the_member(author):
    from protocol.rows import encode_row
    from server.devices import proposals
    from server.devices.models import Device, Proposal

    fill()
    device = Device.objects.create(id="d-1", name="Pi", key="k" * 43, sealing="s")
    for each in (Member("m002", "Else"), Badge("e" * 32, "m002"), Certification("m002", "wood")):
        Proposal.objects.create(device=device, key=each.key, row=encode_row(each).decode())
    merged(author, "m001", "m002")
    assert {key for key, _row in proposals.of(device)} == {
        "member/m001",
        f"badge/{'e' * 32}",
        "certification/m001/wood",
    }
    proposals.take_over(author, device, {"certification/m001/wood"})
    assert row("certification/m001/wood") is not None
    assert Proposal.objects.count() == 2
    proposals.take_over(author, device)
    assert row(f"badge/{'e' * 32}").member == "m001"
    assert row("member/m001").name == "Member 001"
    assert not Proposal.objects.exists()


# --- on the pages ---


def test_the_page_shows_both_and_what_they_will_be_and_merges_with_what_was_chosen(database):
    from server.accounts.models import Account
    from server.people.models import Particulars

    fill()
    Particulars.objects.create(pk="m002", birth_year=1980, email="two@example.org")
    account = Account.objects.create(username="two", member="m002")
    browser = client("fabmanager")
    page = browser.get("/merge?one=m001&other=Member 002 (m002)", secure=True).content.decode()
    for said in ("Member 001", "Member 002", "two@example.org", "1980", "certified member"):
        assert said in page, said
    fields = {
        key: value
        for key, value in shown(browser, "/merge?one=m001&other=m002").items()
        if key != "csrfmiddlewaretoken"
    }
    before = every_row()
    do(browser, "/merge", **fields, name="m002")
    assert row("member/m001").name == "Member 002"
    assert row("member/m002") is None
    account.refresh_from_db()
    assert account.member == "m001"
    assert Particulars.objects.get().pk == "m001"
    there = browser.get("/members/m002", secure=True)
    assert there.headers["Location"] == "/members/m001"
    assert "Separate" in browser.get("/members/m001", secure=True).content.decode()
    assert "Member 002" in browser.get("/whitelist?q=m002", secure=True).content.decode(), "found by the old id"
    do(browser, "/separate", gone="m002")
    after = every_row()
    for table in ("people.Member", "people.Badge", "people.Particulars", "whitelist.Certification", "accounts.Account"):
        assert after[table] == before[table], table


def test_undo_in_the_history_separates_all_of_it_and_what_changed_since_is_named(database):
    from server.edits.models import Edit
    from server.people.models import MergedMember

    fill()
    browser = client("fabmanager")
    do(browser, "/merge", kept="m001", gone="m002")
    edit = Edit.objects.get(what="merged")
    do(browser, "/members/m001", do="exclude")
    do(browser, f"/history/{edit.pk}/undo")
    page = browser.get("/history", secure=True).content.decode()
    assert page.count("excluded Member 001") > 2, "the refusal names it, besides its line and its button"
    assert MergedMember.objects.exists(), "refused: she would be let in again"
    do(browser, f"/history/{Edit.objects.get(what='excluded').pk}/undo")
    do(browser, f"/history/{edit.pk}/undo")
    assert not MergedMember.objects.exists()
    assert row("member/m002").name == "Member 002"


def test_nobody_into_whom_somebody_was_merged_goes_by_an_undo(author):
    from server.edits.editing import EditError, undo

    fill()
    entered = put(author, Member("x", "X"))
    put(author, Member("y"))
    merged(author, "x", "y")
    with pytest.raises(EditError, match="merged into this one"):
        undo(author, entered)
    assert row("member/x") is not None


def test_an_id_of_somebody_who_was_forgotten_gives_nobody_a_badge(author):
    from server.people.forgetting import forget

    fill()
    merged(author, "m001", "m002")
    forget(author, "m001")
    put(author, Badge("e" * 32, "m002"), Member("m002", "Back"))
    assert row(f"badge/{'e' * 32}") is None
    assert row("member/m002") is None


def test_a_separation_is_not_undone_row_by_row(sqlite):
    from server.edits.models import Edit

    fill()
    browser = client("fabmanager")
    do(browser, "/merge", kept="m001", gone="m002")
    do(browser, "/separate", gone="m002")
    do(browser, f"/history/{Edit.objects.get(what='undone').pk}/undo")
    assert "anew" in browser.get("/history", secure=True).content.decode()
    assert row("member/m002") is not None


def test_a_merging_is_no_revocation_that_has_not_arrived_but_excluding_somebody_by_it_is(author):
    from server.core import clock
    from server.devices.models import Device
    from server.edits.models import Change
    from server.whitelist.models import Machine
    from server.whitelist.undelivered import undelivered

    fill()
    holds = {"holds": Change.objects.order_by("-version").first().version, "seen": clock.now()}
    device = Device.objects.create(id="d-1", name="Pi", key="k" * 43, sealing="s", **holds)
    Machine.objects.filter(pk="laser").update(device=device)
    merged(author, "m002", "m001")
    assert undelivered() == []
    put(author, Member("m004", "Out", excluded=True))
    Device.objects.update(holds=Change.objects.order_by("-version").first().version)
    merged(author, "m003", "m004")
    assert [each.members for each in undelivered()] == [{"m003"}]


def test_a_backup_of_before_says_whose_sessions_were(sqlite, tmp_path):
    from server.operations import backup
    from server.usage.models import Session

    one_of_everything()
    backup.write(configuration, tmp_path / "b")
    with gzip.open(tmp_path / "b", "rt") as file:
        lines = [json.loads(line) for line in file]
    at = None
    for line in lines:
        if isinstance(line, dict):
            at = line["columns"].index("said") if line.get("table") == "usage.Session" else None
            if at is not None:
                del line["columns"][at]
        elif at is not None:
            del line[at]
    with gzip.open(tmp_path / "b", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    backup.restore(configuration, tmp_path / "b")
    assert set(Session.objects.values_list("said", "member")) == {("ann", "ann")}


def test_whoever_may_less_than_an_account_of_either_merges_nobody(sqlite):
    from server.people.models import MergedMember

    fill()
    client("administrator", "m001")
    do(client("fabmanager"), "/merge", kept="m001", gone="m002")
    do(client("fabmanager", "x"), "/merge", kept="m002", gone="m001")
    assert not MergedMember.objects.exists()
    assert do(client("trainer", "m003"), "/merge", kept="m002", gone="m004").status_code == 403


def test_a_form_that_was_shown_before_one_of_them_changed_is_refused(sqlite):
    fill()
    browser = client("fabmanager")
    fields = shown(browser, "/merge?one=m001&other=m002", host="localhost")
    do(client("fabmanager", "x"), "/members/m002", do="save", name="Another")
    answer = do(browser, "/merge", **fields)
    assert answer.status_code == 422
    assert "meanwhile" in answer.content.decode()
    assert row("member/m002").name == "Another"


def test_whoever_is_forgotten_is_so_under_every_id_and_name(database):
    from server.people.models import Particulars
    from server.usage.models import Forgotten, Session

    fill()
    browser = client()
    do(browser, "/members/m002", do="save", name="Zebulon Quartzheim")
    Particulars.objects.create(pk="m002", email="zebulon@example.org")
    Particulars.objects.create(pk="m001", email="other@example.org")
    do(browser, "/merge", kept="m001", gone="m002", name="m001")
    do(browser, "/members/m001", do="forget", sure="m001")
    found = [(table, line) for table, lines in every_row().items() for line in lines.values()
             if "Zebulon" in str(line) or "zebulon@" in str(line)]  # fmt: skip
    assert not found
    assert set(Forgotten.objects.values_list("pk", flat=True)) == {"m001", "m002"}
    books = Books()
    books.send(books.devices[0], (0, entries.Clock(1_790_000_000_000, Quality.SYNCHRONISED)),
               (1_000, Granted("s1", "laser-a", "m002", "a" * 32, Level.USER, payer="school")))  # fmt: skip
    assert Session.objects.get().member == "m001"
    assert (Session.objects.get().payer, Session.objects.get().badge) == ("", "")


def test_whoever_is_for_one_workshop_merges_nobody_who_is_trained_in_another(sqlite):
    from cast import HOME, NEIGHBOUR, keeper, stage

    stage()
    browser = keeper(NEIGHBOUR)
    answer = do(browser, "/merge", kept=f"p-{NEIGHBOUR}", gone=f"p-{HOME}")
    assert answer.status_code == 422
    assert "another workshop" in answer.content.decode()
    assert row(f"member/p-{HOME}") is not None
    assert do(keeper(), "/merge", kept=f"p-{NEIGHBOUR}", gone=f"p-{HOME}").status_code == 302


def test_a_session_that_is_being_made_while_its_member_is_merged_follows_them(postgres):
    import threading

    from central import until
    from django.db import connection, connections, transaction

    from server.devices.models import Device
    from server.edits.authors import Author
    from server.people.merging import aliases
    from server.usage.models import Session

    fill()
    device = Device.objects.create(id="d", key="k", sealing="s")

    def merge_meanwhile():
        merged(Author(name="test"), "m001", "m002")
        connections.close_all()

    def waits():
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory' and not granted")
            return cursor.fetchone()[0]

    other = threading.Thread(target=merge_meanwhile)
    with transaction.atomic():
        aliases.hold()
        Session.objects.create(
            device=device, session="s", machine="laser", member="m002", said="m002", boot="b", began=0, quality="kept"
        )
        other.start()
        until(waits, "the merging waits for what is being made")
    other.join()
    assert Session.objects.get().member == "m001"
