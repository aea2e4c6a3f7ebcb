"""Charts, drawn on the server as SVG within the page: no script, in the reader's colours, read out as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from server.core.rendering import colon

WIDTH: Final = 640
HEIGHT: Final = 150  # of the tallest bar
HEAD: Final = 18  # for what is written above a bar
FOOT: Final = 20  # and below it
GAP: Final = 0.25  # of a bar's place


class Bar(msgspec.Struct, frozen=True):
    """One bar: what it is of, how tall, and that in words."""

    label: str
    value: float
    said: str


def bars(title: str, found: Sequence[Bar]) -> Markup:
    """Draw bars beside each other, the tallest as high as there is room; nothing where none is taller than nothing."""
    most = max((each.value for each in found), default=0)
    if most <= 0:
        return Markup("")
    place = WIDTH / len(found)
    drawn = Markup("").join(_bar(each, number * place, place, most) for number, each in enumerate(found))
    said = f"{title}{colon()}{', '.join(f'{each.label} {each.said}' for each in found if each.value > 0)}"
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEAD + HEIGHT + FOOT, said, drawn
    )


def _bar(bar: Bar, left: float, place: float, most: float) -> Markup:
    tall = HEIGHT * max(0.0, bar.value) / most
    middle, top = left + place / 2, HEAD + HEIGHT - tall
    head = (
        Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(middle, top - 5, bar.said)
        if bar.value > 0
        else Markup("")
    )
    box = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"></rect>')
    foot = Markup('<text x="{:.1f}" y="{}">{}</text>').format(middle, HEAD + HEIGHT + 15, bar.label)
    return box.format(left + place * GAP / 2, top, place * (1 - GAP), tall) + head + foot
