"""Controllers that send journals to a server of which only the database is there."""

import json

from protocol.entries import encode_entry
from protocol.messages import Batch, encode


class Books:
    """Controllers that send journals, of which the server makes sessions."""

    def __init__(self):
        from server.devices.models import Device
        from server.whitelist.models import Machine

        self.devices = [Device.objects.create(id=name, key=name * 43, sealing="s") for name in ("a", "b")]
        for device in self.devices:
            Machine.objects.create(id=f"laser-{device.pk}", device=device)
        self.last = {}

    def send(self, device, *said, epoch="e" * 16, boot="boot-1"):
        """Send entries, each (boot-time, entry), and have them processed."""
        from server.journal import ingest, processing

        after = self.last.get((device.pk, epoch), 0)
        lines = [
            encode({"seq": seq, "boot": boot, "at": at, "entry": json.loads(encode_entry(entry))})
            for seq, (at, entry) in enumerate(said, after + 1)
        ]
        self.last[device.pk, epoch] = after + len(said)
        body = b"\n".join([encode(Batch(epoch, after, after + len(said))), *lines])
        ingest.take(device, ingest.read(body))
        while processing.step():
            pass
