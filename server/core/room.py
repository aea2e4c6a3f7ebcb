"""How much room there is left on the disk: below a floor controllers wait, so that people can go on working."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

FLOOR: Final = 200_000_000  # bytes
SHARE: Final = 4  # of a small disk, the floor is one part in so many


def is_short(folder: Path) -> bool:
    """Return whether so little is left where the database lies that only people may write."""
    usage = shutil.disk_usage(folder)
    return usage.free < min(FLOOR, usage.total // SHARE)
