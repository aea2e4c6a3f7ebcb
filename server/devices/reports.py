"""How a controller says that it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

SILENT: Final = timedelta(minutes=11)  # two reports missed
