"""Sheets on their way in: read, worked out, answered, taken over."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import connection
from django.db.models import Q

from common.errors import LoquetError
from common.texts import N_
from protocol.rows import Member, Row, encode_row, read_row
from protocol.sheets import FAB_MANAGER, guessing
from protocol.sheets.columns import Columns, Meaning
from protocol.sheets.tables import Table
from server.core import clock, state
from server.edits import editing
from server.edits.authors import Author
from server.edits.editing import EditError
from server.edits.models import Change, Edit
from server.imports import answers, filling, plans, remembered
from server.imports.answers import Answers
from server.imports.models import Draft, Source
from server.imports.opening import tables_of
from server.imports.plans import Plan
from server.imports.workbooks import best
from server.people import members

KEPT: Final = timedelta(hours=8)  # for so long a draft may be taken over: a secretary's day
PATIENCE: Final = timedelta(minutes=10)  # after which one that another process was taking over has failed
MOST: Final = 5  # drafts of one account
log = logging.getLogger("loquet.server")
_done_of: Final[dict[str, int]] = {}  # how far those are that this process is taking over


def read(account: int | None, name: str, raw: bytes, source: Source | None = None) -> Draft:
    """Read a sheet; return its draft. Raises SheetError."""
    tables = tables_of(raw)
    Draft.objects.filter(made__lt=clock.now() - KEPT, source=None).delete()
    mine = Draft.objects.filter(Q(account_id=account) if source is None else Q(source=source)).order_by("-made")
    Draft.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[MOST - 1 :])).delete()
    draft = Draft(token=secrets.token_urlsafe(12), account_id=account, source=source, name=name, made=clock.now())
    draft.tables = zlib.compress(msgspec.json.encode(tables), 1)
    _begin_with(draft, tables, best(tables) if len(tables) > 1 else 0)
    draft.save(force_insert=True)
    return draft


def _begin_with(draft: Draft, tables: list[Table], at: int) -> None:
    """Have a draft be of one of its worksheets, as far as that is understood without asking."""
    draft.worksheet, table = at, tables[at]
    columns, trainings = remembered.meant(table)
    said = Answers(trainings=trainings, whole=draft.source is not None and draft.source.whole)
    _work_out(draft, table, columns, said)


def _work_out(draft: Draft, table: Table, columns: Columns, said: Answers) -> None:
    """Have a draft say what it would change, over the version that is there now."""
    draft.version = state.version()
    is_numbered = guessing.guess(table).system == FAB_MANAGER
    plan, put = plans.make(table, columns, said, is_numbered=is_numbered, quiet=remembered.unread(table))
    draft.columns = {str(index): meaning.value for index, meaning in columns.items()}
    draft.answers, draft.plan = answers.kept(said), msgspec.to_builtins(plan)
    draft.rows, draft.of = _packed(put), len(put) + sum(map(len, plan.particulars.values()))
    draft.state, draft.error = "read" if plan.may_be_taken else "asking", None


def answer(draft: Draft, columns: Columns, said: Answers, worksheet: int) -> bool:
    """Work a draft out anew with what was said; return whether that changed what it would do."""
    before = shown(draft)
    tables = tables_of_draft(draft)
    if worksheet != draft.worksheet and worksheet < len(tables):
        _begin_with(draft, tables, worksheet)
    elif (columns, said) == (columns_of(draft), answers.of(draft.answers)):
        return False
    else:
        _work_out(draft, tables[draft.worksheet], columns, said)
    _save(draft)
    return shown(draft) != before


def again(draft: Draft) -> None:
    """Work a draft out anew over what is there by now, with all that was said."""
    table = tables_of_draft(draft)[draft.worksheet]
    _work_out(draft, table, columns_of(draft), answers.of(draft.answers))
    _save(draft)


def _save(draft: Draft) -> None:
    """Keep it; what is being taken over by now is not changed under it."""
    fields = ["version", "columns", "answers", "plan", "rows", "of", "state", "error", "worksheet"]
    waiting = Draft.objects.filter(pk=draft.pk).exclude(state__in=["running", "done"])
    waiting.update(**{field: getattr(draft, field) for field in fields})


def shown(draft: Draft) -> str:
    """Return what stands for all that a draft would do, as its page shows it."""
    told = msgspec.json.encode([draft.plan, draft.columns, draft.worksheet], order="sorted")
    return hashlib.blake2b(told + bytes(draft.rows), digest_size=12).hexdigest()


def tables_of_draft(draft: Draft) -> list[Table]:
    """Return the sheet itself: one table, or every worksheet."""
    return msgspec.json.decode(zlib.decompress(bytes(draft.tables)), type=list[Table])


def columns_of(draft: Draft) -> Columns:
    """Return what its columns mean by now."""
    return {int(index): Meaning(said) for index, said in draft.columns.items()}


def plan_of(draft: Draft) -> Plan:
    """Return what it would change, and what has to be asked."""
    return msgspec.convert(draft.plan, Plan)


_line: Final = msgspec.json.Decoder(tuple[str, str]).decode


def _packed(found: list[Row]) -> bytes:
    lines = (msgspec.json.encode((row.key, encode_row(row).decode())) for row in found)
    return zlib.compress(b"\n".join(lines), 1)


def rows_of(draft: Draft) -> list[Row]:
    """Return what a draft would put; some of its ids are still to be made."""
    lines = zlib.decompress(bytes(draft.rows)).split(b"\n") if draft.rows else []
    return [read_row(*_line(line)) for line in lines if line]


def get(token: str, account: int, site: str | None) -> Draft | None:
    """Return a draft of this account's, or of a source of that site (None: of any).

    One that a server which ended was taking over has failed.
    """
    sources = Q(source__isnull=False) if site is None else Q(source__site=site)
    mine = Q(account_id=account, made__gte=clock.now() - KEPT) | sources
    here = Draft.objects.select_related("source").filter(mine, pk=token)
    found = here.first()
    if found is not None and found.state == "running" and found.pk not in _done_of and _is_old(found.begun):
        _fail(found, EditError(N_("the server was stopped meanwhile, and nothing was changed")))
        found = here.first()
    return found


def _fail(draft: Draft, error: LoquetError) -> None:
    """Keep why nothing came of one that was being taken over, unless that was begun anew meanwhile."""
    mine = Draft.objects.filter(pk=draft.pk, state="running", begun=draft.begun)
    mine.update(state="failed", error=plans.keep(error))


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
    draft.begun = clock.now()
    if Draft.objects.filter(pk=draft.pk, state="read").update(state="running", begun=draft.begun):
        _done_of[draft.pk] = 0
        threading.Thread(target=_take_over, args=(draft, author, set(back)), daemon=True).start()


def _take_over(draft: Draft, author: Author, back: set[str]) -> None:
    """Write it, on a thread of its own, so that the page can tell how far it has come."""

    def progress(done: int, _of: int) -> None:
        _done_of[draft.pk] = done

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
        with editing.alone():  # that it is done is there with what it did
            _hold_to_what_was_shown(draft, put)
            edit = editing.carry_out(author, "imported", put, about=about, progress=progress, are_checked=True)
            if said and edit is None:
                edit = Edit.objects.create(account=author.account, by=author.name[:200], what="imported", about=about)
            if edit is not None:
                filling.fill(author, edit, said)
            table = tables_of_draft(draft)[draft.worksheet]
            remembered.keep(table, columns_of(draft), answers.of(draft.answers).trainings)
            Draft.objects.filter(pk=draft.pk).update(state="done", edit=edit)
    except LoquetError as error:
        _fail(draft, error)
    except Exception:  # whoever waits is told
        log.exception("the sheet %s could not be taken over", draft.name)
        _fail(draft, EditError(N_("it could not be taken over; the server's own journal says why")))
    finally:
        _done_of.pop(draft.pk, None)
        connection.close()


def _hold_to_what_was_shown(draft: Draft, put: list[Row]) -> None:
    """Refuse what somebody has changed since the preview was made, stricter or not. Raises EditError."""
    keys = {row.key for row in put}
    since = Change.objects.filter(version__gt=draft.version).values_list("key", "edit__by")
    meanwhile = {key: by for key, by in since.iterator() if key in keys}
    if meanwhile:
        key, by = next(iter(meanwhile.items()))
        raise EditError(
            N_("{by} has changed {count} of these meanwhile ({key}); this is what would change now"),
            by=by or "?",
            count=len(meanwhile),
            key=key,
        )


def forget(**_signal: object) -> None:
    """Have nothing of any sheet that is being looked at: it may hold whoever is forgotten."""
    Draft.objects.all().delete()
    Source.objects.update(digest="")
