"""PC/SC readers such as the ACR122U, through `pyscard` and the service pcscd.

A contactless reader gives a card's UID for FF CA 00 00 00 (PC/SC part 3, §3.2.2.1.3); what standard a storage card
speaks is in its ATR (§3.1.3.2.3.2).
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, ClassVar, Final

import msgspec

from drivers.contracts import N_, Card, DriverSettings, ReaderLostError, SettingsMismatchError, Sighting

GET_UID: Final = [0xFF, 0xCA, 0x00, 0x00, 0x00]
DONE: Final = (0x90, 0x00)
UID_LENGTHS: Final = (4, 7, 10)
STORAGE: Final = bytes.fromhex(
    "804F0CA000000306"
)  # in the ATR of a card without ISO/IEC 14443-4, its standard after it
TYPE_A: Final = (0x01, 0x02, 0x03)  # ISO/IEC 14443 A, parts 1 to 3


class PCSCSettings(DriverSettings, frozen=True, kw_only=True):
    """Which reader: a part of its name that no other has, as `pcsc_scan -r` shows it. One alone needs no name."""

    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    interval: Annotated[float, msgspec.Meta(ge=0.05, le=1.0)] = 0.2

    @property
    def port(self) -> str:
        """Name the reader."""
        return f"PC/SC {self.name}"

    def check_beside(self, other: DriverSettings, place: str, its_place: str) -> None:
        """Refuse readers of which one name may mean two: a tap would be one at both machines."""
        if isinstance(other, PCSCSettings) and self.name in other.name:
            fits = N_('{place}: name = "{name}" fits the reader of {other} too; say more of it')
            raise SettingsMismatchError(fits, place=place, name=self.name, other=its_place)


class PCSCReader:
    """One PC/SC reader; it sees one card at a time."""

    senses_presence: ClassVar[bool] = True
    Settings: ClassVar[type[PCSCSettings]] = PCSCSettings

    def __init__(self, settings: PCSCSettings) -> None:
        # An extra: reading settings does not need it.
        from smartcard import Exceptions, System  # noqa: PLC0415
        from smartcard.pcsc.PCSCContext import PCSCContext  # noqa: PLC0415

        self._context: Any = PCSCContext
        self._exceptions: Any = Exceptions
        self._system: Any = System
        self.interval = settings.interval
        self._settings = settings
        self._reader: Any = None
        self._link: Any = None

    def open(self) -> str:
        """Find the reader; return its name. Raises ReaderLostError."""
        self.close()
        self._reader = self._find()
        return str(self._reader)

    def _find(self) -> Any:  # noqa: ANN401 - pyscard has no types
        wanted = self._settings.name
        try:
            there = list(self._system.readers())
        except Exception as error:  # pyscard's errors share no root with the service's
            # A service that was started anew knows nothing of the context that pyscard keeps (its issue 27).
            with contextlib.suppress(Exception):
                self._context.renewContext()
            raise ReaderLostError(
                N_("the service pcscd does not answer ({error}): sudo apt install pcscd, then restart"), error=error
            ) from error
        found = [each for each in there if wanted in str(each)]
        if len(found) != 1:
            raise ReaderLostError(
                N_(
                    'name one PC/SC reader, as name = "ACS" (now "{name}"); there are: {readers}. If an ACR122U is '
                    "missing, the kernel took it: put `blacklist pn533_usb` into /etc/modprobe.d/loquet.conf and "
                    "restart"
                ),
                name=wanted,
                readers=", ".join(map(str, there)) or "-",
            )
        return found[0]

    def look(self) -> Sighting:
        """Return the card that lies there. Raises ReaderLostError."""
        if self._reader is None:
            raise ReaderLostError(N_("the reader is closed"))
        try:
            if self._link is None:
                link = self._reader.createConnection()
                link.connect()
                self._link = link
            data, *status = self._link.transmit(GET_UID)
            atr = bytes(self._link.getATR())
        except self._exceptions.NoCardException:
            self._hang_up()
            return Sighting()
        except Exception as error:  # a card that was taken away in mid-answer, or a reader that is gone
            self._hang_up()
            self._reader = self._find()
            if isinstance(error, self._exceptions.SmartcardException):
                return Sighting(garbled=True)
            raise ReaderLostError(N_("the reader failed: {error}"), error=repr(error)) from error
        uid = bytes(data)
        if tuple(status) != DONE or len(uid) not in UID_LENGTHS or not _is_type_a(atr):
            return Sighting(garbled=True)
        return Sighting(frozenset({Card(uid)}))

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(Exception):
                link.disconnect()

    def close(self) -> None:
        """Let the reader go."""
        self._hang_up()
        self._reader = None


def _is_type_a(atr: bytes) -> bool:
    """Return whether a card is ISO/IEC 14443 A, as far as its ATR says; with ISO/IEC 14443-4 it does not say."""
    place = atr.find(STORAGE)
    if place < 0:
        return True
    standard = atr[place + len(STORAGE) : place + len(STORAGE) + 1]
    return bool(standard) and standard[0] in TYPE_A
