"""Backups made, put back, and taken away."""

import time

import pytest
from browsing import client, do, fill
from central import configuration

from server.core import state
from server.edits import editing, rows
from server.edits.authors import Author
from server.operations import backup


@pytest.mark.parametrize(("one", "other"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_backup_of_one_database_is_restored_whole_into_the_other(databases, tmp_path, one, other):
    from protocol.rows import Member as MemberRow
    from server.edits.models import Edit
    from server.inbox.models import Notice

    databases(one).fresh()
    fill()
    browser = client()
    do(browser, "/whitelist/cell/m002/laser", do="grant", level="user")
    from server.inbox.notices import notify

    notify("gap", None, missing=3)
    whole = {row.key: row for row in rows.everything()}
    generation, version = state.get(state.GENERATION), int(state.get(state.VERSION))
    backup.write(configuration, tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0, "for its owner's eyes alone"
    databases(other).fresh()
    backup.restore(configuration, tmp_path / "b")
    assert {row.key: row for row in rows.everything()} == whole
    assert set(Notice.objects.values_list("what", flat=True)) == {"gap", "restored"}
    assert int(state.get(state.GENERATION)) > int(generation), "a new generation"
    assert int(state.get(state.VERSION)) > version + 1000, "no number is used again"
    edit = editing.carry_out(Author(name="test"), "test", [MemberRow("new")])
    assert edit.pk > Edit.objects.exclude(pk=edit.pk).latest("pk").pk


def test_a_file_that_is_no_backup_or_half_of_one_changes_nothing(database, tmp_path):
    fill()
    whole = list(rows.everything())
    backup.write(configuration, tmp_path / "b")
    raw = (tmp_path / "b").read_bytes()
    for name, content in (("half", raw[: len(raw) // 2]), ("none", b"no backup"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(backup.BackupError):
            backup.restore(configuration, tmp_path / name)
    assert list(rows.everything()) == whole


def entered_all_else():
    """All that a workshop needs but a backup."""
    from server.devices.models import Device

    fill()
    Device.objects.create(id="d", name="Saillans", key="k" * 43, sealing="s")


def test_the_first_page_asks_for_a_backup_until_one_has_left_the_machine(database, monkeypatch):
    from server.core import clock

    browser = client()
    asked = "Take a backup away from this machine</strong>"
    entered_all_else()
    assert asked in browser.get("/today", secure=True).content.decode()
    answer = do(browser, "/setup", do="backup")
    assert b"".join(answer.streaming_content)[:2] == b"\x1f\x8b"
    assert asked not in browser.get("/today", secure=True).content.decode()
    later = clock._clock() + 8 * 86_400
    monkeypatch.setattr(clock, "_clock", lambda: later)
    assert "No backup has left this machine for a week" in browser.get("/today", secure=True).content.decode()
    assert "No backup" not in browser.get("/usage", secure=True).content.decode(), "elsewhere people are at other work"
    monkeypatch.undo()
    assert do(client("fabmanager"), "/setup", do="backup").status_code == 302, "the keys are in it"


def test_a_backup_to_a_folder_on_the_same_disk_is_none(sqlite, tmp_path):
    made = backup.make_nightly(configuration)
    with pytest.raises(backup.BackupError, match="same disk"):
        backup.copy_away(made, made.parent)
    with pytest.raises(backup.BackupError, match="plugged in"):
        backup.copy_away(made, tmp_path / "stick")


def test_one_backup_restored_twice_by_a_clock_that_is_behind_is_a_new_generation_each_time(tmp_path, sqlite):
    from server.core import clock

    file = tmp_path / "a.backup"
    backup.write(configuration, file)
    clock.hand(lambda: 1_000.0)
    try:
        found = [int(state.get(state.GENERATION))]
        for _time in range(3):
            backup.restore(configuration, file)
            found.append(int(state.get(state.GENERATION)))
    finally:
        clock.hand(time.time)
    assert found == sorted(set(found)), "else controllers take its list for an older one, and refuse it for ever"
