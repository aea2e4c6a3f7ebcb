"""What whoever keeps the server relies on: strict settings, backups that cross databases, recovery, checks."""

import json
import os

import pytest
from central import HOME, configuration
from click.testing import CliRunner
from test_web import client, do, fill

from common.strict import SettingsError
from server import backup, editing, kept, retention, rows
from server import configuration as configurations
from server.commands import server as command
from server.editing import Author


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"server": {"prot": 1}}, 'did you mean "port"'),
        ({"server": {"port": 0}}, "[server], port"),
        ({"server": {"timezone": "Mars"}}, "is not a time zone"),
        ({"server": {"certificate": "files"}}, "needs certificate_file"),
        ({"server": {"certificate": "none"}}, "there are"),
        ({"backups": {}}, 'did you mean "backup"'),
        ({"retention": {"passages": "soon"}}, "is not a period"),
        ({"server": {"hosts": ["a b"]}}, "[server], hosts"),
    ],
)
def test_settings_that_are_wrong_are_refused_with_place_and_remedy(document, said, tmp_path):
    with pytest.raises(SettingsError) as refused:
        configurations.read(document, tmp_path / "server.toml")
    assert said in str(refused.value)


def test_a_database_that_is_no_postgresql_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "mysql://x@y/z")
    with pytest.raises(SettingsError, match="PostgreSQL"):
        configurations.database(tmp_path)


@pytest.mark.parametrize(("one", "other"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_backup_of_one_database_is_restored_whole_into_the_other(databases, tmp_path, one, other):
    from protocol.whitelist import Member as MemberRow
    from server.models import Edit, Notice

    databases(one).fresh()
    fill()
    browser = client()
    do(browser, "/whitelist/cell/m002/laser", do="grant", level="user")
    from server.inbox import tell

    tell("gap", None, missing=3)
    whole = {row.key: row for row in rows.everything()}
    generation, version = kept.get(kept.GENERATION), int(kept.get(kept.VERSION))
    backup.write(configuration, tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0, "for its owner's eyes alone"
    databases(other).fresh()
    backup.restore(configuration, tmp_path / "b")
    assert {row.key: row for row in rows.everything()} == whole
    assert set(Notice.objects.values_list("what", flat=True)) == {"gap", "restored"}
    assert int(kept.get(kept.GENERATION)) > int(generation), "a new generation"
    assert int(kept.get(kept.VERSION)) > version + 1000, "no number is used again"
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


def test_check_says_what_is_wrong_and_what_to_do(sqlite):
    runner = CliRunner()
    found = runner.invoke(command, ["check", "--json"])
    said = {each["what"]: each for each in json.loads(found.output)}
    assert found.exit_code == 1
    assert not said["backup"]["ok"]
    assert said["database"]["ok"]
    backup.left()
    assert runner.invoke(command, ["check"]).exit_code == 0
    mode = (HOME / "data/keys.json").stat().st_mode
    wrong = runner.invoke(command, ["--config", str(HOME / "nothing.toml"), "check"])
    os.environ["LOQUET_SERVER_CONFIG"] = str(HOME / "server.toml")
    assert wrong.exit_code == 1
    assert mode & 0o077 == 0


def test_commands_refuse_wrong_arguments_with_a_sentence(sqlite, tmp_path):
    runner = CliRunner()
    assert runner.invoke(command, ["restore", str(tmp_path / "nothing")]).exit_code == 2
    assert runner.invoke(command, ["backup"]).exit_code == 2
    assert runner.invoke(command, ["recover"]).exit_code == 2
    assert runner.invoke(command, ["nonsense"]).exit_code == 2


def test_what_is_too_old_goes_and_usage_stays(database):
    import time

    from server.models import Device, Event, Session, Stream

    device = Device.objects.create(id="d", key="k", sealing="s")
    stream = Stream.objects.create(device=device, epoch="e" * 16, high=2, told=2)
    now = int(time.time() * 1000)
    for seq, days in ((1, 100), (2, 10)):
        Event.objects.create(stream=stream, seq=seq, boot="b", at=0, came=now - days * 86_400_000, body="{}")
    Session.objects.create(
        device=device, session="s", machine="m", member="x", boot="b", began=0, started=now - 100 * 86_400_000,
        quality="kept", ended=True,
    )  # fmt: skip
    assert retention.purge(configuration) == 1
    assert Event.objects.get().seq == 2
    assert Session.objects.count() == 1
