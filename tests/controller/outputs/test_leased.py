"""Outputs under their leases: what a lease says, and what becomes of an output that does not obey."""

import json

import pytest

from controller.outputs.leased import LeasedOutput, NoGuardError, Service
from controller.outputs.machine import MachineOutputs
from drivers.contracts import OutputError, PinOpening
from guard import leases as lease


class Relay:
    def __init__(self):
        self.is_on = False
        self.obeys = True
        self.said = None

    opening = PinOpening(chip=0, line=17, level=0)

    def on(self):
        self.said = self.read() if hasattr(self, "read") else None
        self.is_on = True

    def off(self):
        if not self.obeys:
            raise OutputError("it does not obey")
        self.is_on = False

    def close(self):
        self.off()


@pytest.fixture
def run_dir(tmp_path):
    lease.prepare(tmp_path)
    lease.say_guarded(tmp_path, 10**15)
    return tmp_path


def leased(run_dir, relay, *, resume=False, name="machine"):
    return LeasedOutput(relay, run_dir, "laser", name, lease.GuardWord(run_dir), resume=resume)


def record(run_dir, name="laser.machine"):
    return json.loads((run_dir / lease.LEASES / name).read_bytes())


def test_a_lease_that_a_restart_may_find_says_closed_before_the_contact_is_and_open_once_it_is(run_dir):
    relay = Relay()
    relay.read = lambda: record(run_dir)["closed"]
    output = leased(run_dir, relay, resume=True)
    output.take_lease(1_000)
    assert record(run_dir)["closed"] is False, "a grant on its way to disk closes nothing"
    output.close_output(1_000)
    assert relay.said is True
    output.pause_output()
    assert (record(run_dir)["closed"], output.is_lent) == (False, True)
    output.open_output()
    assert not list((run_dir / lease.LEASES).iterdir())


def test_an_output_that_does_not_open_is_the_guards_at_once(run_dir):
    relay = Relay()
    output = leased(run_dir, relay, resume=True)
    output.close_output(1_000)
    relay.obeys = False
    with pytest.raises(OutputError):
        output.open_output()
    assert record(run_dir)["until"] == 0


def test_without_a_guard_nothing_closes_and_it_is_no_fault_of_the_output(run_dir):
    lease.say_guarded(run_dir, 1)
    relay = Relay()
    with pytest.raises(NoGuardError):
        leased(run_dir, relay).close_output(1_000)
    assert not relay.is_on


def test_the_machine_opens_first_and_closes_last_whatever_happens_to_another(run_dir):
    fan, machine = Relay(), Relay()
    order = []
    for name, relay in (("fan", fan), ("machine", machine)):
        relay.on = lambda name=name, relay=relay: (order.append(f"{name} on"), setattr(relay, "is_on", True))
        relay.off = lambda name=name, relay=relay: (order.append(f"{name} off"), setattr(relay, "is_on", False))
    contacts = MachineOutputs({"machine": leased(run_dir, machine), "fan": leased(run_dir, fan, name="fan")})
    contacts.switch(frozenset({"machine", "fan"}), 1_000)
    contacts.switch(frozenset({"fan"}), 1_000)
    contacts.switch(frozenset(), 1_000)
    assert order == ["fan on", "machine on", "machine off", "machine off", "fan off"]


def test_a_service_is_open_once_nobody_wants_it_and_its_lease_lives_as_long_as_anybody(run_dir):
    relay = Relay()
    service = Service(leased(run_dir, relay, name="service"))
    one, other = service.share("one"), service.share("other")
    one.close_output(1_000)
    other.close_output(1_000)
    one.open_output()
    assert (relay.is_on, one.is_lent, other.is_lent) == (True, False, True)
    other.pause_output()
    assert (relay.is_on, other.is_lent) == (False, True)
    other.close_output(1_000)
    other.release()
    assert not relay.is_on
    assert not list((run_dir / lease.LEASES).iterdir())
