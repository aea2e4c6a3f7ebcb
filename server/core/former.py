"""What tables and columns were called before: for databases and backups of earlier versions."""

from __future__ import annotations

from typing import Any, Final

from django.db import DatabaseError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from common.errors import LoquetError
from common.texts import N_

LABELS: Final = {
    "server.Account": "accounts.Account",
    "server.Trace": "accounts.AuditRecord",
    "server.Notice": "inbox.Notice",
    "server.Edit": "edits.Edit",
    "server.Change": "edits.Change",
    "server.Kept": "core.ServerState",
    "server.Category": "people.Category",
    "server.Member": "people.Member",
    "server.Badge": "people.Badge",
    "server.UnknownBadge": "people.UnknownBadge",
    "server.Training": "whitelist.Training",
    "server.Certification": "whitelist.Certification",
    "server.Machine": "whitelist.Machine",
    "server.Cut": "whitelist.ForcedEnd",
    "server.Device": "devices.Device",
    "server.EnrolCode": "devices.EnrolCode",
    "server.Proposal": "devices.Proposal",
    "server.Stream": "journal.Stream",
    "server.Event": "journal.Entry",
    "server.Gap": "journal.Gap",
    "server.ClockReading": "journal.ClockReading",
    "server.Session": "usage.Session",
}
COLUMNS: Final = {"server.Stream": {"high": "acknowledged_seq", "told": "processed_seq"}}
INDEXES: Final = {"journal.ClockReading": {"server_cloc_device__f059cb_idx": "reading_of_boot"}}
CONSTRAINTS: Final = {"whitelist.ForcedEnd": {"one_cut": "one_forced_end"}, "journal.Entry": {"one_event": "one_entry"}}
LAST: Final = "0002_first_aid"  # the last step of that layout
APPS: Final = sorted({label.partition(".")[0] for label in LABELS.values()})


class FormerError(LoquetError, DatabaseError):
    """A database that is too old to be brought up to date."""


def renamed(label: str, columns: list[str]) -> tuple[str, list[str]]:
    """Return what a table and its columns are called now."""
    names = COLUMNS.get(label, {})
    return LABELS.get(label, label), [names.get(each, each) for each in columns]


def adopt() -> bool:
    """Rename what an earlier version made in one piece, so that each app has its own; return whether there was any.

    Raises FormerError.
    """
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    # A new database, or one that was renamed already.
    if "server_account" not in tables:
        return False
    recorder = MigrationRecorder(connection)
    if ("server", LAST) not in recorder.applied_migrations():
        raise FormerError(N_("this database is of a version before 28 November 2026; restore a backup of it instead"))
    with transaction.atomic():
        with connection.cursor() as cursor:
            _rename(cursor)
        recorder.migration_qs.filter(app="server").delete()
        for app in APPS:
            recorder.record_applied(app, "0001_initial")
    return True


def _rename(cursor: Any) -> None:  # noqa: ANN401 - Django's
    quoted = connection.ops.quote_name
    for old, new in LABELS.items():
        table, before = new.replace(".", "_").lower(), old.replace(".", "_").lower()
        cursor.execute(f"alter table {quoted(before)} rename to {quoted(table)}")
        for column, name in COLUMNS.get(old, {}).items():
            cursor.execute(f"alter table {quoted(table)} rename column {quoted(column)} to {quoted(name)}")
        for index, name in INDEXES.get(new, {}).items():
            cursor.execute(f"drop index {quoted(index)}")
            cursor.execute(f"create index {quoted(name)} on {quoted(table)} (device_id, boot)")
        for constraint, name in CONSTRAINTS.get(new, {}).items() if connection.vendor == "postgresql" else ():
            cursor.execute(f"alter table {quoted(table)} rename constraint {quoted(constraint)} to {quoted(name)}")
