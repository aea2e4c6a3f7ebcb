"""Statements and months as files: what a payer is sent, and what an accountant reads (the columns of the FEC)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from common.texts import N_, _
from server.billing import explaining, shares
from server.billing.charges import gross
from server.billing.models import Posting, Statement
from server.core.exports import Column, Kind, Table
from server.people import payers
from server.whitelist.sameness.machines import called

WHATS: Final = {
    "session": N_("session"),
    "correction": N_("correction"),
    "fee": N_("plan"),
    "included": N_("included time"),
    "payment": N_("payment"),
    "given": N_("hours given"),
    "passed": N_("time passed on"),
    "share": N_("share paid out"),
}


def statement_table(statement: Statement) -> Table:
    """Return a statement as a table: a row for each thing on it."""
    columns = (
        Column(_("Day"), Kind.DAY), Column(_("What")), Column(_("Machine")), Column(_("How it is reckoned")),
        Column(_("Amount"), Kind.MONEY), Column(_("Minutes"), Kind.MINUTES),
    )  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        names = called()
        for line in statement.lines:
            yield (
                day_of(line),
                _(WHATS.get(line.get("what", ""), "")) or line.get("what", ""),
                names.get(line.get("machine", ""), line.get("machine", "")),
                reckoned(line),
                -line.get("cents", 0),
                line.get("seconds", 0) * 1_000 or None,
            )
        yield (None, _("Total"), "", "", -statement.total, None)
        for rate, tax in sorted(taxes(statement).items()):
            yield (None, _("of which VAT at {rate} %").format(rate=explaining.percent(rate)), "", "", tax, None)

    title = _("Statement {number}").format(number=statement.number)
    return Table(f"statement-{statement.number}", f"{title} · {statement.name}", columns, rows)


def taxes(statement: Statement) -> dict[int, int]:
    """Return the tax that is in a statement's sessions, in cents by rate (hundredths of a per cent).

    A correction moves a part of what its lines come to: as much of their tax goes with it.
    """
    found: dict[int, int] = {}
    for line in statement.lines:
        priced = explaining.read(line.get("lines", []))
        whole = sum(gross(each) for each in priced)
        for each in priced if whole else []:
            if each.vat:
                share = -line.get("cents", 0) * gross(each)
                tax = share * each.vat
                parts = whole * (10_000 + each.vat)
                found[each.vat] = found.get(each.vat, 0) + (2 * tax + parts) // (2 * parts)
    return found


def day_of(line: dict[str, Any]) -> date | None:
    """Return the day on which something happened."""
    try:
        return date.fromisoformat(line["day"])
    except (KeyError, TypeError, ValueError):
        return None


def reckoned(line: dict[str, Any]) -> str:
    """Return how an amount came about, in words; else the note that goes with it."""
    said = [f"{each.what} ({', '.join(each.steps)})" for each in explaining.lines_of(line.get("lines", []))]
    return "; ".join([*said, *([line["note"]] if line.get("note") else [])])


def journal_table(month: str) -> Table:
    """Return the postings of a month in the columns of the FEC (Livre des procédures fiscales, article A47 A-1)."""
    titles = (
        "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum",
        "CompAuxLib", "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate",
        "Montantdevise", "Idevise",
    )  # fmt: skip
    money = {"Debit", "Credit"}
    columns = tuple(Column(title, Kind.MONEY if title in money else Kind.TEXT) for title in titles)

    def rows() -> Iterator[tuple[Any, ...]]:
        found = Posting.objects.filter(month=month, unit="EUR").select_related("transfer__statement")
        for each in found.order_by("transfer_id", "pk").iterator(chunk_size=500):
            transfer = each.transfer
            kind, _slash, name = each.account.partition("/")
            number = {"payer": "411", "machine": "706", "plan": "706", "holder": "467"}.get(kind, "512")
            day = f"{transfer.day:%Y%m%d}"
            piece = transfer.statement.number if transfer.statement is not None else ""
            auxiliary = name if kind in {"payer", "holder"} else ""
            debit, credit = max(0, -each.amount), max(0, each.amount)
            yield (
                "LO", "Loquet", str(transfer.pk), day, number, kind, auxiliary, auxiliary, piece, day,
                f"{transfer.what} {transfer.machine}".strip(), debit, credit, "", "", day, "", "",
            )  # fmt: skip

    return Table(f"fec-{month}", month, columns, rows)


def share_table(machine: str, year: int) -> Table:
    """Return what a machine earned in a year, month by month, and each holder's part: a sheet for each of them."""
    found = shares.of_year(machine, year)
    holders = list(dict.fromkeys(holder for _month, _income, parts in found for holder in parts))
    names, called_so = payers.called(holders), called().get(machine, machine)
    columns = (Column(_("Month")), Column(_("Billed"), Kind.MONEY),
               *(Column(names.get(each, each), Kind.MONEY) for each in holders))  # fmt: skip

    def rows() -> Iterator[tuple[Any, ...]]:
        for month, income, parts in found:
            yield (month, income, *(parts.get(each, 0) for each in holders))
        sums = [sum(parts.get(each, 0) for _month, _income, parts in found) for each in holders]
        yield (_("Total"), sum(income for _month, income, _parts in found), *sums)

    return Table(f"shares-{machine}-{year}", f"{called_so} · {year}", columns, rows)
