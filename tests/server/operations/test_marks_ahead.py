"""A clock that was ahead leaves marks of days to come: they stop no backup, and nothing from being deleted."""

from datetime import timedelta

import pytest
from browsing import client, fill
from central import configuration

AHEAD = timedelta(days=3_650)


def test_a_backup_of_the_future_neither_stops_tonights_nor_pushes_it_out(sqlite, tmp_path, monkeypatch):
    import msgspec

    from server.core import clock, state
    from server.operations import backup
    from server.operations.chores import Chores

    fill()
    mine = msgspec.structs.replace(configuration, path=tmp_path / "server.toml")
    folder = mine.data_dir / backup.FOLDER
    folder.mkdir(parents=True)
    for number in range(mine.backup.keep + 3):
        (folder / f"loquet-2036-01-{number + 1:02d}.backup").touch()
    for mark in (state.MADE, state.LEFT):
        state.put(mark, (clock.now() + AHEAD).isoformat())
    assert backup.last_made() is None
    assert backup.days_since_left() is None
    assert backup.is_overdue(), "the pages are red"
    Chores(mine)._keep_house()
    names = sorted(each.name for each in folder.glob("loquet-*.backup"))
    assert len(names) == mine.backup.keep
    assert f"loquet-{clock.local():%Y-%m-%d}.backup" in names
    assert backup.last_made() <= clock.now()


def test_what_was_dated_ahead_is_deleted_in_its_time_all_the_same(database, monkeypatch):
    from server.accounts.models import AuditRecord
    from server.core import clock
    from server.inbox.models import Notice
    from server.mail.models import Letter
    from server.operations import retention

    later = clock.now() + AHEAD
    AuditRecord.objects.create(account="x", what="y", at=later)
    Notice.objects.create(what="gap", done=later)
    Letter.objects.create(to="a@example.org", subject="s", body="b", made=later)
    retention.purge(configuration)
    assert AuditRecord.objects.count() == 1, "it is as old as today"
    assert AuditRecord.objects.get().at <= clock.now()
    now = clock._clock
    monkeypatch.setattr(clock, "_clock", lambda: now() + 366 * 86_400)
    retention.purge(configuration)
    assert not (AuditRecord.objects.exists() or Notice.objects.exists() or Letter.objects.exists())


def test_entries_that_came_in_the_future_go_with_those_that_came_after_them(database, monkeypatch):
    from server.core import clock
    from server.devices.models import Device
    from server.journal.models import Entry, Stream
    from server.operations import retention

    device = Device.objects.create(id="pi", key="k" * 43)
    stream = Stream.objects.create(
        device=device, epoch="e" * 16, acknowledged_seq=3, processed_seq=3, booked_seq=3, sifted_seq=0, day=0,
        day_entries=0, day_bytes=0,
    )  # fmt: skip
    ahead = clock.ms() + 10 * 365 * retention.DAY_MS
    for seq, came in enumerate((clock.ms(), ahead, clock.ms()), 1):
        Entry.objects.create(stream=stream, seq=seq, boot="b", at=1, came=came, body="{}")
    assert retention.purge(configuration) == 0
    now = clock._clock
    monkeypatch.setattr(clock, "_clock", lambda: now() + 91 * 86_400)
    assert retention.purge(configuration) == 3
    assert not Entry.objects.exists()


@pytest.mark.parametrize(("days", "said"), [(-1, "it has ended"), (10, "it ends in"), (100, "")])
def test_a_certificate_that_ends_soon_is_told_of(sqlite, days, said, monkeypatch):
    from server.core import clock, tls
    from server.inbox.models import Notice
    from server.operations import certificates

    monkeypatch.setattr(tls, "ends", lambda _path: clock.now() + timedelta(days=days, minutes=1))
    assert said in certificates.trouble(configuration)
    for _turn in range(2):
        certificates.look(configuration)
    assert Notice.objects.filter(what="certificate").count() == bool(said)
    if said:
        assert "was not renewed" in client().get("/inbox", secure=True).content.decode()
