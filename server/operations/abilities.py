"""What each role may do, as the pages' own guards say it: a page that opens to another role is another line here."""

from __future__ import annotations

from typing import Final

from django.urls import resolve

from common.texts import N_, _
from server.accounts.models import Role
from server.operations.views.backup import OPENS_TO as BACKUP

# In the words of those who do it, with the pages of each; the role is read off them.
PAGES: Final = (
    (
        N_("see what one may use and one's own hours, change one's own badge and PIN, search"),
        "/me", "/me/sessions", "/me/badge", "/me/costs", "/me/data", "/search",
    ),
    (N_("choose one's own password and second factor"), "/account"),
    (N_("see why a machine lets one in or not"), "/explain"),
    (N_("give and take the trainings that one teaches"), "/whitelist"),
    (N_("see what goes on today, and who was refused"), "/today", "/refusals"),
    (N_("lock machines, and see what is wrong with them"), "/machines", "/machines/x", "/machines-cards"),
    (
        N_("enter, change, exclude and forget members, give badges and any training"),
        "/members/new", "/members", "/members-invite", "/members-sheet", "/badges", "/organisations", "/duplicates",
        "/merge", "/separate",
    ),
    (N_("import members from a sheet, or from a controller"), "/import", "/import-template", "/proposals"),
    (N_("see and correct everybody's usage"), "/usage"),
    (
        N_("set prices and plans, see balances, months and statements"),
        "/prices", "/plans", "/balances", "/balance-of", "/months", "/shares", "/statements/x",
    ),
    (N_("read the Inbox, and who changed what"), "/inbox", "/history"),
    (N_("set up trainings, machines and opening hours"), "/setup", "/site"),
    (N_("enrol and retire controllers"), "/devices"),
    (N_("invite people, say who may do what, and see what pages are made of"), "/accounts", "/design"),
    (N_("have a sheet of members be read each night"), "/import-source"),
    (N_("see the letters that went out, and make a further workshop"), "/mail", "/site-new"),
)  # fmt: skip


def table() -> list[tuple[str, list[bool]]]:
    """Return what can be done, in words, with whether each role may, in the order of `Role`."""
    needed = [(text, opens_to(first)) for text, first, *_more in PAGES]
    needed.append((N_("take backups: the keys are in them"), BACKUP))
    order = list(Role)
    return [(_(text), [order.index(each) <= order.index(role) for each in order]) for text, role in needed]


def opens_to(path: str) -> Role:
    """Return the least role to which a page opens."""
    found = getattr(resolve(path).func, "opens_to", None)
    if not isinstance(found, Role):
        raise TypeError(path)
    return found
