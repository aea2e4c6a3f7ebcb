"""A backup holds every row of every table, but for what is left out by its name; and says so where it does not."""

import gzip
import json

import pytest
from browsing import client
from central import configuration
from click.testing import CliRunner
from everything import every_row, one_of_everything

from server.commands import server as command
from server.core import state
from server.operations import backup

CHANGED = {  # by the restore itself: a new generation, no number used again, no backup that left this machine
    "core.ServerState": {state.GENERATION, state.VERSION, state.LEFT},
}


@pytest.mark.parametrize(
    ("one", "other"),
    [("sqlite", "sqlite"), ("postgres", "postgres"), ("sqlite", "postgres"), ("postgres", "sqlite")],
)
def test_every_row_of_every_table_comes_back(databases, tmp_path, one, other):
    databases(one).fresh()
    one_of_everything()
    before = every_row()
    backup.write(configuration, tmp_path / "b")
    databases(other).fresh()
    restored = backup.restore(configuration, tmp_path / "b")
    assert restored.sessions is None
    after = every_row()
    assert after.keys() == before.keys()
    for table, rows in before.items():
        if table in backup.LEFT_OUT:
            continue
        changed = CHANGED.get(table, set())
        assert {key: row for key, row in rows.items() if key not in changed} == {
            key: row for key, row in after[table].items() if key in rows and key not in changed
        }, table
        more = after[table].keys() - rows.keys()
        assert len(more) == (table == "inbox.Notice"), f"{table}: nothing is added but that it was restored"


def test_what_is_left_out_is_named_and_is_there():
    from django.apps import apps

    for label in backup.LEFT_OUT:
        app, name = label.split(".")
        assert name.lower() in apps.all_models[app], label


def test_no_table_is_in_the_database_that_no_model_has(sqlite):
    from django.db import connection
    from everything import every_model

    tables = set(connection.introspection.table_names()) - {model._meta.db_table for model in every_model()}
    assert tables == {"django_migrations"}, "whatever holds rows is backed up, or left out by its name"


def of_the_version_before(path):
    """Make of a backup what the version before wrote: format 1, without usage."""
    with gzip.open(path, "rt") as file:
        lines = [json.loads(line) for line in file]
    made, table, count = [], "", 0
    for line in lines[:-1]:
        if isinstance(line, dict):
            table = line.get("table", "")
        if table != "usage.Session":
            count += isinstance(line, list)
            made.append(line)
    made[0]["format"] = 1
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in [*made, {"end": count}])


def test_of_a_backup_that_lacks_usage_it_is_said_and_how_to_get_it_back(database, tmp_path):
    from server.usage.models import Session

    one_of_everything()
    before = Session.objects.values_list("session", "member", "machine", "started", "powered", "busy").get()
    backup.write(configuration, tmp_path / "b")
    of_the_version_before(tmp_path / "b")
    done = CliRunner().invoke(command, ["restore", "--yes", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    assert "left usage out" in done.output
    assert "loquet sessions --csv" in done.output
    after = Session.objects.values_list("session", "member", "machine", "started", "powered", "busy").get()
    assert after == before, "what the journals in it say is read again"
    page = client().get("/inbox", secure=True).content.decode()
    assert "left usage out. 1 sessions" in page
