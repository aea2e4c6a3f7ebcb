"""Parts of a page that belong to another subject: each app brings its own, so that no app imports those above it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

_panels: dict[str, list[Panel]] = defaultdict(list)


class Panel(msgspec.Struct, frozen=True):
    """One part of a page. template: what it is made by; places: what fills it, of whom or what the page is about."""

    template: str
    places: Callable[[str], dict[str, Any]]


def register(page: str, panel: Panel) -> None:
    """Have a page show it, after those that are there."""
    _panels[page].append(panel)


def of(page: str, about: str = "") -> tuple[list[str], dict[str, Any]]:
    """Return the templates that a page shows besides its own, and all that fills them."""
    places: dict[str, Any] = {}
    for panel in _panels[page]:
        places |= panel.places(about)
    return [panel.template for panel in _panels[page]], places
