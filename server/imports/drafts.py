"""Sheets on their way in: read, worked out, answered, taken over."""

from __future__ import annotations

import json
import secrets
import threading
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import connection, transaction
from django.db.models import Q

from common.texts import N_, translate
from protocol.rows import Member, Row, encode_row, read_row
from protocol.sheets import FAB_MANAGER, guessing
from protocol.sheets.columns import Columns, Meaning
from protocol.sheets.tables import Table
from server.core import clock, state
from server.edits import editing
from server.edits.authors import Author
from server.edits.models import Edit
from server.imports import answers, filling, plans
from server.imports.answers import Answers
from server.imports.models import Draft, Remembered, Source
from server.imports.opening import fingerprint, table_of
from server.imports.plans import Plan
from server.people import members

KEPT: Final = timedelta(hours=8)  # for so long a draft may be taken over: a secretary's day
PATIENCE: Final = timedelta(minutes=10)  # after which one that another process was taking over has failed
MOST: Final = 5  # drafts of one account
MOST_REMEMBERED: Final = 200  # kinds of sheets
_done_of: Final[dict[str, int]] = {}  # how far those are that this process is taking over


def read(account: int | None, name: str, raw: bytes, source: Source | None = None) -> Draft:
    """Read a sheet; return its draft. Raises SheetError."""
    table = table_of(raw)
    known = Remembered.objects.filter(pk=fingerprint(table)).first()
    said = Answers(trainings=known.trainings if known else {}, whole=source is not None and source.whole)
    columns = _columns(known.columns, table) if known else guessing.guess(table).columns
    Draft.objects.filter(made__lt=clock.now() - KEPT, source=None).delete()
    mine = Draft.objects.filter(Q(account_id=account) if source is None else Q(source=source)).order_by("-made")
    Draft.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[MOST - 1 :])).delete()
    draft = Draft(token=secrets.token_urlsafe(12), account_id=account, source=source, name=name, made=clock.now())
    draft.table = zlib.compress(msgspec.json.encode(table), 6)
    _work_out(draft, table, columns, said)
    draft.save(force_insert=True)
    return draft


def _columns(kept: dict[str, str], table: Table) -> Columns:
    """Return what columns mean by what is kept of them."""
    known = set(Meaning)
    width = len(table.headings)
    return {int(index): Meaning(said) for index, said in kept.items() if said in known and int(index) < width}


def _work_out(draft: Draft, table: Table, columns: Columns, said: Answers) -> None:
    """Have a draft say what it would change, over the version that is there now."""
    draft.version = state.version()
    is_numbered = guessing.guess(table).system == FAB_MANAGER
    plan, put = plans.make(table, columns, said, is_numbered=is_numbered)
    draft.columns = {str(index): meaning.value for index, meaning in columns.items()}
    draft.answers, draft.plan = answers.kept(said), msgspec.to_builtins(plan)
    draft.rows, draft.of = _packed(put), len(put) + sum(map(len, plan.particulars.values()))
    draft.state = "read" if plan.may_be_taken else "asking"


def answer(draft: Draft, columns: Columns, said: Answers) -> None:
    """Work a draft out anew with what was said; nothing is done where that is the same as before."""
    table = table_of_draft(draft)
    if (columns, said) == (columns_of(draft), answers.of(draft.answers)):
        return
    _work_out(draft, table, columns, said)
    # What is being taken over by now is not changed under it.
    fields = ["version", "columns", "answers", "plan", "rows", "of", "state"]
    waiting = Draft.objects.filter(pk=draft.pk, state__in=["asking", "read"])
    waiting.update(**{field: getattr(draft, field) for field in fields})


def table_of_draft(draft: Draft) -> Table:
    """Return the sheet itself."""
    return msgspec.json.decode(zlib.decompress(bytes(draft.table)), type=Table)


def columns_of(draft: Draft) -> Columns:
    """Return what its columns mean by now."""
    return {int(index): Meaning(said) for index, said in draft.columns.items()}


def plan_of(draft: Draft) -> Plan:
    """Return what it would change, and what has to be asked."""
    return msgspec.convert(draft.plan, Plan)


def _packed(found: list[Row]) -> bytes:
    lines = (json.dumps([row.key, encode_row(row).decode()]) for row in found)
    return zlib.compress("\n".join(lines).encode(), 6)


def rows_of(draft: Draft) -> list[Row]:
    """Return what a draft would put; some of its ids are still to be made."""
    lines = zlib.decompress(bytes(draft.rows)).decode().splitlines()
    return [read_row(*json.loads(line)) for line in lines]


def get(token: str, account: int) -> Draft | None:
    """Return a draft of this account's, or of a source; one that a server which ended was taking over has failed."""
    mine = Q(account_id=account, made__gte=clock.now() - KEPT) | Q(source__isnull=False)
    found = Draft.objects.select_related("source").filter(mine, pk=token).first()
    if found is not None and found.state == "running" and found.pk not in _done_of and _is_old(found.begun):
        found.state, found.error = "failed", N_("the server was stopped meanwhile, and nothing was changed")
    return found


def _is_old(begun: datetime | None) -> bool:
    return begun is None or clock.now() - begun > PATIENCE


def forgotten_in(found: Iterable[Row]) -> list[str]:
    """Return the ids, of members that rows would enter, of somebody who was forgotten."""
    return members.were_forgotten({row.id for row in found if isinstance(row, Member)})


def done_of(draft: Draft) -> int:
    """Return how many rows are written, as far as this process knows."""
    return _done_of.get(draft.pk, 0)


def done(token: str) -> None:
    """Have nothing of a draft any more."""
    Draft.objects.filter(pk=token).delete()


def begin(draft: Draft, author: Author, back: Iterable[str]) -> None:
    """Begin to take a draft over, once; its state says how far that has come.

    back: the ids of those who were forgotten that may be somebody's again; all others of them are left out.
    """
    if Draft.objects.filter(pk=draft.pk, state="read").update(state="running", begun=clock.now()):
        _done_of[draft.pk] = 0
        threading.Thread(target=_take_over, args=(draft, author, set(back)), daemon=True).start()


def _take_over(draft: Draft, author: Author, back: set[str]) -> None:
    """Write it, on a thread of its own, so that the page can tell how far it has come."""

    def progress(done: int, _of: int) -> None:
        _done_of[draft.pk] = done

    mine = Draft.objects.filter(pk=draft.pk)
    try:
        put = rows_of(draft)
        gone = set(forgotten_in(put)) - back
        put = [row for row in put if plans.person_of(row) not in gone]
        plan = plan_of(draft)
        ids = dict(zip(plan.fresh, members.new_ids(len(plan.fresh)), strict=True))
        put = plans.with_ids(put, ids)
        said = {ids.get(each, each): values for each, values in plan.particulars.items() if each not in gone}
        about = {"count": len(put) + sum(map(len, said.values())), "file": draft.name}
        author = msgspec.structs.replace(author, since=draft.version, knows_own=False)
        with transaction.atomic():  # that it is done is there with what it did
            edit = editing.carry_out(author, "imported", put, about=about, progress=progress)
            if said and edit is None:
                edit = Edit.objects.create(account=author.account, by=author.name[:200], what="imported", about=about)
            if edit is not None:
                filling.fill(author, edit, said)
            _remember(draft)
            mine.update(state="done", edit=edit)
    except Exception as error:  # noqa: BLE001 - whoever waits is told
        mine.update(state="failed", error=translate(error)[:1_000])
    finally:
        _done_of.pop(draft.pk, None)
        connection.close()


def _remember(draft: Draft) -> None:
    """Keep what the columns meant, and which words meant which training, for the next sheet with these headings."""
    said = answers.of(draft.answers)
    kept = {"columns": draft.columns, "trainings": said.trainings, "used": clock.now()}
    Remembered.objects.update_or_create(pk=fingerprint(table_of_draft(draft)), defaults=kept)
    latest = Remembered.objects.order_by("-used").values_list("pk", flat=True)
    Remembered.objects.filter(pk__in=list(latest[MOST_REMEMBERED : 2 * MOST_REMEMBERED])).delete()


def forget(**_signal: object) -> None:
    """Have nothing of any sheet that is being looked at: it may hold whoever is forgotten."""
    Draft.objects.all().delete()
    Source.objects.update(digest="")
