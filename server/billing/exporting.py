"""Everything about accounts, sessions, prices and statements, as JSON lines: so that another program can check it all.

Each line is an object with `type`. docs/billing.md says what each type holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from protocol.rows import encode_row
from server.billing.models import Closing, Plan, Posting, Share, Statement, Transfer
from server.billing.rows import KINDS
from server.core import clock
from server.journal import book
from server.usage.models import Session

FORMAT = 1
SLICE = 500


def lines() -> Iterator[dict[str, Any]]:
    """Return every line, what others refer to first."""
    yield {"type": "export", "format": FORMAT, "made": clock.now().isoformat()}
    for kind in KINDS:
        for found in kind.objects.order_by("pk").iterator(chunk_size=SLICE):
            row = kind.of(found)
            if row is not None:
                yield dict(msgspec.json.decode(encode_row(row)))
    for plan in Plan.objects.order_by("pk"):
        names = ("id", "name", "fee", "yearly", "pro_rata", "included", "machines", "ahead", "owed", "vat", "account")
        yield {"type": "plan"} | {name: getattr(plan, name) for name in names}
    for share in Share.objects.order_by("machine", "since", "holder"):
        yield {
            "type": "share",
            "machine": share.machine,
            "holder": share.holder,
            "weight": share.weight,
            "since": share.since.isoformat(),
            "is_rest": share.is_rest,
        }
    yield from _sessions()
    yield from _transfers()
    for statement in Statement.objects.order_by("pk").iterator(chunk_size=SLICE):
        said = ("number", "month", "payer", "name", "total", "balance", "digest", "lines")
        yield {"type": "statement"} | {name: getattr(statement, name) for name in said}
    for closing in Closing.objects.order_by("month"):
        yield {"type": "closing", "month": closing.month, "digest": closing.digest, "left_out": closing.left_out}


def _sessions() -> Iterator[dict[str, Any]]:
    """Every session that ended, and what its latch said was applied."""
    last = 0
    names = (
        "session", "machine", "member", "started", "quality", "powered", "busy", "energy", "purpose", "level",
        "category", "payer", "corrected_by",
    )  # fmt: skip
    while found := list(Session.objects.filter(pk__gt=last, ended=True).order_by("pk")[:SLICE]):
        last = found[-1].pk
        by_session = book.said_of_many([each.session for each in found])
        for each in found:
            entries = [one.entry for one in by_session.get((each.device_id, each.session), [])]
            applied = next((said for one in entries if (said := getattr(one, "applied", None))), "")
            yield {
                "type": "session",
                "device": each.device_id,
                **{name: getattr(each, name) for name in names},
                "applied": msgspec.json.decode(applied) if applied else None,
            }


def _transfers() -> Iterator[dict[str, Any]]:
    last = 0
    names = ("id", "cause", "what", "month", "payer", "session", "machine", "member", "lines", "marks", "note")
    while found := list(Transfer.objects.filter(pk__gt=last).order_by("pk")[:SLICE]):
        last = found[-1].pk
        legs: dict[int, list[dict[str, Any]]] = {}
        for leg in Posting.objects.filter(transfer__in=found).order_by("pk"):
            legs.setdefault(leg.transfer_id, []).append(
                {"account": leg.account, "unit": leg.unit, "amount": leg.amount}
            )
        for each in found:
            yield {
                "type": "transfer",
                **{name: getattr(each, name) for name in names},
                "at": each.at.isoformat(),
                "day": each.day.isoformat(),
                "device": each.device_id,
                "postings": legs.get(each.pk, []),
            }
