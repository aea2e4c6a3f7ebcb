"""Usage is what the journal says: it can be made again at any time, and comes out the same."""

from datetime import UTC, datetime

import pytest
from books import Books
from central import configuration

from protocol import entries
from protocol.entries import Ended, Ending, Granted, Past, Purpose, Resumed
from protocol.moment import Quality
from protocol.rows import Level

DAY = 86_400_000
NOW = 1_790_000_000_000  # 2026


@pytest.fixture
def books(database):
    return Books()


def table():
    from server.usage.models import Session

    rows = (
        tuple((key, value) for key, value in sorted(row.items()) if key != "id") for row in Session.objects.values()
    )
    return sorted(rows, key=repr)


def granted(session, device="a", **more):
    return Granted(session, f"laser-{device}", "marie", "a" * 32, Level.USER, **more)


def ended(session, powered, device="a", **more):
    return Ended(session, f"laser-{device}", Ending.BADGE_REMOVED, powered, **more)


def corrected(session, device="a", **more):
    return entries.Corrected(session, f"laser-{device}", "root", "why", **more)


def at_random(rng, device, count):
    """A journal in which everything happens, and much of it in an order that makes no sense."""
    names = [f"{device}-{number}" for number in range(max(1, count // 4))]
    for at in range(1_000, 1_000 + count * 1_000, 1_000):
        name = rng.choice(names)
        yield (
            at,
            rng.choice(
                [
                    granted(name, device, meter=rng.choice([None, 4.0]), payer=rng.choice(["", "school"])),
                    granted(name, device, organisation="School", people=3),
                    ended(
                        name, rng.randrange(1, 10**6), device, busy=rng.choice([None, 5]), meter=rng.choice([None, 9.0])
                    ),
                    ended(name, 7, device, until=Past("boot-0", 3), by="root"),
                    Resumed(name, f"laser-{device}", rng.choice([None, "jean"]), "b" * 32, Purpose.OWN),
                    entries.Extended(name, f"laser-{device}"),
                    entries.Withdrawn(name, f"laser-{device}"),
                    corrected(
                        name, device, powered=rng.choice([None, 60_000]), purpose=rng.choice([None, Purpose.ORDER])
                    ),
                    entries.Clock(NOW + rng.randrange(DAY), rng.choice(list(Quality))),
                ]
            ),
        )


def test_whatever_the_journals_say_and_in_whatever_order_they_came_made_again_they_say_the_same(books, rng):
    from server.usage import rebuild
    from server.usage.models import Correction, Session
    from server.usage.sessions import forget, make

    for turn in range(12):
        device = rng.choice(books.devices)
        said = list(at_random(rng, device.pk, rng.randrange(1, 25)))
        books.send(device, *said, epoch=rng.choice("ef") * 16, boot=f"boot-{turn % 3}")
        if rng.random() < 0.4 and (some := Session.objects.order_by("?").first()) is not None:
            Correction.objects.create(device=some.device, session=some.session, by="ann", note="x", powered=120_000)
            make(some.device, some.session)
        if rng.random() < 0.2:
            forget(rng.choice(["jean", "marie"]))
    before = table()
    assert rebuild.rebuild(dry=True).changed == 0
    assert rebuild.rebuild().changed == 0
    assert table() == before


def test_the_control_what_was_changed_behind_the_book_is_put_right(books):
    from server.usage import rebuild
    from server.usage.models import Session

    books.send(books.devices[0], (1_000, granted("s1")), (61_000, ended("s1", 60_000)))
    before = table()
    Session.objects.update(powered=7)
    assert rebuild.rebuild(dry=True).changed == 1
    assert rebuild.rebuild().changed == 1
    assert table() == before
    Session.objects.all().delete()
    assert rebuild.rebuild().changed == 1, "of what the book says and nobody has"
    assert [dict(row)["powered"] for row in table()] == [60_000]


def test_a_span_whose_entries_are_gone_is_refused_and_the_days_after_it_are_not(books):
    from server.journal.models import Entry
    from server.usage import rebuild
    from server.usage.models import Session

    device = books.devices[0]
    books.send(
        device, (1_000, entries.Clock(NOW, Quality.SYNCHRONISED)), (2_000, granted("s1")), (3_000, ended("s1", 9))
    )
    books.send(device, (3 * DAY, granted("s2")), (3 * DAY + 9, ended("s2", 8)))
    Entry.objects.filter(seq=2).delete()
    before = table()
    Session.objects.filter(session="s1").update(powered=5)
    with pytest.raises(rebuild.GoneError, match="1 session"):
        rebuild.rebuild()
    since = datetime.fromtimestamp((NOW + DAY) / 1000, UTC)
    assert rebuild.rebuild(since).changed == 0
    assert [dict(row)["powered"] for row in table()] == [5, 8]
    assert len(before) == 2


def test_what_is_said_of_a_session_whose_beginning_is_gone_changes_what_is_known_of_it_and_loses_nothing(books):
    from server.journal.models import Entry
    from server.usage.models import Session

    device = books.devices[0]
    books.send(device, (1_000, granted("s1", category="resident")))
    Entry.objects.all().delete()
    books.send(device, (61_000, ended("s1", 60_000)))
    session = Session.objects.get()
    assert (session.member, session.category, session.powered, session.ended) == ("marie", "resident", 60_000, True)


def test_a_purpose_that_was_corrected_while_it_ran_leaves_the_minutes_to_the_end(books):
    from server.usage.models import Session

    said = (1_000, granted("s1")), (2_000, corrected("s1", purpose=Purpose.ORDER)), (61_000, ended("s1", 60_000))
    books.send(books.devices[0], *said)
    session = Session.objects.get()
    assert (session.purpose, session.powered, session.corrected_by) == ("order", 60_000, "root")


def test_entries_of_usage_live_as_long_as_their_session_and_the_others_for_ninety_days(books):
    from server.core import clock
    from server.journal.models import ClockReading, Entry
    from server.operations import retention
    from server.usage import rebuild
    from server.usage.models import Session

    device = books.devices[0]
    refused = entries.Refused("laser-a", entries.Reason.TRAINING_MISSING, "jean")
    import time

    try:
        for year in range(10):
            began = NOW + year * 365 * DAY
            clock.hand(lambda ms=began: ms / 1000)
            books.send(
                device,
                (1_000, entries.Clock(began, Quality.SYNCHRONISED)),
                (2_000, refused),
                (3_000, granted(f"s{year}")),
                (63_000, ended(f"s{year}", 60_000)),
                boot=f"boot-{year}",
            )
            clock.hand(lambda ms=began + 100 * DAY: ms / 1000)
            retention.purge(configuration)
            assert Entry.objects.filter(session=None).count() == 0, "refusals are gone after 90 days"
            assert rebuild.rebuild().changed == 0, "and sessions can still be made again"
        left = list(Session.objects.order_by("started").values_list("session", flat=True))
        assert left == ["s7", "s8", "s9"], "usage is kept for three years"
        assert Entry.objects.count() == 9
        assert ClockReading.objects.count() == 3
    finally:
        clock.hand(time.time)


def test_what_the_release_before_processed_is_in_the_book_too(books):
    """That program marked nothing: after a server was put back to it and came forward again, it is caught up with."""
    from server.journal import processing
    from server.journal.models import Entry, Stream
    from server.usage import rebuild

    books.send(books.devices[0], (1_000, granted("s1")), (61_000, ended("s1", 60_000)))
    Entry.objects.update(session=None)
    Stream.objects.update(booked_seq=0)
    with pytest.raises(rebuild.GoneError):
        rebuild.rebuild()
    while processing.step():
        pass
    assert rebuild.rebuild().changed == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"powered": 2**70},
        {"powered": -5},
        {"people": 2**40},
        {"people": -1},
        {"organisation": "x" * 5_000},
    ],
)
def test_whatever_a_controller_says_of_a_session_the_others_and_a_rebuilding_go_on(books, wrong):
    from server.usage import rebuild
    from server.usage.models import Session

    device = books.devices[0]
    said = (1_000, granted("s1")), (2_000, ended("s1", 9)), (3_000, corrected("s1", **wrong)), (4_000, granted("s2"))
    books.send(device, *said, (5_000, ended("s2", 60_000, busy=-(2**70))))
    assert set(Session.objects.values_list("session", flat=True)) == {"s1", "s2"}
    assert Session.objects.get(session="s2").ended
    assert Session.objects.get(session="s1").corrected_by == "root"
    assert rebuild.rebuild().changed == 0


def test_an_entry_that_a_later_version_wrote_stops_no_reading_out_and_no_rebuilding(books):
    from server.journal.models import Entry
    from server.usage import rebuild
    from server.usage.models import Session

    books.send(books.devices[0], (1_000, granted("s1")))
    Entry.objects.filter(session="s1").update(body='{"type":"granted","session":"s1","purpose":"party"}')
    books.send(books.devices[0], (2_000, ended("s1", 60_000)), (3_000, granted("s2")))
    session = Session.objects.get(session="s1")
    assert (session.member, session.powered) == ("marie", 60_000), "what is known of it stays"
    assert Session.objects.filter(session="s2").exists()
    with pytest.raises(rebuild.GoneError):
        rebuild.rebuild()


def test_sessions_without_a_date_whose_entries_are_gone_stay_as_they_are(books):
    from server.journal.models import Entry
    from server.usage import rebuild

    books.send(books.devices[0], (1_000, granted("s1")), (2_000, ended("s1", 9)))
    Entry.objects.all().delete()
    books.send(books.devices[1], (1_000, granted("s2", "b")), (2_000, ended("s2", 9, "b")))
    before = table()
    with pytest.raises(rebuild.GoneError):
        rebuild.rebuild()
    assert rebuild.rebuild(datetime(2026, 1, 1, tzinfo=UTC)).changed == 0
    assert table() == before
