"""What an earlier version kept under other names is found again: its database, and its backups."""

import gzip
import json

import pytest
from central import configuration
from everything import every_row, one_of_everything

from server.commands.begin import migrate
from server.core import former
from server.operations import backup

BACK = {new: old for old, new in former.LABELS.items()}


LATER = ("people", "whitelist", "usage", "journal", "devices", "accounts", "core", "inbox", "edits")  # have grown since
NEW = ("imports", "reminders", "billing")  # stand on those, and were not there


def of_then(rows):
    """What that version had tables for."""
    later = {label for label in rows if label.split(".")[0] in (*former.APPS, *NEW)} - set(former.LABELS.values())
    return {label: found for label, found in rows.items() if label not in later}


def table_of(label):
    return label.replace(".", "_").lower()


def make_former(last=former.LAST):
    """Give the tables the names that they had, as that version left them."""
    from django.core.management import call_command
    from django.db import connection

    for app, step in [*((app, "zero") for app in NEW), *((app, "0001_initial") for app in LATER)]:
        call_command("migrate", app, step, verbosity=0)
    with connection.cursor() as cursor:
        for new, indexes in former.INDEXES.items():
            for old, name in indexes.items():
                cursor.execute(f"drop index {name}")
                cursor.execute(f"create index {old} on {table_of(new)} (device_id, boot)")
        if connection.vendor == "postgresql":
            for new, constraints in former.CONSTRAINTS.items():
                for old, name in constraints.items():
                    cursor.execute(f"alter table {table_of(new)} rename constraint {name} to {old}")
        for old, new in former.LABELS.items():
            for before, now in former.COLUMNS.get(old, {}).items():
                cursor.execute(f"alter table {table_of(new)} rename column {now} to {before}")
            cursor.execute(f"alter table {table_of(new)} rename to {table_of(old)}")
        cursor.execute(
            f"delete from django_migrations where app in ({', '.join(['%s'] * len(former.APPS))})", former.APPS
        )
        for step in ("0001_everything", last):
            cursor.execute(
                "insert into django_migrations (app, name, applied) values ('server', %s, '2026-11-28')", [step]
            )


def test_a_database_of_the_version_before_keeps_every_row(database):
    one_of_everything()
    before = every_row()
    make_former()
    migrate()
    after = every_row()
    assert of_then(after) == of_then(before)
    assert not former.adopt(), "it is done once"


def test_the_tables_of_the_version_before_become_what_a_new_database_has(sqlite):
    from django.core.management import call_command
    from django.db import connection

    def shape():
        with connection.cursor() as cursor:
            cursor.execute("select name from sqlite_master where name not like 'sqlite%' order by name")
            return [name for (name,) in cursor.fetchall() if "server_" not in name or name == "core_serverstate"]

    fresh = shape()
    make_former()
    assert shape() != fresh
    migrate()
    assert shape() == fresh
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_renaming_that_is_cut_short_changes_nothing_and_is_done_at_the_next_start(database, monkeypatch):
    from django.db.migrations.recorder import MigrationRecorder

    one_of_everything()
    before = every_row()
    make_former()

    def cut(_recorder, app, _name):
        if app == former.APPS[-1]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "record_applied", cut)
        with pytest.raises(KeyboardInterrupt):
            former.adopt()
    migrate()
    assert of_then(every_row()) == of_then(before)


def test_a_database_that_is_older_still_says_what_to_do(sqlite):
    make_former("0001_everything_else")
    with pytest.raises(former.FormerError, match="restore a backup"):
        former.adopt()


def test_a_backup_under_the_former_names_is_put_back_whole(database, tmp_path):
    one_of_everything()
    before = every_row()
    backup.write(configuration, tmp_path / "b")
    with gzip.open(tmp_path / "b", "rt") as file:
        lines = [json.loads(line) for line in file]
    lines[0]["format"] = 2
    for line in lines:
        if isinstance(line, dict) and line.get("table") in BACK:
            line["table"] = BACK[line["table"]]
            names = {now: then for then, now in former.COLUMNS.get(line["table"], {}).items()}
            line["columns"] = [names.get(each, each) for each in line["columns"]]
    with gzip.open(tmp_path / "b", "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    backup.restore(configuration, tmp_path / "b")
    after = every_row()
    for table in ("journal.Stream", "usage.Session", "whitelist.ForcedEnd", "people.Member", "accounts.AuditRecord"):
        assert after[table] == before[table], table
