"""What a controller may ask: to be taken in, for its whitelist and its keys; what it may tell: how it is."""

from __future__ import annotations

import time

import msgspec

from protocol import delivery, messages
from protocol.digest import written
from protocol.messages import WAIT, Enrol, Hello, Manifest, Proposals, Report, Ring
from protocol.signing import decoded, seal_for
from server.core import clock, configuration, room
from server.core.keys import Keys
from server.devices import enrolment, proposals, reports
from server.devices.api.calls import JSON, LINES, Answer, Call, knows, long, number, said
from server.devices.api.openapi import document
from server.devices.enrolment import Counted, EnrolError
from server.devices.feed import Viewer
from server.devices.live_feed import LiveFeed
from server.devices.models import Device
from server.devices.problems import ProblemError


class Handlers:
    """Answers. certificate: the fingerprint of the server's, if it has one of its own."""

    def __init__(self, keys: Keys, name: str, certificate: str, live: LiveFeed, counters: Counted) -> None:
        self.keys = keys
        self._hello = messages.encode(Hello(name, keys.signer.public.text, certificate=certificate))
        self._openapi = msgspec.json.format(messages.encode(document()))
        self._live = live
        self._counters = counters

    async def hello(self, _call: Call) -> Answer:
        """Return who the server is."""
        return self._hello, JSON

    async def openapi(self, _call: Call) -> Answer:
        """Describe the API."""
        return self._openapi, JSON

    async def enrol(self, call: Call) -> Answer:
        """Take a controller in."""
        asked = said(Enrol, call.body)
        try:
            enrolled = await self._live.ask_twice(enrolment.enrol, self.keys, asked, self._counters)
        except EnrolError as error:
            raise ProblemError("refused", str(error)) from error
        await self._live.refresh()  # it asks for its whitelist next
        return messages.encode(enrolled), JSON

    async def ring(self, call: Call) -> Answer:
        """Return the badge keys, sealed."""
        device = await self._live.ask_twice(lambda: Device.objects.get(pk=call.device.device))
        return messages.encode(Ring(seal_for(decoded(device.sealing), self.keys.ring_bytes))), JSON

    async def report(self, call: Call) -> Answer:
        """Keep how a controller says that it is."""
        await self._live.ask_twice(reports.keep, call.device.device, said(Report, call.body))
        return b"{}", JSON

    async def proposals(self, call: Call) -> Answer:
        """Keep what a controller had by itself."""
        if room.is_short(configuration.in_force().data_dir):
            raise ProblemError("busy", "the server's disk is almost full")
        proposed = said(Proposals, call.body)
        try:
            await self._live.ask_twice(lambda: proposals.keep(Device.objects.get(pk=call.device.device), proposed))
        except proposals.TooManyError as error:
            raise ProblemError("large", f"at most {proposals.MOST} rows") from error
        return b"{}", JSON

    async def whitelist(self, call: Call) -> Answer:
        """Answer as soon as there is something new for this controller, or once the line was held for long enough."""
        base, generation = number(call.request, "base"), number(call.request, "generation")
        wait = min(number(call.request, "wait") or 0, WAIT)
        until = time.monotonic() + wait
        live, device, known_kinds = self._live, call.device.device, knows(call.request)
        if base is not None and generation == live.generation:
            live.saw(device, holds=base)
        includes = call.device.includes
        while True:
            mine = live.devices.get(device)
            if mine is None or mine.retired:
                raise ProblemError("unsigned", "this controller was taken out")
            viewer = Viewer(mine.machines, known_kinds, mine.site)
            known = base is not None and generation == live.generation and base >= mine.whole
            found = live.feed.since(base, viewer) if known and base is not None else None
            left = until - time.monotonic()
            if found is None or found[0] or found[1] or mine.includes != includes or left <= 0:
                break
            await live.changed(left)
        if live.is_blind:
            raise ProblemError("busy", "the database does not answer")
        lines = list(live.feed.lines(viewer)) if found is None else []
        put, drop = found if found is not None else ([], [])
        manifest = Manifest(
            device=device,
            generation=live.generation,
            version=live.feed.version,
            time=clock.ms(),
            digest=written(live.feed.digest(viewer)),
            rows=len(lines) + len(put) + len(drop),
            base=base if found is not None else None,
            includes=mine.includes,
            ring=self.keys.ring_name,
        )
        live.saw(device, sent=manifest.version)
        if found is None:
            return await live.ask(long, [*delivery.head(manifest, self.keys.signer), *lines]), LINES
        if len(put) < messages.BATCH:
            return b"".join(delivery.write(manifest, self.keys.signer, put, drop)), LINES
        return await live.ask(lambda: b"".join(delivery.write(manifest, self.keys.signer, put, drop))), LINES
