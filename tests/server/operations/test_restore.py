"""Backups made, put back, and taken away."""

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


def test_pages_are_red_until_a_backup_has_left_the_machine(database):
    browser = client()
    assert "No backup has left this machine" in browser.get("/usage", secure=True).content.decode()
    answer = do(browser, "/setup", do="backup")
    assert b"".join(answer.streaming_content)[:2] == b"\x1f\x8b"
    assert "No backup has left this machine" not in browser.get("/usage", secure=True).content.decode()
    assert do(client("fabmanager"), "/setup", do="backup").status_code == 302, "the keys are in it"


def test_a_backup_to_a_folder_on_the_same_disk_is_none(sqlite, tmp_path):
    made = backup.make_nightly(configuration)
    with pytest.raises(backup.BackupError, match="same disk"):
        backup.copy_away(made, made.parent)
    with pytest.raises(backup.BackupError, match="plugged in"):
        backup.copy_away(made, tmp_path / "stick")
