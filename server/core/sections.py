"""Parts of a page that belong to another subject: each app brings its own, so that no app imports those above it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

_panels: dict[str, list[Section]] = defaultdict(list)


class Section(msgspec.Struct, frozen=True):
    """One part of a page.

    template: what it is made by; context: what fills it, of whom or what the page is about, and for whom of which site
    it is (None: of all).
    """

    template: str
    context: Callable[[str, str | None], dict[str, Any]]


def register(page: str, section: Section) -> None:
    """Have a page show it, after those that are there."""
    _panels[page].append(section)


def of(page: str, about: str = "", site: str | None = None) -> tuple[list[str], dict[str, Any]]:
    """Return the templates that a page shows besides its own, and all that fills them."""
    context: dict[str, Any] = {}
    for section in _panels[page]:
        context |= section.context(about, site)
    return [section.template for section in _panels[page]], context
