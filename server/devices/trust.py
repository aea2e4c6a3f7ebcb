"""What a person decides of a controller that did what is suspicious: to believe it again, or to undo what it did."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from server.core import clock
from server.devices.models import Device
from server.edits import editing
from server.edits.authors import Author
from server.edits.models import Edit

LATELY: Final = timedelta(days=1)


def trust(device: Device) -> None:
    """Believe a controller again what controllers may say."""
    Device.objects.filter(pk=device.pk).update(is_held=False)


def take_back(author: Author, device: Device) -> tuple[int, int]:
    """Undo what a controller edited in the last day, the latest first; return how many, and how many could not be."""
    back = left = 0
    made = Edit.objects.filter(at__gte=clock.now() - LATELY, device=device, undone_by=None)
    for edit in made.exclude(what__in=editing.FINAL).order_by("-pk"):
        try:
            editing.undo(author, edit)
            back += 1
        except editing.EditError:
            left += 1
    return back, left
