"""Every symbol that pages show: Lucide's icons, and our own drawings of machines, as one SVG."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from lucide.jinja import lucide

ICONS: Final = (
    "ban", "bell", "calendar", "calendar-check", "calendar-clock", "calendar-plus", "calendar-x", "chart-column",
    "check",
    "chevron-down", "chevron-left", "chevron-right", "chevrons-up-down", "circle-alert", "circle-check",
    "circle-play", "circle-question-mark", "circle-stop", "circle-user-round", "circle-x", "clock", "coins", "copy",
    "download", "drill", "ellipsis", "ellipsis-vertical", "file-down", "file-spreadsheet", "file-up", "gauge",
    "graduation-cap", "handshake", "hard-drive-download", "history", "house", "id-card", "inbox", "key-round",
    "languages", "list", "lock", "lock-open", "log-in", "log-out", "mail", "merge", "minus", "moon",
    "nfc", "octagon-alert", "pencil", "plug", "plus", "printer", "qr-code", "refresh-cw", "router",
    "search", "settings", "shield-check", "sliders-horizontal", "sun", "sun-moon", "table-2", "ticket", "trash-2",
    "trending-down", "trending-up", "triangle-alert", "undo-2", "user", "user-plus", "user-x", "users",
    "wallet", "wifi-off", "wrench", "x", "zap",
)  # fmt: skip
DRAWINGS: Final = (
    "laser", "printer", "router", "saw", "kiln", "vinyl", "embroidery", "sander", "drill", "bench", "machine",
)  # fmt: skip
_MACHINES: Final = Path(__file__).parent / "static/machines.svg"
_INSIDE: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@cache
def sheet() -> bytes:
    """Return every symbol as one SVG: Lucide's icons, and our own drawings of machines."""
    symbols = [f'<symbol id="{name}" viewBox="0 0 24 24">{_inside(str(lucide(name)))}</symbol>' for name in ICONS]
    ours = _inside(_MACHINES.read_text(encoding="utf-8"))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}{ours}</svg>'.encode()


def _inside(svg: str) -> str:
    found = _INSIDE.search(svg)
    if found is None:
        raise ValueError(svg[:100])
    return found[1].strip()
