"""What others are told of machines."""

from __future__ import annotations

from django.dispatch import Signal

defect_reported = Signal()  # machine: its id; name; note
