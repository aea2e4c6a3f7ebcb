"""Remote outputs under their leases, on one thread and a virtual clock: what is told when, when a lease goes back."""

import pytest

from controller.outputs.leased import LeasedOutput, NoGuardError, Service
from controller.outputs.machine import MachineOutputs
from controller.outputs.remote import HANGS_MS, RemoteHandle
from controller.outputs.remote_state import PATIENCE_MS
from drivers.contracts import OutputError, OwnOpening, PinOpening, PortOpening, Seen
from guard import leases as lease
from protocol.entries import energy_used


class Plug:
    """A contact that does what it is told, unless it is made not to."""

    resumes, interval = True, 2.0

    def __init__(self, opening=None):
        self.opening, self.closed, self.obeys, self.there = opening or OwnOpening(90), False, True, True
        self.switched = []
        self.counted_wh = None
        self.timer_runs = True

    def _reach(self):
        if not self.there:
            raise OutputError("not there")

    def open(self):
        self._reach()
        return "plug"

    def switch(self, *, closed):
        self._reach()
        self.switched.append(closed)
        if self.obeys:
            self.closed = closed
        if self.closed is not closed:
            raise OutputError("it did not switch")
        return self.look()

    def look(self):
        self._reach()
        return Seen(self.closed, counted_wh=self.counted_wh, held=self.closed and self.timer_runs)

    def close(self):
        pass


class Rig:
    """A remote output, its lease, and the time that passes."""

    def __init__(self, run_dir, plug=None, *, resume=False, found_closed=False):
        self.at, self.told = 1_000_000, []
        self.plug = plug or Plug()
        self.remote = RemoteHandle(self.plug, self.told.append, lambda: self.at, found_closed=found_closed)
        self.run_dir = run_dir
        self.output = LeasedOutput(
            self.remote, run_dir, "saw", "machine", lease.GuardWord(run_dir), resume=resume, found_closed=found_closed
        )

    def live(self, seconds, *, lends=True):
        """Let time pass; the loop renews leases every half second, the thread steps when it asked to."""
        end, step_at = self.at + int(seconds * 1000), self.at
        while self.at < end:
            if self.at >= step_at or not self.remote.is_settled:
                step_at = self.at + max(100, int(self.remote.worker.step() * 1000))
            if lends:
                self.output.renew(self.at)
            self.at += 500

    @property
    def leases(self):
        return [path.name for path in (self.run_dir / lease.LEASES).iterdir()]

    @property
    def faults(self):
        return [str(told.detail) for told in self.told if told.fault]


@pytest.fixture
def run_dir(tmp_path):
    lease.prepare(tmp_path)
    return tmp_path


def running(rig):
    rig.live(1)
    rig.output.close_output(rig.at)
    rig.live(1)
    assert rig.plug.closed
    return rig


def test_a_lease_is_given_back_once_the_contact_was_read_back_as_open_and_not_before(run_dir):
    rig = running(Rig(run_dir))
    rig.plug.there = False
    rig.output.open_output()
    rig.live(20)
    assert rig.leases == ["saw.machine"]
    assert rig.output.is_lent and not rig.output.is_settled
    rig.plug.there = True
    rig.live(2)
    assert (rig.plug.closed, rig.leases, rig.output.is_lent) == (False, [], False)


def test_what_an_earlier_daemon_lent_is_kept_until_it_is_open(run_dir):
    lease.Lease(run_dir, "saw", "machine", {}).renew(1)
    rig = Rig(run_dir)
    rig.plug.closed, rig.plug.there = True, False
    rig.live(2)
    assert rig.leases == ["saw.machine"]
    rig.plug.there = True
    rig.live(2)
    assert (rig.plug.closed, rig.leases) == (False, [])


def test_a_part_that_opens_by_itself_needs_no_guard_and_one_that_does_not_needs_one(run_dir):
    Rig(run_dir).output.close_output(1_000)
    with pytest.raises(NoGuardError):
        Rig(run_dir, Plug(PortOpening("/dev/x", 9600, "00"))).output.close_output(1_000)


def test_it_opens_where_the_loop_does_not_renew_its_lease(run_dir):
    rig = running(Rig(run_dir))
    rig.live(10, lends=False)
    assert not rig.plug.closed


def test_its_timer_is_begun_anew_three_times_within_its_time_and_nothing_is_told(run_dir):
    rig = running(Rig(run_dir))
    told = len(rig.told)
    rig.live(300)
    assert 9 <= rig.plug.switched.count(True) <= 11
    assert len(rig.told) == told


def test_out_of_reach_while_closed_is_a_fault_once_its_own_timer_is_past_and_not_before(run_dir):
    rig = running(Rig(run_dir))
    rig.plug.there = False
    rig.live(85)
    assert rig.faults == []
    rig.live(10)
    assert rig.faults == ["not there"]


def test_out_of_reach_while_open_is_told_once_and_no_fault_and_starts_nothing(run_dir):
    rig = Rig(run_dir)
    rig.live(1)
    rig.plug.there = False
    rig.live(60)
    assert rig.faults == []
    assert [str(told.detail) for told in rig.told if told.detail] == ["not there"]
    assert not rig.output.answers
    rig.plug.there = True
    rig.live(10)
    assert rig.output.answers


def test_yes_without_effect_is_a_fault_in_seconds_and_off_is_tried_for_ever(run_dir):
    rig = Rig(run_dir)
    rig.live(1)
    rig.plug.obeys = False
    rig.output.close_output(rig.at)
    rig.live(PATIENCE_MS / 1000 + 2)
    assert rig.faults == ["it did not switch"]
    rig.plug.closed = True  # late, and against everything that was told since
    rig.output.open_output()
    before = len(rig.plug.switched)
    rig.live(60)
    assert set(rig.plug.switched[before:]) == {False}
    assert len(rig.plug.switched) - before > 30
    assert len(rig.faults) == 2, "it was open in between; each trouble is told once"
    rig.plug.obeys = True
    rig.live(3)
    assert not rig.plug.closed


class Hears(Plug):
    """A part that hears, and from some time on cannot answer: a wire of two is broken."""

    mute = False

    def _reach(self):
        super()._reach()
        if self.mute:
            raise OutputError("no answer")

    def switch(self, *, closed):
        self.switched.append(closed)
        self.closed = closed
        self._reach()
        return self.look()


def test_off_goes_out_to_a_part_that_hears_and_cannot_answer(run_dir):
    lease.say_guarded(run_dir, 10**15)
    rig = running(Rig(run_dir, Hears(PortOpening("/dev/none", 9600, "00"))))
    rig.plug.mute = True
    rig.live(20)
    assert rig.faults
    assert not rig.plug.closed
    assert rig.plug.switched.count(False) > 3  # and again, since nobody knows


def test_what_its_own_settings_forbid_to_close_is_told_starts_nothing_and_is_opened(run_dir):
    class Unfit(Plug):
        unfit = OutputError("auto-on")

        def look(self):
            return Seen(self.closed, unfit=self.unfit)

    plug = Unfit()
    plug.closed = True  # somebody pressed its button, before there was a session
    rig = Rig(run_dir, plug)
    rig.live(10)
    assert not plug.closed
    assert not rig.remote.answers
    assert [str(told.detail) for told in rig.told if told.detail] == ["auto-on"]
    assert not rig.faults
    plug.unfit = None
    rig.live(10)
    assert rig.remote.answers


def test_a_contact_whose_thread_hangs_is_left_to_the_guard(run_dir):
    lease.say_guarded(run_dir, 10**15)
    rig = running(Rig(run_dir, Plug(PortOpening("/dev/none", 9600, "00"))))
    rig.output.open_output()
    rig.remote.worker.busy_since = rig.at
    rig.at += HANGS_MS - 1000
    rig.output.renew(rig.at)
    assert lease.read(run_dir / lease.LEASES / "saw.machine")["until"] > rig.at
    rig.at += 2000
    rig.output.renew(rig.at)
    rig.output.renew(rig.at + 10_000)
    assert lease.read(run_dir / lease.LEASES / "saw.machine")["until"] == 0
    assert not rig.output.is_lent


def test_a_thread_that_hangs_is_told_by_the_loop(run_dir):
    rig = running(Rig(run_dir))
    rig.remote.worker.busy_since = rig.at
    rig.at += HANGS_MS + 100_000
    rig.output.renew(rig.at)
    assert rig.faults and not rig.output.answers


def test_what_was_left_closed_is_looked_at_and_taken_over_or_a_fault(run_dir):
    rig = Rig(run_dir, resume=True, found_closed=True)
    rig.plug.closed = True
    rig.live(2)
    assert (rig.plug.closed, rig.output.is_closed, rig.faults) == (True, True, [])
    other = Rig(run_dir, resume=True, found_closed=True)
    other.live(2)
    assert len(other.faults) == 1


def test_off_that_comes_while_it_is_sought_is_all_that_it_is_told(run_dir):
    rig = Rig(run_dir)
    rig.live(1)
    rig.remote.worker._is_open = False
    opened = rig.plug.open

    def slowly():
        rig.remote.off()  # from the loop's thread, in the meantime
        return opened()

    rig.plug.open = slowly
    before = len(rig.plug.switched)
    rig.remote.on()
    rig.remote.worker.step()
    rig.plug.open = opened
    rig.live(2)
    assert True not in rig.plug.switched[before:]


def test_a_loop_that_comes_late_is_a_fault_and_no_session_without_power(run_dir):
    rig = running(Rig(run_dir))
    rig.live(10, lends=False)
    assert len(rig.faults) == 1


def test_a_job_in_a_plug_that_is_out_of_reach_at_the_start_goes_on_once_it_is_back(run_dir):
    rig = Rig(run_dir, resume=True, found_closed=True)
    rig.plug.closed, rig.plug.there = True, False
    rig.live(30)
    assert rig.faults == []
    rig.plug.there = True
    rig.live(5)
    assert (rig.plug.closed, rig.faults) == (True, [])


def test_a_relay_that_an_earlier_daemon_left_closed_on_a_line_that_is_dead_is_a_fault(run_dir):
    lease.Lease(run_dir, "saw", "machine", {}).renew(1)
    plug = Plug(PortOpening("/dev/x", 9600, "00"))
    plug.there = False
    rig = Rig(run_dir, plug)
    rig.live(10)
    assert rig.faults == ["not there"]


def test_a_short_timer_is_begun_anew_in_time_whatever_the_interval(run_dir):
    plug = Plug(OwnOpening(15))
    plug.interval = 30.0
    rig = running(Rig(run_dir, plug))
    rig.live(60)
    assert plug.switched.count(True) >= 11


def test_what_switches_a_plug_on_again_and_again_is_told_a_few_times_and_is_a_fault(run_dir):
    rig = Rig(run_dir)
    rig.live(1)
    for _ in range(50):
        rig.plug.closed = True
        rig.live(4)
    assert not rig.plug.closed
    assert len(rig.faults) == 1
    assert len([told for told in rig.told if told.detail]) == 3


def test_what_cannot_be_told_ends_no_thread(run_dir):
    rig = Rig(run_dir)
    rig.live(1)

    def notify(_told):
        raise KeyError("a place that is not filled")

    rig.remote._state.report = notify
    rig.plug.there = False
    rig.live(30)
    rig.plug.there = True
    rig.remote._state.report = rig.told.append
    rig.live(10)
    assert rig.output.answers


def test_a_counter_that_was_not_read_lately_says_nothing(run_dir):
    rig = Rig(run_dir)
    rig.plug.counted_wh = 100.0
    rig.live(5)
    assert rig.output.counted_wh == 100.0
    rig.plug.there = False
    rig.live(30)
    assert rig.output.counted_wh is None


def test_the_machine_closes_once_what_closes_before_it_has_closed(run_dir):
    extractor = Rig(run_dir)
    extractor.live(1)
    machine = Pin()
    lease.say_guarded(run_dir, 10**15)
    pin = LeasedOutput(machine, run_dir, "saw", "pin", lease.GuardWord(run_dir))
    contacts = MachineOutputs({"machine": pin, "extractor": extractor.output})
    contacts.switch(frozenset({"machine", "extractor"}), extractor.at)
    contacts.renew(extractor.at)
    assert not machine.is_on
    extractor.remote.worker.step()
    contacts.settle(extractor.at)
    assert machine.is_on
    contacts.switch(frozenset(), extractor.at)
    contacts.switch(frozenset({"machine", "extractor"}), extractor.at)
    contacts.switch(frozenset(), extractor.at)
    extractor.remote.worker.step()
    contacts.settle(extractor.at)
    assert not machine.is_on, "what was told to open since stays open"


class Pin:
    opening = PinOpening(chip=0, line=17, level=0)
    is_on = False

    def on(self):
        self.is_on = True

    def off(self):
        self.is_on = False

    def close(self):
        self.off()


def test_a_shared_remote_output_gives_its_lease_back_after_the_last_has_let_go(run_dir):
    rig = Rig(run_dir)
    rig.live(1)
    service = Service(rig.output)
    one, other = (MachineOutputs({"machine": service.share(name)}) for name in ("one", "other"))
    for contacts in (one, other):
        contacts.switch(frozenset({"machine"}), rig.at)
    rig.live(1)
    one.switch(frozenset(), rig.at)
    rig.live(1)
    assert rig.plug.closed
    other.switch(frozenset(), rig.at)
    while other.is_lent:
        rig.remote.worker.step()
        other.renew(rig.at)
    assert (rig.plug.closed, rig.leases) == (False, [])


@pytest.mark.parametrize(
    ("began", "ended", "used"), [(100.0, 350.4, 250), (None, 5.0, None), (5.0, None, None), (900.0, 3.0, None)]
)
def test_energy_is_the_difference_of_two_readings_and_nothing_where_that_means_nothing(began, ended, used):
    assert energy_used(began, ended) == used


@pytest.mark.parametrize("when", ["as it closes", "while it is closed", "as it is taken over"])
def test_a_plug_whose_own_timer_does_not_run_is_opened_and_told_of(run_dir, when):
    """Whatever the driver: nothing would open it once this program is dead."""
    plug = Plug()
    plug.closed = when == "as it is taken over"
    plug.timer_runs = when == "while it is closed"
    rig = Rig(run_dir, plug, found_closed=plug.closed)
    rig.remote.on()
    rig.live(3)
    assert plug.closed is plug.timer_runs
    plug.timer_runs = False
    rig.live(5)
    assert not plug.closed
    assert ["timer" in fault for fault in rig.faults] == [True]


def test_a_contact_that_somebody_else_opens_needs_no_timer_of_its_own(run_dir):
    plug = Plug(PinOpening(chip=0, line=1, level=0))
    plug.timer_runs = False
    rig = Rig(run_dir, plug)
    rig.remote.on()
    rig.live(10)
    assert plug.closed
    assert not rig.faults
