"""Claiming outputs at the start, and again: under a kernel that keeps no level, with lines that are busy."""

import contextlib
import tomllib

import pytest

from controller import settings as settings_of
from controller.outputs.claims import OPENED_BY_KERNEL, Claims
from drivers.contracts import OutputError
from drivers.outputs.gpio import GPIORelay
from guard import leases as lease

SETTINGS = """
[controller]
data_dir = "data"
run_dir = "run"
[[station]]
machine = "printer"
mode = "tap"
longest = "1 h"
restart = "resume"
reader = { driver = "rc522" }
relay = { driver = "gpio", pin = 17 }
outputs = { fan = { driver = "gpio", pin = 27 } }
"""


@pytest.fixture
def claims(board, tmp_path):
    found = settings_of.read(tomllib.loads(SETTINGS), tmp_path / "c.toml")
    lease.prepare(found.run_dir)
    with contextlib.closing(lease.GuardWord(found.run_dir)) as guard:
        told = []
        made = Claims(found, guard, lambda *what: told.append(what))
        made.told, made.run_dir = told, found.run_dir
        yield made
        made.release()


def test_a_kernel_that_keeps_no_level_is_told_of_once_however_often_a_line_is_tried_again(board, claims):
    board.board.pins.keeps = False
    somebody = object()
    board.board.pins.claim_output(somebody, 17, 0)
    claims.claim()
    for _ in range(20):
        assert claims.claim_again() == []
    board.board.pins.free(somebody, 17)
    assert claims.claim_again() == ["printer"]
    assert not claims.outputs["printer"].resumes
    kernel = [(machine, name) for machine, name, detail, _fault in claims.told if "no session resumes" in detail]
    assert kernel == [("printer", "fan"), ("printer", "machine")], claims.told
    assert all("no session resumes" in OPENED_BY_KERNEL or not fault for *_what, fault in claims.told)


def test_under_a_kernel_that_keeps_levels_a_machine_resumes_and_nothing_is_told(claims):
    claims.claim()
    assert claims.outputs["printer"].resumes
    assert claims.told == []


def test_a_line_that_is_taken_while_it_is_measured_puts_its_machine_out_of_order_and_ends_nothing(claims, monkeypatch):
    def taken(_relay):
        raise OutputError("GPIO {pin} cannot be claimed", pin=17)

    with monkeypatch.context() as patch:
        patch.setattr(GPIORelay, "keeps_its_level", property(taken))
        claims.claim()
        assert claims.claim_again() == []
    assert "cannot be claimed" in claims.faults["printer"]
    assert claims.claim_again() == ["printer"], "and is tried again"


def test_a_daemon_that_could_not_say_that_it_lives_says_so_once_there_is_room(board, claims):
    blocked = claims.run_dir / f"{lease.DAEMON_FILE}.new"
    blocked.mkdir()  # nothing can be written there
    with pytest.raises(OSError, match="directory"):
        lease.say_daemon(claims.run_dir)
    guard = object()
    board.board.pins.claim_output(guard, 17, 0)  # the guard holds it, until a daemon lives
    claims.claim()
    assert claims.claim_again() == []
    assert not lease.daemon_lives(claims.run_dir)
    blocked.rmdir()
    claims.claim_again()
    assert lease.daemon_lives(claims.run_dir), "the guard hears of it, and lets go"
    board.board.pins.free(guard, 17)
    assert claims.claim_again() == ["printer"]
