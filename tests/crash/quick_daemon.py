"""The shipped daemon in a hurry: heartbeats and checkpoints come often, and batches are small."""

from controller.commands import main
from controller.runtime import loop
from controller.store import whitelist, writer

loop.HEARTBEAT_MS = loop.FIRST_BEAT_MS = 300
writer.CHECKPOINT = 10
whitelist.BATCH = 10
main()
