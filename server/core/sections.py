"""Parts of a page that belong to another subject: each app brings its own, so that no app imports those above it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

_panels: dict[str, list[Section]] = defaultdict(list)


class Section(msgspec.Struct, frozen=True):
    """One part of a page. template: what it is made by; places: what fills it, of whom or what the page is about."""

    template: str
    context: Callable[[str], dict[str, Any]]


def register(page: str, section: Section) -> None:
    """Have a page show it, after those that are there."""
    _panels[page].append(section)


def of(page: str, about: str = "") -> tuple[list[str], dict[str, Any]]:
    """Return the templates that a page shows besides its own, and all that fills them."""
    context: dict[str, Any] = {}
    for section in _panels[page]:
        context |= section.context(about)
    return [section.template for section in _panels[page]], context
