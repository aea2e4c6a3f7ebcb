"""What members are called, asked for at once for all whom a page meets."""

from __future__ import annotations

from collections.abc import Iterable

from server.people.merging import aliases
from server.people.models import Member


class Names:
    """The names of whoever was added before the first is read; of an id that was merged, whose it is now.

    Where nobody `asks`, each is called by their id: for a page that names nobody.
    """

    def __init__(self, ids: Iterable[str] = (), *, asks: bool = True) -> None:
        self._asks = asks
        self._waiting: set[str] = set(ids)
        self._whose: dict[str, str] = {}
        self._called: dict[str, str] = {}

    def add(self, ids: Iterable[str]) -> None:
        """Have these be asked for with the others."""
        self._waiting.update(ids)

    def whose(self, member: str) -> str:
        """Return who an id is now."""
        self._ask()
        return self._whose.get(member, member)

    def __getitem__(self, member: str) -> str:
        """Return what somebody is called; whoever has no name, by their id."""
        now = self.whose(member)
        return self._called.get(now) or now

    def _ask(self) -> None:
        wanted = self._waiting - self._whose.keys() - {""} if self._asks else set()
        self._waiting = set()
        if not wanted:
            return
        self._whose |= aliases.resolve(wanted)
        now = {self._whose[each] for each in wanted} - self._called.keys()
        self._called |= dict(Member.objects.filter(pk__in=now).values_list("pk", "name"))
