"""The shipped daemon in a hurry: heartbeats and checkpoints come often, and batches are small."""

from controller.commands import main
from controller.runtime import heartbeats
from controller.store import housekeeping, whitelist

for module, name, hurried in (
    (heartbeats, "HEARTBEAT_MS", 300),
    (heartbeats, "FIRST_BEAT_MS", 300),
    (housekeeping, "CHECKPOINT", 10),
    (whitelist, "BATCH", 10),
):
    assert hasattr(module, name), f"{name} is elsewhere: nothing would be hurried"
    setattr(module, name, hurried)
main()
