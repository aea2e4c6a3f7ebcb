"""Which known name one resembles: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rapidfuzz import fuzz

from common.folding import fold

ALIKE: Final = 75  # of 100, by rapidfuzz


def resembling(said: str, name: str, known: Mapping[str, str]) -> str:
    """Return the id of what is called most like that id or name; "" where nothing is. known: names by id."""
    mine = {_plain(each) for each in (said, name) if each}
    best = max(
        ((_likeness(mine, {_plain(each) for each in (pk, called) if each}), pk) for pk, called in known.items()),
        default=(0.0, ""),
    )
    return best[1] if best[0] >= ALIKE else ""


def _plain(text: str) -> str:
    return fold(text).replace("-", " ").replace("_", " ")


def _likeness(mine: set[str], theirs: set[str]) -> float:
    return max((_of(one, other) for one in mine for other in theirs), default=0.0)


def _of(one: str, other: str) -> float:
    """Return how alike two are; what is a word of the other, as "laser" of "laser cutter", is well alike."""
    words, others = set(one.split()), set(other.split())
    shared = bool(words & others) and (words <= others or others <= words)
    return max(fuzz.token_sort_ratio(one, other), 80.0 if shared else 0.0)
