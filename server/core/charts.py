"""Charts, drawn on the server as SVG within the page: no script, in the reader's colours, read out as a sentence.

Without a viewBox, in percent: bars stretch with the page, and text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from server.core.rendering import colon
from server.core.saying import duration

HOUR: Final = 3_600_000
LEFT: Final = 8.0  # percent, for the scale
TOP: Final = 14.0
BOTTOM: Final = 84.0
GAP: Final = 0.3  # of a bar's place
LABELS: Final = 16  # below a chart, at most
STEPS: Final = (
    0.25, 0.5, 1, 2, 4, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 25_000, 100_000,
)  # fmt: skip


class Bar(msgspec.Struct, frozen=True):
    """One bar: what it is of, how many hours, that in words; before: how many then; is_now: of this time; a link."""

    label: str
    value: float
    said: str
    before: float | None = None
    is_now: bool = False
    link: str = ""


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a strip, from and to in parts of it; word: of what (use, locked, fault, offline, maybe)."""

    word: str
    begin: float
    end: float
    said: str


_SHAPE: Final = {"locked": ("25%", "50%"), "offline": ("40%", "20%")}


def bars(title: str, found: Sequence[Bar], height: str = "h140", *, words: bool = False) -> Markup:
    """Draw bars beside each other; nothing where none is taller than nothing. words: write each one's over it."""
    most = max((each.value for each in found), default=0)
    if most <= 0:
        return Markup("")
    most = max(most, max((each.before or 0 for each in found), default=0))
    step, top = _scale(most)
    place = (100 - LEFT) / len(found)
    every = math.ceil(len(found) / LABELS)
    drawn = [_rules(step, top)]
    for number, each in enumerate(found):
        drawn.append(_bar(each, LEFT + number * place, place, top, is_named=number % every == 0, is_said=words))
    said = f"{title}{colon()}{', '.join(f'{each.label} {each.said}' for each in found if each.value > 0)}"
    return Markup('<svg class="chart {}" role="img" aria-label="{}">{}</svg>').format(
        height, said, Markup("").join(drawn)
    )


def _scale(most: float) -> tuple[float, float]:
    """Return the step of the lines and the top of a chart, in hours that one counts by."""
    for step in STEPS:
        if most <= step * 4:
            return step, math.ceil(most / step) * step
    return most, most


def _y(value: float, top: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * max(0.0, min(value, top)) / top


def _rules(step: float, top: float) -> Markup:
    made, value = [], 0.0
    rule = Markup(
        '<line class="rule{}" x1="{}%" x2="100%" y1="{:.1f}%" y2="{:.1f}%"/>'
        '<text x="{}%" y="{:.1f}%" dy="4" text-anchor="end">{}</text>'
    )
    while value <= top + step / 2:
        at = _y(value, top)
        said = f"{value:g}" if value < top else f"{value:g} h"
        made.append(rule.format("" if value else " base", LEFT - 1, at, at, LEFT - 1.5, at, said))
        value += step
    return Markup("").join(made)


def _bar(bar: Bar, left: float, place: float, top: float, *, is_named: bool, is_said: bool) -> Markup:
    at, middle = _y(bar.value, top), left + place / 2
    width = place * (1 - GAP)
    box = (
        Markup(
            '<rect class="b{}" x="{:.2f}%" width="{:.2f}%" y="{:.1f}%" height="{:.1f}%" rx="3"><title>{}</title></rect>'
        ).format(
            " now" if bar.is_now else "",
            left + place * GAP / 2,
            width,
            at,
            BOTTOM - at,
            f"{bar.label}{colon()}{bar.said}",
        )
        if bar.value > 0
        else Markup("")
    )
    if bar.link and bar.value > 0:
        box = Markup('<a href="{}">{}</a>').format(bar.link, box)
    if bar.before:
        then = _y(bar.before, top)
        box += Markup('<line class="before" x1="{:.2f}%" x2="{:.2f}%" y1="{:.1f}%" y2="{:.1f}%"/>').format(
            left + place * GAP / 2, left + place * (1 - GAP / 2), then, then
        )
    if bar.value > 0 and (is_said or (bar.is_now and place > 5)):  # noqa: PLR2004 - percent: room for a word
        box += Markup('<text class="val" x="{:.2f}%" y="{:.1f}%" dy="-6" text-anchor="middle">{}</text>').format(
            middle, at, bar.said
        )
    if is_named:
        box += Markup('<text x="{:.2f}%" y="97%" text-anchor="middle">{}</text>').format(middle, bar.label)
    return box


def hours(label: str, milliseconds: float, **more: object) -> Bar:
    """Return the bar of so much time."""
    return Bar(label, milliseconds / HOUR, duration(milliseconds), **more)  # type: ignore[arg-type]


def strip(title: str, pieces: Iterable[Piece], *, now: float | None = None, ticks: int = 4) -> Markup:
    """Draw a stretch of time as a strip; ticks: into how many parts it is divided; now: where it is now."""
    drawn = [Markup('<rect class="track" width="100%" height="100%"/>')]
    for number in range(1, ticks):
        at = f"{100 * number / ticks:.2f}%"
        drawn.append(Markup('<line class="tick" x1="{}" x2="{}" y1="0" y2="100%"/>').format(at, at))
    for each in pieces:
        begin, end = max(0.0, each.begin), min(1.0, each.end)
        if end <= begin:
            continue
        y, height = _SHAPE.get(each.word, ("0", "100%"))
        drawn.append(
            Markup(
                '<rect class="{}" x="{:.2f}%" width="{:.2f}%" y="{}" height="{}" rx="3"><title>{}</title></rect>'
            ).format(each.word, begin * 100, max(0.4, (end - begin) * 100), y, height, each.said)
        )
    if now is not None and 0 <= now <= 1:
        at = f"{now * 100:.2f}%"
        drawn.append(Markup('<line class="nowline" x1="{}" x2="{}" y1="0" y2="100%"/>').format(at, at))
    return Markup('<svg class="strip" role="img" aria-label="{}">{}</svg>').format(title, Markup("").join(drawn))
