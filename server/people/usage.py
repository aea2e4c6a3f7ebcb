"""What members used, as the app says that counts it: this one stands below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

from server.people.models import Member
from server.people.signals import usage_asked


class Used(NamedTuple):
    """How many sessions, for how many milliseconds; last: when the latest began, None where no clock was set."""

    sessions: int = 0
    powered: int = 0
    last: int | None = None


NOTHING: Final = Used()


def of(members: Iterable[str], site: str | None) -> dict[str, Used]:
    """Return what members used, in one workshop or in all (None); those are left out that used nothing."""
    found: dict[str, Used] = {}
    for _app, answer in usage_asked.send(Member, members=list(members), site=site):
        found |= cast("dict[str, Used]", answer or {})
    return found
