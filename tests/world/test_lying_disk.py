"""A disk that gives errors, or hangs, under the running daemon: the kernel's own answers, put there by strace."""

import contextlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from taps import JEAN, MARIE, idle, journal, lay_and_wait, opens

from simulator.stage import until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
]


@contextlib.contextmanager
def lying(daemon, calls, what):
    """Have the kernel answer so to these calls on the database and its log; from every thread, until the end."""
    command = ["strace", "-f", "-q", "-p", str(daemon.pid), "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    with subprocess.Popen([*command, "-o", "/dev/null"], stderr=subprocess.PIPE, text=True) as tracer:
        until(lambda: f"TracerPid:\t{tracer.pid}" in _status(daemon), "strace is there")
        yield
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)


def _status(daemon):
    return "\n".join(path.read_text() for path in Path(f"/proc/{daemon.pid}/task").glob("*/status"))


def test_a_disk_that_gives_errors_refuses_the_next_and_cuts_nobody(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    with lying(daemon, "pwrite64,fdatasync", "error=EIO"):
        stage.lay("printer", JEAN)
        until(lambda: stage.status()["storage"] != "ok", "the disk is found out")
        assert stage.closed("laser"), "what runs goes on"
        assert not stage.closed("printer")
        stage.take("laser", MARIE)
        opens(stage)
        stage.take("printer", JEAN)
        until(lambda: stage.state("printer")["badges_lying"] == 0, "the badge is gone")
    until(lambda: stage.status()["storage"] == "ok", "the disk answers again")
    until(lambda: [each["why"] for each in journal(stage, "ended")] == ["badge_removed"], "the end is kept")
    assert {each["reason"] for each in journal(stage, "refused")} <= {"no_storage"}
    assert not journal(stage, "storage_replaced"), "a disk that answers wrongly is no damage"
    idle(stage)
    lay_and_wait(stage)


def test_a_disk_that_hangs_keeps_nobody_waiting(stage):
    daemon = stage.start_daemon()
    lay_and_wait(stage)
    with lying(daemon, "fdatasync", "delay_enter=14000000:when=1"):
        began = time.monotonic()
        stage.lay("printer", JEAN)
        until(
            lambda: stage.state("printer")["state"] != "starting" and stage.state("printer")["badges_lying"], "answered"
        )
        assert not stage.closed("printer"), "a grant that comes too late closes nothing"
        assert stage.closed("laser"), "what runs goes on"
        stage.take("laser", MARIE)
        opens(stage)
        assert time.monotonic() - began < 14, "nobody waited for the disk"
    until(lambda: journal(stage, "grant_withdrawn"), "the grant that came too late is withdrawn")
    until(lambda: [each["why"] for each in journal(stage, "ended")] == ["badge_removed"], "no usage is lost")
