"""Backups: everything in one file of lines, readable by any version and either database; with the keys.

Whoever has one has the members' names and the badge keys: it is written for its owner's eyes alone.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction

from common.errors import LoquetError
from common.texts import N_
from server.core import clock, keys, state, tls
from server.core.configuration import Configuration
from server.core.former import renamed
from server.inbox.models import Notice
from server.usage import rebuild, sessions

KIND: Final = "loquet server backup"
FORMAT: Final = 3
READ: Final = {1, 2, 3}
WITHOUT_USAGE: Final = 1  # backups of that format leave out every usage session
# What is not kept, each by its name: everything else is.
LEFT_OUT: Final = {
    "sessions.Session": "whoever was logged in logs in again",
    "contenttypes.ContentType": "Django makes it anew",
    "auth.Permission": "Django makes it anew; roles are an account's own here",
    "auth.Group": "nobody is in one: roles are an account's own here",
    "auth.Group_permissions": "likewise",
    "core.SentForm": "a form of before is not sent again",
    "accounts.Invitation": "a link that was used since would let somebody in again",
    "devices.GivenName": "it is sent again with the journal, as far as that was not read out",
    "imports.Draft": "a sheet that nobody has taken over is read again",
    "axes.AccessAttempt": "whose login is throttled for the moment",
    "axes.AccessAttemptExpiration": "likewise",
    "axes.AccessFailureLog": "likewise",
    "axes.AccessLog": "likewise",
}
FOLDER: Final = "backups"
BATCH: Final = 500
AHEAD: Final = timedelta(hours=1)  # of which a mark is that no clock has made which was right
LEFT_DAYS: Final = 8  # without a backup that left the machine, Today and Settings say so in red

Progress = Callable[[int], None]


class BackupError(LoquetError, OSError):
    """A backup that cannot be made, or is none."""


def _models() -> list[type[models.Model]]:
    """Return what is kept, what others refer to first."""
    order: list[type[models.Model]] = []
    waiting = [each for each in apps.get_models(include_auto_created=True) if each._meta.label not in LEFT_OUT]
    while waiting:
        for each in waiting:
            needs = {field.related_model for field in each._meta.concrete_fields if field.is_relation}
            if not (needs - {each}) & set(waiting):
                order.append(each)
                waiting.remove(each)
                break
    return order


def write(configuration: Configuration, target: Path, progress: Progress = lambda _rows: None) -> None:
    """Write a backup to a file, whole or not at all. Raises OSError."""
    draft = target.with_name(f".{target.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    with gzip.open(draft, "wt", encoding="utf-8", compresslevel=5) as file, _one_look():
        for number, line in enumerate(_lines(configuration)):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=_plain) + "\n")
            if not number % BATCH:
                progress(number)
    draft.replace(target)


@contextlib.contextmanager
def _one_look() -> Iterator[None]:
    """Read everything as it is at one moment, and keep nobody from writing meanwhile."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("begin isolation level repeatable read read only")
        else:
            cursor.execute("begin deferred")
        try:
            yield
        finally:
            cursor.execute("commit")


def _lines(configuration: Configuration) -> Iterator[Any]:
    yield {"kind": KIND, "format": FORMAT, "made": clock.now().isoformat()}
    folder = configuration.data_dir
    for name in (keys.FILE, tls.FILE):
        path = folder / name
        if path.exists():
            yield {"file": name, "text": path.read_text()}
    count = 0
    for model in _models():
        # What follows from other columns is made anew where these are written.
        names = [field.attname for field in model._meta.concrete_fields if not getattr(field, "derived", False)]
        yield {"table": model._meta.label, "columns": names}
        for row in model._default_manager.order_by("pk").values_list(*names).iterator(chunk_size=BATCH):
            count += 1
            yield list(row)
    yield {"end": count}


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value))


class Restored(msgspec.Struct, frozen=True):
    """What was put back: made when; sessions: how many were read again from the journals, where it had none itself."""

    made: str
    sessions: int | None = None


def restore(configuration: Configuration, source: Path, progress: Progress = lambda _rows: None) -> Restored:
    """Put a backup in the place of all that is there, whole or not at all. Raises BackupError, OSError."""
    files: dict[str, str] = {}
    try:
        with transaction.atomic():
            before = int(state.get(state.GENERATION, "0"))
            # Those that refer to others go first.
            for model in reversed(_models()):
                model._default_manager.all().delete()
            with gzip.open(source, "rt", encoding="utf-8") as file:
                restored, has_usage = _read(file, files, progress)
            sessions.fill_said()
            state.begin_anew(before)
            _set_sequences()
            Notice.objects.create(what="restored", about={"why": restored.made})
            if not has_usage:
                restored = msgspec.structs.replace(restored, sessions=rebuild.make_all())
                Notice.objects.create(what="restored_without_usage", about={"count": restored.sessions})
    except (ValueError, KeyError, LookupError, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise BackupError(
            N_("{path} is no whole backup ({error}); nothing was changed"), path=source, error=error
        ) from error
    for name, text in files.items():
        keys.write_private(configuration.data_dir / name, text.encode())
    return restored


def _read(file: Any, files: dict[str, str], progress: Progress) -> tuple[Restored, bool]:  # noqa: ANN401 - lines
    """Put in what a backup holds; return when it was made, and whether usage is in it."""
    head = json.loads(next(file, "{}"))
    if head.get("kind") != KIND or head.get("format") not in READ:
        raise ValueError("another kind of file")
    model: type[models.Model] | None = None
    names: list[str] = []
    batch: list[models.Model] = []
    count = 0
    for text in file:
        line = json.loads(text)
        if isinstance(line, list):
            assert model is not None  # noqa: S101 - a table comes before its rows
            batch.append(_made(model, names, line))
            count += 1
            if len(batch) >= BATCH:
                _put(model, batch)
                progress(count)
            continue
        if model is not None:
            _put(model, batch)
        if "file" in line and line["file"] in {keys.FILE, tls.FILE}:
            files[line["file"]] = line["text"]
        elif "table" in line:
            label, names = renamed(line["table"], line["columns"])
            model = apps.get_model(label)
        elif "end" in line and line["end"] == count:
            return Restored(str(head["made"])[:16]), head["format"] != WITHOUT_USAGE
    raise ValueError("it ends too early")


def _made(model: type[models.Model], names: list[str], values: list[Any]) -> models.Model:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return model(
        **{name: fields[name].to_python(value) for name, value in zip(names, values, strict=True) if name in fields}
    )


def _put(model: type[models.Model], batch: list[models.Model]) -> None:
    # As they were: what fills itself in at the making of a row, in tables of libraries, is not to.
    stamped: list[Any] = [field for field in model._meta.concrete_fields if getattr(field, "auto_now_add", False)]
    for field in stamped:
        field.auto_now_add = False
    try:
        model._default_manager.bulk_create(batch)
    finally:
        for field in stamped:
            field.auto_now_add = True
    batch.clear()


def _set_sequences() -> None:
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(sql)


# --- by itself ---


def make_nightly(configuration: Configuration) -> Path:
    """Make today's backup, in the data directory and, where the settings name one, in a folder elsewhere.

    Raises OSError.
    """
    folder = configuration.data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"loquet-{clock.local():%Y-%m-%d}.backup"
    write(configuration, target)
    state.put(state.MADE, clock.now().isoformat())
    today = target.name
    # A clock that was ahead has made some of days that are to come: they are the first to go.
    for old in sorted(folder.glob("loquet-*.backup"), key=lambda each: (each.name <= today, each.name))[
        : -configuration.backup.keep
    ]:
        old.unlink()
    if configuration.backup.to:
        copy_away(target, Path(configuration.backup.to))
    return target


def copy_away(source: Path, folder: Path) -> None:
    """Copy a backup to another disk. A folder that is on the same one is none: the stick is not plugged in."""
    if not folder.is_dir():
        raise BackupError(N_("{path} is no folder; is the disk plugged in?"), path=folder)
    if folder.stat().st_dev == source.stat().st_dev:
        raise BackupError(N_("{path} is on the same disk as the server; is the other one plugged in?"), path=folder)
    draft = folder / f".{source.name}.new"
    shutil.copyfile(source, draft)
    draft.replace(folder / source.name)
    left()


def left() -> None:
    """Note that a backup has left the machine."""
    state.put(state.LEFT, clock.now().isoformat())


def last_made() -> datetime | None:
    """Return when the last nightly one was made; None where none was, or by a clock that was ahead."""
    return _past(state.MADE)


def _past(key: str) -> datetime | None:
    text = state.get(key)
    found = datetime.fromisoformat(text) if text else None
    return None if found is None or found > clock.now() + AHEAD else found


def days_since_left() -> int | None:
    """Return for how many days no backup has left the machine; None: never did one."""
    found = _past(state.LEFT)
    return None if found is None else max(0, (clock.now() - found).days)


def is_overdue() -> bool:
    """Return whether people are to see red."""
    days = days_since_left()
    return days is None or days >= LEFT_DAYS
