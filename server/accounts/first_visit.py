"""The first visit: a link with a word that only whoever started the server knows, until there is an account."""

from __future__ import annotations

import hmac
import secrets

from server.accounts.models import Account
from server.core import state
from server.core.configuration import Configuration

WORD = "first_word"


def link(configuration: Configuration) -> str | None:
    """Return the link of the first visit; None once there is an account."""
    if Account.objects.exists():
        return None
    word = state.get(WORD)
    if not word:
        word = secrets.token_urlsafe(18)
        state.put(WORD, word)
    return f"{configuration.link}first/{word}"


def fits(word: str) -> bool:
    """Return whether this is the word, and nobody has an account yet."""
    known = state.get(WORD)
    return bool(known) and hmac.compare_digest(known.encode(), word.encode()) and not Account.objects.exists()
