"""Whose badge has a number: it may be known by its hash under an older badge key; and badges that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import OuterRef, QuerySet, Subquery

from protocol.rows import Badge
from server.core import configuration, keys
from server.edits import rows
from server.people import models

LATELY: Final = timedelta(hours=12)


def unknown_since(moment: datetime) -> QuerySet[models.UnknownBadge]:
    """Return the badges that nobody knows and that the server heard of since, the latest first."""
    known = models.Badge.objects.values("hash")
    return models.UnknownBadge.objects.filter(at__gte=moment).exclude(hash__in=known).order_by("-at")


def noted(found: QuerySet[models.Badge]) -> list[models.Badge]:
    """Return badges, those that open first, each with what is noted of it: `label` and `technology`, or None."""
    note = models.BadgeNote.objects.filter(pk=OuterRef("pk"))
    label, technology = Subquery(note.values("label")[:1]), Subquery(note.values("technology")[:1])
    return list(found.annotate(label=label, technology=technology).order_by("blocked", "hash"))


def known_hash(uid: bytes, technology: str) -> tuple[str, Badge | None]:
    """Hash a badge's number under the key that it is known by, else under the one in force; and whose it is."""
    ring = keys.load(configuration.in_force().data_dir).badge_keys
    hashes = [key.hash(uid, technology) for key in ring]
    found = rows.find(f"badge/{each}" for each in hashes)
    for each in hashes:
        row = found.get(f"badge/{each}")
        if isinstance(row, Badge):
            return each, row
    return hashes[0], None


def known_hashes(cards: Iterable[tuple[bytes, str]]) -> dict[tuple[bytes, str], str]:
    """Hash many at once: each under the key that it is known by, else under the one in force."""
    ring = keys.load(configuration.in_force().data_dir).badge_keys
    hashes = {card: [key.hash(*card) for key in ring] for card in cards}
    known = rows.find(f"badge/{each}" for mine in hashes.values() for each in mine)
    return {card: next((each for each in mine if f"badge/{each}" in known), mine[0]) for card, mine in hashes.items()}
