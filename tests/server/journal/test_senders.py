"""Nothing that one sender does holds up the others: not by how much it sends, nor by how long that takes to read."""

import json
from types import SimpleNamespace

import pytest
from browsing import client, fill

EPOCH = "e" * 16


@pytest.fixture
def pi(database):
    from server.devices.models import Device
    from server.whitelist.models import Machine

    fill()
    device = Device.objects.create(id="pi", name="Pi", key="k" * 43)
    Machine.objects.filter(pk="laser").update(device=device)
    return device


def batch(after, entries, epoch=EPOCH):
    from server.journal import ingest

    head = {"epoch": epoch, "after": after, "upto": after + len(entries)}
    lines = [{"seq": after + n, "boot": "b", "at": n, "entry": entry} for n, entry in enumerate(entries, 1)]
    return ingest.read("\n".join(json.dumps(each) for each in (head, *lines)).encode())


def send(device, after, entries, epoch=EPOCH):
    from server.journal import ingest

    return ingest.take(device, batch(after, entries, epoch)).seq


def read_out():
    from server.journal import processing

    while processing.step():
        pass


def waiting():
    from server.inbox.models import Notice

    return {(each.what, each.subject): each for each in Notice.objects.filter(done=None)}


FAULT = {"type": "fault", "machine": "laser", "cause": "door"}


def test_a_day_has_so_many_entries_and_bytes_and_what_is_more_waits_for_tomorrow(pi, monkeypatch):
    from server.core import clock
    from server.journal import ingest

    monkeypatch.setattr(ingest, "MOST_ENTRIES", 5)
    monkeypatch.setattr(ingest, "MOST_BYTES", 1_000)
    assert send(pi, 0, [FAULT] * 3) == 3
    assert send(pi, 0, [FAULT] * 3) == 3, "what comes again is not counted again"
    with pytest.raises(ingest.TooMuchError):
        send(pi, 0, [FAULT] * 3, "f" * 16)  # another journal of the same controller's
    assert send(pi, 3, [FAULT] * 2) == 5
    with pytest.raises(ingest.TooMuchError):
        send(pi, 5, [FAULT])
    assert waiting()["too_much", ""].is_alarm
    later = clock.ms() + ingest.DAY_MS
    monkeypatch.setattr(clock, "ms", lambda: later)
    assert send(pi, 5, [FAULT]) == 6
    with pytest.raises(ingest.TooMuchError):
        send(pi, 6, [FAULT | {"cause": "x" * 1_000}])


def test_another_controller_has_a_day_of_its_own(pi, monkeypatch):
    from server.devices.models import Device
    from server.journal import ingest

    monkeypatch.setattr(ingest, "MOST_ENTRIES", 2)
    send(pi, 0, [FAULT] * 2)
    assert send(Device.objects.create(id="other", key="o" * 43), 0, [FAULT] * 2) == 2


def test_what_is_said_again_and_again_is_one_notice_with_a_count_and_an_alarm_stands_above_it(pi):
    from server.inbox.notices import notify

    send(pi, 0, [FAULT | {"cause": f"c{number}"} for number in range(300)])
    read_out()
    notify("conflict", pi, epoch=EPOCH)
    for number in range(300):
        notify("edited", pi, by="Ann", keys=f"member/{number}")
    found = waiting()
    assert found["fault", "laser"].count == 300
    assert found["fault", "laser"].about["cause"] == "c299"
    page = client("fabmanager").get("/inbox").content.decode()
    assert "300 times, the last" in page
    assert page.index("sent something else under numbers") < page.index("out of order")


def test_what_was_done_with_and_happens_again_is_said_again(pi):
    from server.inbox import notices

    notices.notify("fault", pi, subject="laser", machine="laser", cause="a")
    notices.done(waiting()["fault", "laser"], "ann")
    notices.notify("fault", pi, subject="laser", machine="laser", cause="b")
    assert waiting()["fault", "laser"].count == 1


def test_of_two_machines_of_a_controller_each_has_its_own_notice_and_gaps_add_up(pi):
    from server.inbox.notices import notify

    for machine in ("laser", "saw", "laser"):
        notify("fault", pi, subject=machine, machine=machine, cause="x")
    for missing in (3, 4):
        notify("gap", pi, epoch=EPOCH, missing=missing)
    found = waiting()
    assert (found["fault", "laser"].count, found["fault", "saw"].count) == (2, 1)
    assert found["gap", ""].about["missing"] == 7


def test_reading_out_gives_others_a_turn_after_each_slice_and_loses_nothing(pi, monkeypatch):
    from server.journal import processing
    from server.journal.models import Stream

    send(pi, 0, [FAULT | {"cause": f"c{number}"} for number in range(20)])
    monkeypatch.setattr(processing, "SLICE_S", 0.0)
    pauses = []
    steps = 0
    while processing.step(pauses.append):
        steps += 1
        assert Stream.objects.get().processed_seq == steps
    assert steps == 20
    assert len(pauses) >= 20
    assert waiting()["fault", "laser"].count == 20


def test_large_entries_are_read_a_few_at_a_time(pi, monkeypatch):
    from server.journal import processing
    from server.journal.models import Stream

    monkeypatch.setattr(processing, "BYTES", 1_000)
    monkeypatch.setattr(processing, "SLICE_S", 60.0)
    send(pi, 0, [FAULT | {"cause": "x" * 300} for _each in range(10)])
    assert processing.step()
    assert Stream.objects.get().processed_seq == 3
    read_out()
    assert waiting()["fault", "laser"].count == 10


def test_an_edit_over_a_version_that_is_being_sent_waits_for_that_and_no_longer(pi, monkeypatch):
    from server.core import clock, state
    from server.devices.models import Device
    from server.journal import processing
    from server.journal.models import Stream

    edit = {
        "type": "whitelist_edited", "version": 1, "put": 1, "dropped": 0, "by": "m000", "machine": "laser",
        "rows": [{"type": "certification", "member": "m005", "training": "laser"}],
        "base": state.version(), "generation": int(state.get(state.GENERATION)),
    }  # fmt: skip
    send(pi, 0, [FAULT, edit, FAULT])
    read_out()
    assert Stream.objects.get().processed_seq == 1, "what was before is read out"
    assert processing.is_behind()
    Device.objects.update(sent=state.version())
    read_out()
    assert Stream.objects.get().processed_seq == 3
    send(pi, 3, [edit | {"base": state.version() + 1_000}])
    read_out()
    assert processing.is_behind()
    later = clock.ms() + processing.EARLY_MS
    monkeypatch.setattr(clock, "ms", lambda: later)
    read_out()
    assert not processing.is_behind()


def test_below_a_floor_of_free_disk_controllers_wait_and_people_go_on(pi, monkeypatch):
    from browsing import do

    from server.core import room
    from server.devices.problems import ProblemError
    from server.journal.api import _take

    def usage(total, _used, free):
        return SimpleNamespace(total=total, free=free)

    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: usage(10**9, 0, room.FLOOR - 1))
    with pytest.raises(ProblemError, match="busy"):
        _take("pi", b"")
    assert do(client(), "/whitelist/cell/m001/laser", do="revoke").status_code == 302
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: usage(20_000_000, 0, 5_000_000))
    assert not room.is_short("/"), "of a small disk a quarter"


def test_what_the_database_could_not_do_just_then_is_done_later_and_no_entry_is_passed(pi, monkeypatch):
    from django.db import OperationalError

    from protocol.entries import FaultLatched
    from server.journal import processing
    from server.journal.models import Stream

    def fails(_written, _entry):
        raise OperationalError("database is locked")

    send(pi, 0, [FAULT])
    handlers = processing._handlers[FaultLatched]
    monkeypatch.setitem(processing._handlers, FaultLatched, [fails])
    with pytest.raises(OperationalError):
        processing.step()
    assert Stream.objects.get().processed_seq == 0
    monkeypatch.setitem(processing._handlers, FaultLatched, handlers)
    read_out()
    assert waiting()["fault", "laser"].count == 1


def test_journals_that_wait_for_something_keep_no_other_from_its_turn(pi, monkeypatch):
    from server.core import clock, state
    from server.devices.models import Device
    from server.journal import processing
    from server.journal.models import Entry, Stream

    monkeypatch.setattr(processing, "AT_MOST", 3)
    claims = {
        "type": "whitelist_edited", "version": 1, "put": 1, "dropped": 0, "by": "m000",
        "rows": [{"type": "member", "id": "x"}], "base": 10**9, "generation": int(state.get(state.GENERATION)),
    }  # fmt: skip
    for number in range(5):
        send(pi, 0, [claims], f"{number:016x}")
    other = Device.objects.create(id="other", key="o" * 43)
    send(other, 0, [FAULT])
    processing.step()
    assert Stream.objects.get(device=other).processed_seq == 1
    # What came when the server's own clock was ahead waits for no year to pass.
    Entry.objects.filter(stream__device=pi).update(came=clock.ms() + 365 * 86_400_000)
    read_out()
    assert not processing.is_behind()


def test_batches_without_entries_and_letters_of_four_bytes_are_counted_too(pi, monkeypatch):
    from server.journal import ingest
    from server.journal.models import Stream

    monkeypatch.setattr(ingest, "MOST_ENTRIES", 3)
    for after in range(3):
        ingest.take(pi, ingest.read(json.dumps({"epoch": EPOCH, "after": after, "upto": after + 1}).encode()))
    with pytest.raises(ingest.TooMuchError):
        ingest.take(pi, ingest.read(json.dumps({"epoch": EPOCH, "after": 3, "upto": 4}).encode()))
    assert Stream.objects.get().day_bytes > 100
