"""Where what the tests write goes: into memory where there is room, so that a busy disk decides nothing."""

import os
import shutil
import tempfile
from pathlib import Path

SHARED = Path("/dev/shm")
NEEDED = 2 << 30  # a run of all tests keeps some 300 MB
MEMORY = SHARED if SHARED.is_dir() and shutil.disk_usage(SHARED).free > NEEDED else None


def live_in_memory():
    """Have this process, those it starts, and pytest's own folders write there too."""
    if MEMORY is not None and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
