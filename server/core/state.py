"""What the server holds of itself: generation, version, and when a backup last left the machine."""

from __future__ import annotations

from django.db import transaction

from server.core import clock, small
from server.core.models import ServerState

GENERATION = "generation"
VERSION = "version"
KEYS = "keys"  # the public key of the server whose database this is
LEFT = "backup_left"
MADE = "backup_made"
SET_UP = "set_up"  # when the workshop had all that it needs, for the first time
MEMBERS = "members"  # the number that the last new member's id was made of
LEAP = 1 << 20  # by which a restored server's versions pass all that it has forgotten


def get(key: str, default: str = "") -> str:
    """Return one value."""
    return next((each.value for each in small.rows(ServerState) if each.key == key), default)


def version() -> int:
    """Return the number of the whitelist's last change."""
    return int(get(VERSION, "0"))


def put(key: str, value: str) -> None:
    """Keep one value."""
    ServerState.objects.update_or_create(key=key, defaults={"value": value})


def begin() -> None:
    """Begin a generation where there is none yet: seconds since 1970, so that a later one is larger."""
    ServerState.objects.get_or_create(key=GENERATION, defaults={"value": str(int(clock.seconds()))})
    ServerState.objects.get_or_create(key=VERSION, defaults={"value": "0"})


def begin_anew(before: int = 0) -> None:
    """Begin a new generation, after a restore: what was forgotten is not mistaken for what comes.

    before: that of what was there before it. One backup may be restored twice, by a clock that is behind both times.
    """
    put(GENERATION, str(max(int(get(GENERATION, "0")) + 1, before + 1, int(clock.seconds()))))
    put(VERSION, str(int(get(VERSION, "0")) + LEAP))
    put(LEFT, "")


def next_numbers(key: str, count: int) -> int:
    """Count so many more of something, and give the first; each number is given once."""
    with transaction.atomic():
        row, _made = ServerState.objects.select_for_update().get_or_create(key=key, defaults={"value": "0"})
        first = int(row.value) + 1
        row.value = str(int(row.value) + count)
        row.save(update_fields=["value"])
        return first


def next_versions(count: int) -> int:
    """Count so many more changes, in the transaction that is open, and give the first; whoever else edits waits."""
    row = ServerState.objects.select_for_update().get(key=VERSION)
    first = int(row.value) + 1
    row.value = str(int(row.value) + count)
    row.save(update_fields=["value"])
    return first
