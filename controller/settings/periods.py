"""For how many days what holds, as the settings say."""

from __future__ import annotations

from typing import Final

import msgspec

DAY_MS: Final = 86_400_000


class Periods(msgspec.Struct, frozen=True):
    """For how many days passages and refusals, and usage with whose it was, are kept; None: for good."""

    passages: int | None = 90
    usage: int | None = 3 * 365


class Stale(msgspec.Struct, frozen=True):
    """After how many days a list is stale, None: never; and whether nobody starts by it then.

    said: whether the settings name the days. Where they do not, a list that no server ever brought grows no older:
    nobody but its fabmanager keeps it.
    """

    after: int | None = 30
    deny: bool = False
    said: bool = False
