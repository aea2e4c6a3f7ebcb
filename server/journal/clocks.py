"""What time it was at a controller: its clock readings, boot by boot."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet

from protocol import entries
from protocol.moment import Quality
from server.devices.models import Device
from server.journal.models import ClockReading
from server.journal.processing import Written

LAST_MS: Final = 7_258_118_400_000  # 2200: whoever says later has no clock
_ORDER: Final = [each.value for each in Quality]


def read(written: Written, entry: entries.Clock) -> None:
    """Keep a reading. Raises ValueError for one that no clock shows."""
    kept = written.entry
    if not 0 <= kept.at + entry.offset <= LAST_MS:
        raise ValueError(entry.offset)
    ClockReading.objects.get_or_create(
        device=written.device,
        boot=kept.boot,
        stream_id=kept.stream_id,
        seq=kept.seq,
        defaults={"at": kept.at, "offset": entry.offset, "quality": entry.quality.value},
    )


def offset(device: Device, boot: str) -> tuple[int | None, str]:
    """Return what to add to a boot's own time: its best reading, the last of them."""
    return _best(ClockReading.objects.filter(device=device, boot=boot))


def moved(written: Written) -> bool:
    """Return whether an entry that was read just now has changed what a boot's times are; most say the same again."""
    kept = written.entry
    mine = ClockReading.objects.filter(device=written.device, boot=kept.boot)
    return _best(mine) != _best(mine.exclude(stream_id=kept.stream_id, seq=kept.seq))


def _best(readings: QuerySet[ClockReading]) -> tuple[int | None, str]:
    """Return the best of some readings. By one step into an index for each quality, however many readings there are."""
    for quality in _ORDER:
        latest = readings.filter(quality=quality).order_by("-stream_id", "-seq")
        found = latest.values_list("offset", flat=True).first()
        if found is not None:
            return found, quality
    return None, Quality.UNKNOWN.value
