"""Shelly plugs and relays of the second generation and later, by their RPC over HTTP.

Switch.Set with toggle_after is the lease: the plug opens by itself when the time is past, and each further Switch.Set
begins it anew, in its memory alone (Shelly API documentation, Switch, Authentication).
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from requests.auth import HTTPDigestAuth

from drivers.bus.plug_http import Amount, Plug, PlugMeterSettings, PlugSettings, StrangeError, in_short
from drivers.contracts import N_, DriverError, OutputError, OwnOpening, Seen

T = TypeVar("T", bound=msgspec.Struct)
Number = Annotated[int, msgspec.Meta(ge=0, le=15)]


class ShellySettings(PlugSettings, frozen=True, kw_only=True):
    """Which of its switches."""

    switch: Number = 0

    @property
    def port(self) -> str:
        """Name the switch."""
        return f"plug {self.place}, switch {self.switch}"


class ShellyMeterSettings(PlugMeterSettings, frozen=True, kw_only=True):
    """Which of its switches."""

    switch: Number = 0


class Device(msgspec.Struct):
    """What Shelly.GetDeviceInfo answers, without a password."""

    model: str = ""
    ver: str = ""
    gen: int = 0


class WasOn(msgspec.Struct):
    """What Switch.Set answers."""

    was_on: bool | None = None


class Energy(msgspec.Struct):
    """Watt-hours counted since it was made."""

    total: Amount | None = None


class Status(msgspec.Struct):
    """What Switch.GetStatus answers. apower in watts; timer_duration in seconds, while a timer runs."""

    output: bool
    id: int | None = None
    apower: Amount | None = None
    timer_duration: Amount | None = None
    aenergy: Energy | None = None


class Config(msgspec.Struct):
    """What Switch.GetConfig answers."""

    initial_state: str = ""
    auto_on: bool = False


class Shelly:
    """One switch of a Shelly."""

    resumes: ClassVar[bool] = True
    Settings: ClassVar[type[ShellySettings]] = ShellySettings

    def __init__(self, settings: ShellySettings | ShellyMeterSettings) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._armed = False
        self._is_timeless = False  # its timer was seen not to run: it is not closed again before it is found anew
        self._unfit: DriverError | None = None
        auth = HTTPDigestAuth("admin", settings.password) if settings.password else None
        self._plug = Plug("Shelly", settings.host, auth)

    @staticmethod
    def opening_of(settings: ShellySettings) -> OwnOpening:
        """Return when it opens by itself."""
        return OwnOpening(settings.timer)

    @property
    def opening(self) -> OwnOpening:
        """Return when it opens by itself."""
        return OwnOpening(getattr(self._settings, "timer", 0))

    def open(self) -> str:
        """Find the plug; return its model and version. Raises OutputError."""
        device = self._ask("Shelly.GetDeviceInfo", Device, None)
        self._is_timeless = False
        with contextlib.suppress(OutputError):  # it is asked again before it is closed
            self._see_its_settings()
        return in_short(f"Shelly {device.model} {device.ver}")

    def notes(self) -> list[DriverError]:
        """Return what its own settings make unsafe. Raises OutputError."""
        config = self._config()
        if config.initial_state in {"on", "restore_last", "match_input"}:
            return [
                DriverError(
                    N_(
                        "the plug switches on by itself after a power cut: on its page, set its initial state to off "
                        "(now {state})"
                    ),
                    state=config.initial_state,
                )
            ]
        return []

    def _see_its_settings(self) -> None:
        """See whether it may be closed. What does not tell its settings is taken as it is. Raises OutputError."""
        try:
            closes_by_itself = self._config().auto_on
        except StrangeError:
            closes_by_itself = False
        self._unfit = None
        if closes_by_itself:
            self._unfit = DriverError(
                N_("Shelly {host} switches on by itself some time after it opened: on its page, switch auto-on off"),
                host=self._settings.host,
            )

    def _config(self) -> Config:
        return self._ask("Switch.GetConfig", Config, {"id": self._settings.switch})

    def switch(self, *, closed: bool) -> Seen:
        """Switch, begin its timer anew, and read back. Raises OutputError."""
        wanted: dict[str, Any] = {"id": self._settings.switch, "on": closed}
        if closed:
            if not self._armed:
                self._see_its_settings()
            if self._unfit is not None:
                raise OutputError(self._unfit.template, **self._unfit.parameters)
            if self._is_timeless:
                raise self._unheld()
            wanted["toggle_after"] = self.opening.seconds
        self._armed = closed
        self._ask("Switch.Set", WasOn, wanted)
        seen = self.look()
        if seen.closed is not closed:
            raise OutputError(N_("{name}: it says that it switched, and did not"), name=f"Shelly {self._settings.host}")
        return seen

    def look(self) -> Seen:
        """Ask how it is. Raises OutputError."""
        status = self._ask("Switch.GetStatus", Status, {"id": self._settings.switch})
        if status.id not in (None, self._settings.switch):
            raise self._plug.strange(f"id {status.id}")
        if self._unfit is not None:
            self._see_its_settings()
        if status.output and self._armed and status.timer_duration and not self._holds(status.timer_duration):
            raise OutputError(
                N_("Shelly {host} does not take its timer ({wanted} s): it says {told} s"),
                host=self._settings.host,
                wanted=self.opening.seconds,
                told=status.timer_duration,
            )
        held = bool(status.output and status.timer_duration)
        self._is_timeless |= status.output and self._armed and not held
        return Seen(
            status.output,
            status.apower,
            status.aenergy.total if status.aenergy else None,
            unfit=self._unfit or (self._unheld() if self._is_timeless else None),
            held=held,
        )

    def _unheld(self) -> OutputError:
        return OutputError(
            N_("the timer of Shelly {host} does not run while it is on: it would stay on if this program died"),
            host=self._settings.host,
        )

    def _holds(self, told: float) -> bool:
        """Return whether a timer that runs is no longer than it was set to."""
        return 0 < told <= self.opening.seconds + 1

    def _ask(self, method: str, kind: type[T], parameters: dict[str, Any] | None) -> T:
        body = self._plug.ask("POST", f"/rpc/{method}", json=parameters or {})
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._plug.strange(str(error)) from error

    def close(self) -> None:
        """Let it be; may be called twice."""
        self._plug.close()
