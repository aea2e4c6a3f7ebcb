"""Icons and drawings, as a page writes them: a reference to one symbol of the sheet."""

from __future__ import annotations

from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe

from server.core import statics
from server.core.symbols import DRAWINGS, ICONS


def icon(name: str, more: str = "") -> str:
    """Return an icon, which says nothing by itself: a word stands beside it. more: further classes."""
    if name not in ICONS:
        raise KeyError(name)
    classes = f"icon {more}".strip()
    return _use(classes, name)


def drawing(name: str, more: str = "") -> str:
    """Return the drawing of a kind of machine; of one that is not drawn, that of any machine."""
    known = name if name in DRAWINGS else "machine"
    return _use(more, f"m-{known}")


def _use(classes: str, symbol: str) -> str:
    said = format_html(' class="{}"', classes) if classes else ""
    address = escape(statics.address("icons.svg"))
    return mark_safe(f'<svg{said} aria-hidden="true"><use href="{address}#{symbol}"/></svg>')  # noqa: S308 - ours
