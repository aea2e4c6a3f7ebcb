"""The doors of the house: which pages there are to go to, for whom, and behind which door each page stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from common.texts import N_


class Tab(msgspec.Struct, frozen=True):
    """A page behind a door. role: who may open it; whole: whether it is of every workshop, and for nobody of one."""

    path: str
    text: str
    icon: str
    role: str = "fabmanager"
    whole: bool = False


class Door(msgspec.Struct, frozen=True):
    """One of the few things that always stand beside a page. also: beginnings of further paths that stand behind it."""

    path: str
    text: str
    icon: str
    role: str
    tabs: tuple[Tab, ...] = ()
    also: tuple[str, ...] = ()

    def leads_to(self, path: str) -> int:
        """Return how well a path fits: the length of what is alike, 0 for not at all."""
        known = (self.path, *(each.path for each in self.tabs), *self.also)
        return max((len(each) for each in known if fits(path, each)), default=0)


def fits(path: str, beginning: str) -> bool:
    """Return whether a path is that page, or one below it."""
    return path == beginning or path.startswith(f"{beginning}/")


STAFF: Final = (
    Door(
        "/today",
        N_("Today"),
        "sun",
        "trainer",
        also=("/inbox", "/refusals"),
    ),
    Door(
        "/members",
        N_("Members"),
        "users",
        "trainer",
        (
            Tab("/members", N_("List"), "list"),
            Tab("/whitelist", N_("Certifications"), "table-2", "trainer"),
            Tab("/badges", N_("Badges"), "nfc"),
            Tab("/import", N_("Import"), "file-up"),
        ),
        ("/explain", "/organisations", "/duplicates", "/merge", "/separate"),
    ),
    Door("/machines", N_("Machines"), "drill", "trainer", also=("/report",)),
    Door(
        "/usage",
        N_("Usage"),
        "chart-column",
        "fabmanager",
        (
            Tab("/usage", N_("Overview"), "chart-column"),
            Tab("/usage/sessions", N_("Sessions"), "list"),
            Tab("/prices", N_("Prices"), "coins"),
            Tab("/plans", N_("Plans"), "ticket"),
            Tab("/balances", N_("Balances"), "wallet"),
            Tab("/months", N_("Months"), "calendar-check"),
            Tab("/shares", N_("Co-owned machines"), "handshake"),
        ),
        ("/statements",),
    ),
    Door(
        "/setup",
        N_("Settings"),
        "settings",
        "fabmanager",
        (
            Tab("/setup", N_("Setting up"), "circle-check"),
            Tab("/site", N_("Workshop"), "house"),
            Tab("/devices", N_("Controllers"), "router"),
            Tab("/accounts", N_("Accounts"), "key-round", "administrator"),
            Tab("/mail", N_("Letters"), "mail", "administrator", whole=True),
            Tab("/history", N_("Who changed what"), "history"),
        ),
        ("/proposals", "/design", "/site-new"),
    ),
)
OWN: Final = (
    Door("/me", N_("My machines"), "drill", "member"),
    Door("/me/sessions", N_("My minutes"), "chart-column", "member"),
    Door("/status", N_("The workshop"), "house", "member"),
    Door("/me/costs", N_("My costs"), "wallet", "member", also=("/me/statements",)),
    Door("/me/badge", N_("My badge"), "nfc", "member"),
    Door("/account", N_("My account"), "user", "member"),
)


def at(path: str, doors: Iterable[Door]) -> Door | None:
    """Return the door behind which a page stands; None where it stands behind none."""
    found = max(((each.leads_to(path), each) for each in doors), key=lambda pair: pair[0], default=(0, None))
    return found[1] if found[0] else None


def tab_at(path: str, tabs: Iterable[Tab]) -> str:
    """Return the path of the tab that a page is on, or below; "" for none."""
    found = [each.path for each in tabs if fits(path, each.path)]
    return max(found, key=len, default="")
