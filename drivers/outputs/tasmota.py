"""Plugs and relays that run Tasmota, by its commands over HTTP (/cm).

PulseTime is the lease: from 112 on it is so many seconds and a hundred, after which the relay opens by itself; each
further `Power ON` begins it anew. It is one of the plug's stored settings, so it is written once, where it differs
(Tasmota documentation, Commands: PulseTime, Power, Status, WebPassword).

How the relay is, is asked with `Status 11`: a `Power` without a value ends the timer in versions before 9 (Tasmota
issues 4093, 7810). The words for it may be others (StateText1, StateText2): they are asked for. Whatever the version,
the timer is seen to run, or the relay is opened and not closed again.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final

import msgspec
from requests.auth import HTTPBasicAuth

from drivers.bus.plug_http import Plug, PlugMeterSettings, PlugSettings, in_short
from drivers.contracts import N_, DriverError, OutputError, OwnOpening, Seen

Number = Annotated[int, msgspec.Meta(ge=1, le=8)]
STATES: Final = {"OFF": False, "ON": True}
SECONDS: Final = 100  # what PulseTime adds to a number of seconds
STAYS_OFF, INVERTED = 0, 5  # of PowerOnState
WATT_HOURS: Final = 1000.0
MOST: Final = 1e9
SELDOM: Final = 5


class TasmotaSettings(PlugSettings, frozen=True, kw_only=True):
    """Which of its relays, counted from 1."""

    relay: Number = 1

    @property
    def port(self) -> str:
        """Name the relay."""
        return f"plug {self.place}, relay {self.relay}"


class TasmotaMeterSettings(PlugMeterSettings, frozen=True, kw_only=True):
    """Which of its channels, counted from 1."""

    relay: Number = 1


class Tasmota:
    """One relay of a plug that runs Tasmota."""

    resumes: ClassVar[bool] = True
    Settings: ClassVar[type[TasmotaSettings]] = TasmotaSettings

    def __init__(self, settings: TasmotaSettings | TasmotaMeterSettings) -> None:
        self.interval = settings.interval
        self._settings = settings
        self._measures = True
        self._words: dict[str, bool] = STATES
        self._unfit: DriverError | None = None
        self._is_timeless = False  # its timer was seen not to run: it is not closed again before it is found anew
        self._measured: tuple[float | None, float | None] = (None, None)
        self._looks = 0
        auth = HTTPBasicAuth(b"admin", settings.password.encode()) if settings.password else None
        self._plug = Plug("Tasmota", settings.host, auth)

    @staticmethod
    def opening_of(settings: TasmotaSettings) -> OwnOpening:
        """Return when it opens by itself."""
        return OwnOpening(settings.timer)

    @property
    def opening(self) -> OwnOpening:
        """Return when it opens by itself."""
        return OwnOpening(getattr(self._settings, "timer", 0))

    def open(self) -> str:
        """Find the plug; return its version. Writes nothing: it may be another one's. Raises OutputError."""
        firmware = self._ask("Status 2").get("StatusFWR")
        version = firmware.get("Version") if isinstance(firmware, dict) else None
        self._words = self._asked_words()
        self._see_its_settings()
        self._measures, self._looks, self._is_timeless = True, 0, False
        return in_short(f"Tasmota {version if isinstance(version, str) else '?'}")

    def _asked_words(self) -> dict[str, bool]:
        """Ask which words it says for off and on. Raises OutputError where nobody could tell them apart."""
        words = []
        for number, usual in enumerate(STATES, 1):
            told = self._ask(f"StateText{number}").get(f"StateText{number}")
            words.append(told if isinstance(told, str) and told else usual)
        if words[0] == words[1]:
            raise OutputError(
                N_(
                    'Tasmota at {host} says "{word}" for off and for on: in its console, StateText1 OFF and '
                    "StateText2 ON"
                ),
                host=self._settings.host,
                word=words[0][:20],
            )
        return {words[0]: False, words[1]: True}

    def _see_its_settings(self) -> None:
        """See whether it may be closed: with PowerOnState 5 its timer closes, and opens nothing."""
        state = self._ask("PowerOnState").get("PowerOnState") if self.opening.seconds else None
        self._unfit = None
        if state in (INVERTED, str(INVERTED)):
            self._unfit = DriverError(
                N_("Tasmota at {host} has PowerOnState 5, which closes when its timer is past: set PowerOnState 0"),
                host=self._settings.host,
            )

    def _unheld(self) -> OutputError:
        return OutputError(
            N_(
                "the timer of Tasmota at {host} does not run while it is on (PulseTime{relay}): it would stay on if "
                "this program died. Is its firmware very old?"
            ),
            host=self._settings.host,
            relay=self._settings.relay,
        )

    def _timeless(self) -> OutputError:
        return OutputError(
            N_("Tasmota at {host} does not take its timer (PulseTime{relay} {wanted}): it would stay on for ever"),
            host=self._settings.host,
            relay=self._settings.relay,
            wanted=self.opening.seconds + SECONDS,
        )

    def _pulse(self, value: str) -> tuple[int | None, int | None]:
        """Ask for PulseTime, or set it; return what it is set to and what remains of it, both in its own unit.

        Told as {"Set": n, "Remaining": m}, {"n": {"Active": "m"}}, "n (Active m)" or n, as the version has it.
        """
        answer = self._ask(f"PulseTime{self._settings.relay}{value}")
        names = {f"pulsetime{self._settings.relay}", "pulsetime"}
        told = next((each for key, each in answer.items() if key.lower() in names), None)
        if isinstance(told, dict):
            number = next((key for key in told if key.isdigit()), None)
            inner = told.get(number) if number is not None else None
            active = inner.get("Active") if isinstance(inner, dict) else None
            return _whole(told.get("Set", number)), _whole(told.get("Remaining", active))
        active = re.search(r"\(Active (\d{1,6})\)", str(told))
        return _whole(told), _whole(active[1]) if active else None

    def notes(self) -> list[DriverError]:
        """Return what its own settings make unsafe. Raises OutputError."""
        found = []
        wanted, (pulse, _remaining) = self.opening.seconds + SECONDS, self._pulse("")
        if pulse != wanted:
            told = N_(
                "its timer (PulseTime{relay}) is {pulse}; it will be set to {wanted} when it is first switched on"
            )
            found.append(DriverError(told, relay=self._settings.relay, pulse=pulse, wanted=wanted))
        state = self._ask("PowerOnState").get("PowerOnState")
        if state not in (STAYS_OFF, str(STAYS_OFF)):
            told = N_(
                "the plug may switch on by itself after a power cut: in its console, PowerOnState 0 (now {state})"
            )
            found.append(DriverError(told, state=str(state)[:20]))
        return found

    def switch(self, *, closed: bool) -> Seen:
        """Switch, its timer set and begun anew, and read back. Raises OutputError."""
        wanted = self.opening.seconds + SECONDS
        if closed and self._unfit is not None:
            raise OutputError(self._unfit.template, **self._unfit.parameters)
        if closed and self._is_timeless:
            raise self._unheld()
        if closed and self._pulse("")[0] != wanted and self._pulse(f" {wanted}")[0] != wanted:
            raise self._timeless()
        self._read_state(self._ask(f"Power{self._settings.relay} {'ON' if closed else 'OFF'}"))
        seen = self.look()
        if seen.closed is not closed:
            raise OutputError(
                N_("{name}: it says that it switched, and did not"), name=f"Tasmota {self._settings.host}"
            )
        return seen

    def _read_state(self, answer: dict[str, Any]) -> bool:
        """Return whether the relay is closed, by an answer that says so. Raises StrangeError."""
        relay = self._settings.relay
        told = answer.get(f"POWER{relay}", answer.get("POWER") if relay == 1 else None)
        if not isinstance(told, str) or told not in self._words:
            raise self._plug.strange(str(answer))
        return self._words[told]

    def look(self) -> Seen:
        """Ask how it is. Raises OutputError."""
        state = self._ask("Status 11").get("StatusSTS")
        closed = self._read_state(state if isinstance(state, dict) else {})
        held = closed and self._holds()
        self._is_timeless |= closed and not held
        self._looks += 1
        if self._measures and (closed or self._looks % SELDOM == 1):  # what is open uses nothing
            self._measured = self.measured()
            self._measures = self._measured != (None, None)
        if self._unfit is not None:
            self._see_its_settings()
        return Seen(closed, *self._measured, unfit=self._unfit or self._unheld_so_far(), held=held)

    def _unheld_so_far(self) -> DriverError | None:
        return self._unheld() if self._is_timeless else None

    def _holds(self) -> bool:
        """Return whether its timer runs, and for no longer than it was set to. Raises OutputError."""
        remaining = self._pulse("")[1] if self.opening.seconds else None
        return remaining is not None and 0 < remaining <= self.opening.seconds + SECONDS

    def measured(self) -> tuple[float | None, float | None]:
        """Ask for watts and counted watt-hours, where it has them. Raises OutputError."""
        found: Any = self._ask("Status 10").get("StatusSNS")
        energy = found.get("ENERGY") if isinstance(found, dict) else None
        if not isinstance(energy, dict):
            return None, None
        counted = self._amount(energy.get("Total"))
        return self._amount(energy.get("Power")), None if counted is None else counted * WATT_HOURS

    def _amount(self, told: Any) -> float | None:  # noqa: ANN401 - whatever the plug says
        """Read an amount: a number, or one a channel."""
        if isinstance(told, list):
            place = self._settings.relay - 1
            told = told[place] if place < len(told) else None
        if isinstance(told, bool) or not isinstance(told, int | float) or not 0 <= told < MOST:
            return None
        return float(told)

    def _ask(self, command: str) -> dict[str, Any]:
        body = self._plug.ask("GET", "/cm", params={"cmnd": command})
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._plug.strange(str(error)) from error
        if not isinstance(answer, dict):
            raise self._plug.strange(str(answer))
        if "WARNING" in answer:  # as older versions ask for a password, without a status of their own
            raise self._refused()
        return answer

    def _refused(self) -> OutputError:
        host = self._settings.host
        if not self._settings.password:
            return OutputError(N_('{name} at {host} wants a password: password = "…"'), name="Tasmota", host=host)
        told = N_(
            "Tasmota at {host} refuses this password. Is it right? Then the firmware is an old one that takes it in "
            "the address alone, where anybody on the way reads it: update the firmware"
        )
        return OutputError(told, host=host)

    def close(self) -> None:
        """Let it be; may be called twice."""
        self._plug.close()


def _whole(told: object) -> int | None:
    number = re.match(r"\d{1,6}", str(told))
    return int(number[0]) if number else None
