"""What becomes of a defect that somebody reports on a page: kept, put into the inbox, told to whoever listens."""

from __future__ import annotations

from common.texts import N_
from server.core.forms import FormError
from server.inbox import notices
from server.upkeep.models import Defect
from server.upkeep.signals import defect_reported
from server.whitelist.models import Machine


def hold_to_note(note: str) -> None:
    """Refuse a defect that says nothing. Raises FormError."""
    if not note:
        raise FormError(N_("say what is wrong"))


def notify(found: Machine, kept: Defect) -> None:
    """Have people hear of it."""
    name, note = found.name or found.pk, kept.note[:200]
    about = {"machine": name, "id": found.pk, "why": note}
    notices.notify("defect", found.device, once=f"defect/here/{kept.pk}", **about)
    defect_reported.send(Defect, machine=found.pk, name=name, note=kept.note)
