"""What happens to a machine, on the server: defects from button, shell, page and QR code; for how long it was down."""

from datetime import UTC, datetime
from itertools import count

import pytest
from browsing import client, do
from django.test import Client
from everything import MS, one_of_everything
from hypothesis import given
from hypothesis import strategies as st

from protocol import entries

HOUR = 3_600_000


def told(*said, at=1_000, boot="b1"):
    """Have the controller's journal say these, an hour apart, and the server read it out."""
    from server.journal import processing
    from server.journal.models import Entry, Stream

    stream = Stream.objects.order_by("pk").first()
    seq = stream.acknowledged_seq
    for number, entry in enumerate(said):
        seq += 1
        body = entries.encode_entry(entry).decode()
        Entry.objects.create(stream=stream, seq=seq, boot=boot, at=at + number * HOUR, came=MS, body=body)
    Stream.objects.filter(pk=stream.pk).update(acknowledged_seq=seq)
    while processing.step():
        pass


@pytest.fixture
def lived(sqlite):
    one_of_everything()
    from server.inbox.models import Notice
    from server.upkeep.models import Defect, Downtime

    told()
    Defect.objects.all().delete()
    Downtime.objects.all().delete()
    Notice.objects.all().delete()


looks = count()


def shown(path="/machines/laser", role="fabmanager"):
    return client(role, f"{next(looks)}").get(path, secure=True).content.decode()


def test_a_fault_and_a_lock_count_as_one_time_down_where_they_overlap(lived):
    from server.upkeep.models import Downtime

    told(
        entries.FaultLatched("laser", "door"),  # 0 h
        entries.Locked("laser", "mirror", "root"),  # 1 h
        entries.FaultLatched("laser", "chiller"),  # 2 h
        entries.FaultCleared("laser", "laure"),  # 3 h
        entries.Unlocked("laser", "root"),  # 4 h
        entries.Clock(MS, entries.Quality.SYNCHRONISED),
    )
    found = {each.what: each for each in Downtime.objects.all()}
    assert {what: (each.began, each.ended, each.over) for what, each in found.items()} == {
        "fault": (MS + 1_000, MS + 1_000 + 3 * HOUR, True),
        "lock": (MS + 1_000 + HOUR, MS + 1_000 + 4 * HOUR, True),
    }, "dated once the boot's clock was known"
    assert (found["fault"].why, found["fault"].by) == ("door, chiller", "laure")
    text = shown()
    assert 'aria-label="Hours down by month: Nov 4\u00a0h\u00a000"' in text
    assert "mirror" in text and "door, chiller" in text


def test_what_goes_on_is_down_until_now_and_what_no_clock_dated_is_shown_without_a_time(lived):
    from server.upkeep.models import Downtime

    told(entries.FaultLatched("laser", "door"), boot="clockless")
    assert (Downtime.objects.get().began, Downtime.objects.get().over) == (None, False)
    assert "still" in shown()
    Downtime.objects.update(began=MS)
    assert "<svg class" in shown()


def test_a_button_reports_a_defect_once_an_hour_and_the_inbox_leads_to_it(lived):
    from server.inbox.models import Notice
    from server.upkeep.models import Defect

    button = entries.Reported("laser", input="defect-button", member="ann")
    told(button, button, button)
    assert Defect.objects.count() == Notice.objects.filter(what="defect").count() == 1
    text = shown()
    assert "defect-button" in text and "Ann Fox" in text and "at the machine" in text
    assert 'href="/machines/laser"' in shown("/inbox")
    assert "1 defect reported" in shown("/machines", "trainer")
    told(entries.Mended("laser", "root", "new lens"), at=2_000)
    assert "Nothing is reported." in shown() and "new lens" in shown()


def test_a_defect_is_reported_and_mended_on_the_machines_page(lived):
    from server.upkeep.models import Defect

    browser = client("trainer")
    assert do(browser, "/machines/laser", do="report", note="").status_code == 422
    for note in ("the belt squeaks", "the lens is scratched"):
        assert do(browser, "/machines/laser", do="report", note=note).status_code == 302
    one, two = Defect.objects.order_by("pk")
    assert do(browser, "/machines/laser", do="mended", defect=one.pk, note="oiled").status_code == 302
    assert do(browser, "/machines/laser", do="mended", defect=one.pk).status_code == 422, "it is already"
    assert do(browser, "/machines/laser", do="mended").status_code == 422
    two.refresh_from_db()
    assert two.done is None
    do(browser, "/machines/laser", do="all")
    assert not Defect.objects.filter(done=None).exists()
    assert browser.get("/machines/nothing", secure=True).status_code == 404
    assert do(client("member", "ann"), "/machines/laser", do="all").status_code == 403


def test_whoever_stands_at_a_machine_reports_without_an_account_and_sees_nothing_but_its_name(lived):
    from server.upkeep.models import Defect

    told(entries.Reported("laser", by="root", note="a secret of the house"))
    stranger = Client(secure=True, headers={"host": "localhost", "accept-language": "en"})
    text = stranger.get("/report/laser", secure=True).content.decode()
    assert "Laser 1" in text and "secret" not in text and "Ann" not in text
    assert do(stranger, "/report/laser", note="   ").status_code == 422
    answer = do(stranger, "/report/laser", note="<b>smoke</b>", name="Zoé")
    assert answer.status_code == 200 and "Noted" in answer.content.decode()
    kept = Defect.objects.latest("pk")
    assert (kept.note, kept.by, kept.place) == ("<b>smoke</b>", "Zoé", "stranger")
    assert "&lt;b&gt;smoke" in shown() and "<b>smoke" not in shown()
    for path in ("/report/nothing", "/report/new%2F..", "/report/"):
        assert stranger.get(path, secure=True).status_code == 404
    other = Client(secure=True, enforce_csrf_checks=True, headers={"host": "localhost"})
    assert other.post("/report/laser", {"note": "x"}, headers={"origin": "https://evil"}).status_code == 403


def test_a_stranger_cannot_bury_the_workshop_in_reports(lived):
    from server.upkeep.models import Defect

    stranger = Client(secure=True, headers={"host": "localhost"})
    answers = [do(stranger, "/report/laser", note=f"n{number}").status_code for number in range(15)]
    assert answers == [200] * 10 + [422] * 5
    browser = client("trainer")
    do(browser, "/machines/laser", do="all")
    assert do(stranger, "/report/laser", note="again").status_code == 422, "what was dealt with counts all the same"
    assert do(stranger, "/report/laser", note="x" * 301).status_code == 422
    for number in range(60):
        Defect.objects.update(came=datetime(2026, 1, 1, tzinfo=UTC))
        do(stranger, "/report/laser", note=f"m{number}", name="admin")
    assert Defect.objects.filter(done=None).count() == 30, "nobody needs more of one machine"
    assert "who says to be admin" in shown()
    assert do(browser, "/machines/laser", do="report", note="a real one").status_code == 302
    told(entries.Reported("laser", input="button"), entries.Reported("laser", by="root", note="from the shell"))
    assert {"a real one", "button", "from the shell"} <= set(Defect.objects.values_list("note", flat=True)), (
        "strangers keep back nobody who is known"
    )


def test_what_is_heard_late_mends_and_ends_nothing_that_is_newer(lived):
    from server.upkeep.models import Defect, Downtime

    told(entries.Clock(MS, entries.Quality.SYNCHRONISED), entries.Reported("laser", by="root", note="belt"))
    do(client("trainer"), "/machines/laser", do="report", note="cracked mirror")
    Defect.objects.filter(note="cracked mirror").update(reported=MS + 50 * HOUR, came=datetime(2027, 1, 1, tzinfo=UTC))
    told(entries.Mended("laser", "root"), entries.FaultLatched("laser", "door"), at=2 * HOUR)
    assert [each.note for each in Defect.objects.filter(done=None)] == ["cracked mirror"]
    told(entries.FaultCleared("laser", "root"), at=HOUR)  # of another journal, from before
    assert not Downtime.objects.get().over


def test_whoever_is_forgotten_is_named_by_no_defect(lived):
    told(entries.Reported("laser", input="button", member="ann"), entries.FaultLatched("laser", "door"))
    told(entries.FaultCleared("laser", "ann"), at=9 * HOUR)
    from server.edits.authors import Author
    from server.people.forgetting import forget
    from server.upkeep.models import Defect, Downtime

    forget(Author(name="root"), "ann")
    assert Defect.objects.get().member == "" and Downtime.objects.get().by == ""


def test_a_member_who_reported_with_an_account_is_forgotten_there_too(lived):
    from server.edits.authors import Author
    from server.people.forgetting import forget
    from server.upkeep.models import Defect

    do(client("trainer", "ann"), "/machines/laser", do="report", note="squeaks")
    assert Defect.objects.get().by == "trainer-ann"
    forget(Author(name="root"), "ann")
    assert (Defect.objects.get().by, Defect.objects.get().member) == ("", "")


spans_ = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=12)


@given(spans_)
def test_joined_spans_cover_what_the_single_ones_do_and_nothing_twice(found):
    from server.upkeep.spans import joined

    made = joined(found)
    covered = {moment for began, ended in found for moment in range(began, ended)}
    assert sorted(moment for began, ended in made for moment in range(began, ended)) == sorted(covered)
