"""What time it was at a controller: its clock readings, boot by boot."""

from __future__ import annotations

from typing import Final

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
    readings = list(
        ClockReading.objects.filter(device=device, boot=boot)
        .order_by("stream_id", "seq", "pk")
        .values_list("offset", "quality")
    )
    if not readings:
        return None, Quality.UNKNOWN.value
    best = min(_ORDER.index(quality) for _offset, quality in readings)
    return next(offset for offset, quality in reversed(readings) if _ORDER.index(quality) == best), _ORDER[best]
