"""How a journal comes in, by the devices' API."""

from __future__ import annotations

from collections.abc import Callable

from protocol import messages
from server.core import configuration, room
from server.devices.api.calls import JSON, Answer, Call
from server.devices.live_feed import LiveFeed
from server.devices.models import Device
from server.devices.problems import ProblemError
from server.journal import ingest


class Uploads:
    """Takes batches. came: is told of each."""

    def __init__(self, live: LiveFeed, came: Callable[[], None]) -> None:
        self._live = live
        self._came = came

    async def journal(self, call: Call) -> Answer:
        """Take a batch; answer once it is committed."""
        receipt = await self._live.ask_twice(_take, call.device.device, call.body)
        self._came()
        return messages.encode(receipt), JSON


def _take(device: str, body: bytes) -> messages.Receipt:
    if room.is_short(configuration.in_force().data_dir):
        raise ProblemError("busy", "the server's disk is almost full")
    upload = ingest.read(body)
    try:
        return ingest.take(Device(pk=device), upload)
    except ingest.ExpectedError as error:
        raise ProblemError("order", expected=error.expected) from error
    except ingest.ConflictError as error:
        raise ProblemError("conflict") from error
    except ingest.TooMuchError as error:
        raise ProblemError("busy", "this controller has sent as much as one may in a day") from error
