"""What the server does about reminders beside answering: some of it at each step."""

from __future__ import annotations

from typing import Final

from server.core import clock
from server.mail import post
from server.reminders import digests, members

MORNING: Final = 8  # o'clock; nobody's telephone rings at midnight


def step() -> bool:
    """Write some of the letters that are due; return whether there may be more. Nothing where no mail goes out."""
    if not post.is_on() or clock.local().hour < MORNING:
        return False
    has_more_members = members.write()
    has_more_digests = digests.make()
    return has_more_members or has_more_digests
