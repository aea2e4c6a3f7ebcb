"""What the tests hold still: a day, a moment of it, the shipped examples."""

from datetime import date
from pathlib import Path

from protocol.moment import Moment, Quality

EXAMPLES = Path(__file__).parent.parent / "config"
TODAY = date(2026, 11, 20)


def moment(at=1_000, *, known=TODAY, today=TODAY, boot="boot-1", quality=Quality.SYNCHRONISED):
    """A moment, where only what matters is said."""
    return Moment(boot, at, 1_800_000_000_000 + at, quality, known, today)
