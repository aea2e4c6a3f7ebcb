"""`loquet server close-month` and `export`: a month's statements, and everything about accounts for another program."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from common.errors import LoquetError
from common.texts import N_, _
from server.commands.begin import set_up

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class MonthError(LoquetError, ValueError):
    """What is no month."""


@click.command(
    name="close-month",
    help=_(
        "Close a month: post fees and included time, and freeze a numbered statement for each payer. Names first what "
        "may still come of it. MONTH: as 2026-11; the next one where none is said."
    ),
)
@click.argument("month", required=False)
@click.option("--anyway", is_flag=True, help=_("Though something may still come: that goes on the next month."))
@click.option("--last-number", default="", help=_("After a restore: the last number that was issued before it."))
@click.option("--check", is_flag=True, help=_("Only reckon a closed month again, and say whether it is as it was."))
@click.option("--json", "as_json", is_flag=True, help=_("For scripts."))
def close_month(month: str | None, anyway: bool, last_number: str, check: bool, as_json: bool) -> None:
    """Close it, or look at it again."""
    if month is not None and MONTH.fullmatch(month) is None:
        raise MonthError(N_('"{said}" is no month; write it as 2026-11'), said=month[:20])
    set_up()
    from server.billing import closing  # noqa: PLC0415 - see the package's docstring
    from server.billing.models import Closing, Statement  # noqa: PLC0415

    if check:
        which = month or closing.last_closed()
        found = Closing.objects.filter(pk=which).first()
        if found is None:
            raise MonthError(N_("{month} is not closed"), month=which or "-")
        is_same = closing.verified(which) == found.digest and closing.is_balanced()
        _say(as_json, {"month": which, "is_same": is_same, "digest": found.digest}, _same(which, is_same=is_same))
        if not is_same:
            sys.exit(1)
        return
    made = closing.close(month or closing.next_month(), _("at the shell"), anyway=anyway, last_number=last_number)
    count = Statement.objects.filter(month=made.month).count()
    text = _("{month} is closed: {count} statements. SHA-256 {digest}")
    said = text.format(month=made.month, count=count, digest=made.digest)
    _say(as_json, {"month": made.month, "statements": count, "digest": made.digest, "left_out": made.left_out}, said)


def _same(month: str, *, is_same: bool) -> str:
    same = _("{month}: the ledger says what it said when the month was closed")
    other = _("{month}: the ledger says something else than when the month was closed; was the database changed?")
    return (same if is_same else other).format(month=month)


def _say(as_json: bool, found: dict[str, object], text: str) -> None:
    click.echo(msgspec.json.encode(found).decode() if as_json else text)


@click.command(
    help=_(
        "Write everything about accounts, sessions, prices and statements as JSON lines, for another program to check. "
        "FILE: where to; - for standard output. It has names in it."
    )
)
@click.argument("file", type=click.File("wb", lazy=True), default="-")
def export(file: BinaryIO) -> None:
    """Write it, line by line."""
    set_up()
    from server.billing.exporting import lines  # noqa: PLC0415 - likewise

    count = 0
    for line in lines():
        file.write(msgspec.json.encode(line) + b"\n")
        count += 1
    name = getattr(file, "name", "-")
    if name not in {"-", "<stdout>"}:
        click.echo(_("{count} lines in {file}").format(count=count, file=Path(str(name)).name), err=True)
