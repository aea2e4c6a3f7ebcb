"""The power that flows through a plug: Shelly, Tasmota."""

from __future__ import annotations

from typing import ClassVar

from drivers.contracts import N_, DriverError
from drivers.outputs.shelly import Shelly, ShellyMeterSettings
from drivers.outputs.tasmota import Tasmota, TasmotaMeterSettings


class ShellyMeter:
    """The power that flows through one switch of a Shelly."""

    measures: ClassVar[str] = "W"
    Settings: ClassVar[type[ShellyMeterSettings]] = ShellyMeterSettings

    def __init__(self, settings: ShellyMeterSettings) -> None:
        self.interval = settings.interval
        self.counted_wh: float | None = None
        self._shelly = Shelly(settings)

    def read(self) -> float:
        """Return the power now, in watts. Raises DriverError."""
        seen = self._shelly.look()
        self.counted_wh = seen.counted_wh
        if seen.watts is None:
            raise DriverError(N_("the plug measures no power: another model, as Plug S or 1PM, does"))
        return seen.watts

    def close(self) -> None:
        """Let it be; may be called twice."""
        self._shelly.close()


class TasmotaMeter:
    """The power that flows through a plug that runs Tasmota."""

    measures: ClassVar[str] = "W"
    Settings: ClassVar[type[TasmotaMeterSettings]] = TasmotaMeterSettings

    def __init__(self, settings: TasmotaMeterSettings) -> None:
        self.interval = settings.interval
        self.counted_wh: float | None = None
        self._tasmota = Tasmota(settings)

    def read(self) -> float:
        """Return the power now, in watts. Raises DriverError."""
        watts, self.counted_wh = self._tasmota.measured()
        if watts is None:
            raise DriverError(N_("the plug measures no power: another model does"))
        return watts

    def close(self) -> None:
        """Let it be; may be called twice."""
        self._tasmota.close()
