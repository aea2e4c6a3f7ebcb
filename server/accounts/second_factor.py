"""Why a code of the second factor is not taken: most often a clock is wrong, and nobody thinks of that."""

from __future__ import annotations

import time
from typing import Final

from django_otp import devices_for_user
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from common.texts import NP_, _
from common.texts import sentence as in_words
from server.accounts.models import Account

LOOKED: Final = 120  # steps to either side: an hour, and so what a wrong time zone makes of it
AHEAD: Final = NP_(
    "This code is of a clock that is {count} minute ahead of the server's: look which of the two is wrong, the "
    "telephone's or the server's.",
    "This code is of a clock that is {count} minutes ahead of the server's: look which of the two is wrong, the "
    "telephone's or the server's.",
)
BEHIND: Final = NP_(
    "This code is of a clock that is {count} minute behind the server's: look which of the two is wrong, the "
    "telephone's or the server's.",
    "This code is of a clock that is {count} minutes behind the server's: look which of the two is wrong, the "
    "telephone's or the server's.",
)


def minutes_off(device: TOTPDevice, token: str) -> int:
    """Return by how many minutes the clock is ahead that made a code, negative where it is behind; 0: no clock did."""
    if not (token.isascii() and token.isdigit() and len(token) == device.digits):
        return 0
    made = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    made.time = time.time()
    near = int(device.tolerance)
    for steps in sorted(range(-LOOKED, LOOKED + 1), key=abs):
        made.drift = device.drift + steps
        if abs(steps) > near and made.token() == int(token):
            return round(steps * device.step / 60) or (1 if steps > 0 else -1)
    return 0


def sentence(off: int) -> str:
    """Say by how much a clock is wrong."""
    return in_words(AHEAD if off > 0 else BEHIND, count=abs(off))


def why_not_confirmed(waiting: TOTPDevice | None, token: str) -> str:
    """Say why the first code of a telephone was not taken."""
    if waiting is not None and (off := minutes_off(waiting, token)):
        return sentence(off)
    return _("this code is not right; begin again, and type the code that the telephone shows then")


def why_not(account: Account, token: str) -> str:
    """Say why a code was not taken."""
    for device in devices_for_user(account):
        if isinstance(device, TOTPDevice) and (off := minutes_off(device, token)):
            return sentence(off)
    return _("This code is not right, or was used already; wait for the next one.")
