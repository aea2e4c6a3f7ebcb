"""Months: what the next one waits for, closing it, and the statements of those that are closed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404

from common.errors import LoquetError
from common.texts import N_, _, translate
from server.accounts.guards import allowed, audit
from server.accounts.models import AuditRecord, Role
from server.billing import closing, documents, explaining
from server.billing.forms import CloseForm
from server.billing.models import Closing, Statement
from server.core import exports
from server.core.forms import FormError
from server.core.rendering import page, say
from server.sites.models import Site
from server.whitelist.sameness.machines import called

SHOWN = 120


@allowed(Role.FABMANAGER)
def months(request: HttpRequest) -> HttpResponseBase:
    """Show the months, and close the next one."""
    wrong = ""
    if request.method == "POST":
        try:
            return _close(request)
        except LoquetError as error:
            wrong = translate(error)
    following = closing.next_month()
    context: dict[str, Any] = {
        "months": list(Closing.objects.order_by("-month")[:SHOWN]),
        "following": following,
        "is_over": closing.is_over(following),
        "waiting": closing.waiting_for(following) if closing.is_over(following) else [],
        "asks_number": closing.asks_for_number(),
        "may_close": request.user.may(Role.ADMINISTRATOR),  # type: ignore[union-attr]
        "wrong": wrong,
    }
    return page(request, "billing/months.html", 422 if wrong else 200, **context)


def _close(request: HttpRequest) -> HttpResponseBase:
    """Close a month. Raises LoquetError."""
    if not request.user.may(Role.ADMINISTRATOR):  # type: ignore[union-attr]
        raise FormError(N_("your account may not change this; ask an administrator"))
    said = CloseForm.read(request)
    by = request.user.get_username()
    made = closing.close(said["month"], by, anyway=said["anyway"], last_number=said["last_number"])
    AuditRecord.objects.create(account=by, what="closed_month", about=made.month)
    say(request, _("{month} is closed").format(month=made.month))
    return HttpResponseRedirect(f"/months/{made.month}")


@allowed(Role.FABMANAGER)
def month(request: HttpRequest, which: str) -> HttpResponseBase:
    """Show the statements of a month; as a file, its journal in the columns of the FEC."""
    found = get_object_or_404(Closing, pk=which)
    audit(request, "looked_month", which)
    if (file := exports.asked(request, lambda: documents.journal_table(which))) is not None:
        return file
    statements = list(Statement.objects.filter(month=which).order_by("count").defer("lines"))
    is_same = closing.verified(which) == found.digest
    return page(request, "billing/month.html", closing=found, statements=statements, is_same=is_same)


@allowed(Role.FABMANAGER)
def statement(request: HttpRequest, number: str) -> HttpResponseBase:
    """Show one statement, to be printed, or as a file."""
    found = get_object_or_404(Statement, number=number)
    audit(request, "looked_statement", number)
    return shown(request, found)


def shown(request: HttpRequest, found: Statement) -> HttpResponseBase:
    """Return a statement's page, or its file; a member's own too."""
    if (file := exports.asked(request, lambda: documents.statement_table(found))) is not None:
        return file
    words = documents.WHATS
    lines = [
        (line, documents.day_of(line), words.get(line.get("what", ""), ""), explaining.lines_of(line.get("lines", [])))
        for line in found.lines
    ]
    site = Site.objects.order_by("pk").first()
    context: dict[str, Any] = {
        "statement": found,
        "lines": lines,
        "site_name": site.name if site else "",
        "machine_names": called(),
    }
    return page(request, "billing/statement.html", **context)
