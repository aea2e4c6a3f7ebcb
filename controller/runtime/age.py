"""How old the whitelist is: since when nobody has confirmed it, by the time that is known to have passed."""

from __future__ import annotations

from typing import Final

from controller.settings.periods import DAY_MS, Stale

WARNING_DAYS: Final = 7


class Age:
    """Tells how old the list in force is. confirmed: milliseconds since 1970, when it was last known to be right."""

    def __init__(self, stale: Stale) -> None:
        self._stale = stale
        self.confirmed = 0
        self.is_from_server = False  # by a server: it grows old by itself

    def days(self, known: int) -> int | None:
        """Return the list's age where people are to know of it: a week before it is stale, and from then on."""
        after = self._stale.after
        if after is None or not (self._stale.said or self.is_from_server):
            return None
        age = max(0, known - self.confirmed) // DAY_MS
        return age if age >= max(1, after - WARNING_DAYS) else None

    def refuses(self, known: int) -> bool:
        """Return whether nobody starts any more: the settings say so, and the list is stale."""
        days = self.days(known)
        return self._stale.deny and days is not None and days >= (self._stale.after or 0)
