"""A hundred workshop-days of a server and two workshops, whatever befalls them; `make whole` lives more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.process


@pytest.mark.parametrize("part", range(5))
def test_days_of_two_workshops_and_their_server_in_which_everything_fails_now_and_then(part, rng):
    """In a process of its own: a server's settings are one process's."""
    seed = rng.randrange(2**31) + part
    path = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, str(HERE / "whole.py")],
        env={**os.environ, "PYTHONPATH": path, "SEED": str(seed), "DAYS": "10"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"SEED={seed}\n{done.stderr[-4000:]}"
