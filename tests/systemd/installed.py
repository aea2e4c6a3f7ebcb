"""What the stories of an installed Loquet do and look at."""

import os
import shutil
from pathlib import Path

import pytest
from build_root import is_built

from simulator.stage import until

MARIE, STRANGER = "04A3C6CAE26180", "DEADBEEF"
NEEDS = [
    pytest.mark.process,
    pytest.mark.skipif(
        os.geteuid() != 0 or not is_built() or shutil.which("systemd-nspawn") is None,
        reason="needs root, systemd-nspawn and `make root`",
    ),
]
REPOSITORY = Path(__file__).parents[2]


def work(pi, board):
    """Marie lays her badge on the laser's reader."""
    board.lay("laser", MARIE)
    until(lambda: board.closed("laser"), "the relay closes")


def opens(board):
    until(lambda: not board.closed("laser"), "the relay opens")


def only_session(pi):
    (session,) = pi.lines("loquet sessions --json")
    return session


def active(pi, unit="loquet.service"):
    return pi.show(unit, "ActiveState") == "active"
