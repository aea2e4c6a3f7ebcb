"""Write docs/openapi.json from the messages: `make openapi`."""

from pathlib import Path

import msgspec

from server.devices.api.openapi import document

if __name__ == "__main__":
    raw = msgspec.json.format(msgspec.json.encode(document()))
    (Path(__file__).parent.parent / "docs/openapi.json").write_bytes(raw + b"\n")
