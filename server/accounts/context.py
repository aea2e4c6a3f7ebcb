"""What every page knows of whoever looks at it: the account, the doors that it opens, the theme."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from server.accounts import themes
from server.accounts.models import Account, Role
from server.core import doors
from server.core.doors import Door, Tab


def context(request: HttpRequest) -> dict[str, Any]:
    """Return the account, the roles by which a page shows what, the doors and the tabs, the theme."""
    account = request.user if isinstance(request.user, Account) else None
    mine = opened_to(account)
    door = doors.at(request.path, mine)
    tabs = tabs_of(account, door) if account is not None and door is not None else []
    return {
        "account": account,
        "Role": Role,
        "doors": mine,
        "door": door,
        "tabs": tabs if len(tabs) > 1 and any(each.path == request.path for each in tabs) else [],
        "tab": doors.tab_at(request.path, tabs),
        "theme": themes.chosen(request),
    }


def opened_to(account: Account | None) -> list[Door]:
    """Return the doors that an account may go through; members have their own."""
    if account is None:
        return []
    if not account.may(Role.TRAINER):
        return [*doors.OWN]
    return [_first(account, each) for each in doors.STAFF if account.may(Role(each.role))]


def tabs_of(account: Account, door: Door) -> list[Tab]:
    """Return the pages behind a door that an account may open."""
    return [each for each in door.tabs if _opens(account, each)]


def _opens(account: Account, tab: Tab) -> bool:
    return account.may(Role(tab.role)) and not (tab.whole and account.site_id)


def _first(account: Account, door: Door) -> Door:
    """Return a door that leads to the first page behind it that an account may open."""
    pages = [each.path for each in door.tabs if _opens(account, each)]
    return (
        door
        if not pages or door.path in pages
        else Door(pages[0], door.text, door.icon, door.role, door.tabs, door.also)
    )
