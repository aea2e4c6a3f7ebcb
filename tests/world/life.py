"""A workshop's life at random, through the shipped loop, writer and journal: what must hold at every step.

`make lives` lives it for as long as wanted; the seed is printed, and SEED=… lives the same again.
"""

import os
import random
import time

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from workshop import CARDS, ClearAsked, EndAsked, GroupAsked, Workshop

from controller.station.events import Signal
from controller.station.states import InSession
from protocol.access import Reason
from protocol.sentences import REFUSALS

INPUTS = {
    "off-button": 'does = "end"',
    "smoke": 'does = "tell"',
    "lid": 'does = "open", output = "beam"',
    "chiller": 'does = "refuse"',
    "flow": 'does = "end", settle = "3 s"',
    "stop": 'does = "fault", normally_closed = true, clears = "user"',
    "limiter": 'does = "fault", normally_closed = true, clears = "release"',
    "running": 'does = "running", clears = "release"',
    "order": 'does = "purpose", purpose = "order"',
    "class": 'does = "group"',
    "lock": 'does = "lock"',
}
PINS = (0, 1, 4, 5, 6, 12, 13, 14, 15, 16, 19)
FORBID = {"off-button", "stop", "limiter"}


def settings_of(options):
    """Two machines: the first with everything and these options, the second plain; both on one compressor."""
    inputs = "\n".join(
        f'{name} = {{ driver = "gpio", pin = {pin}, {does} }}'
        for pin, (name, does) in zip(PINS, INPUTS.items(), strict=True)
    )
    return f"""
[services]
compressor = {{ driver = "gpio", pin = 23 }}

[[station]]
machine = "laser"
reader = {{ driver = "rc522" }}
relay = {{ driver = "gpio", pin = 17 }}
outputs = {{ beam = {{ driver = "gpio", pin = 22 }}, fan = {{ driver = "gpio", pin = 27 }} }}
{options}

[station.inputs]
{inputs}

[[station]]
machine = "drill"
mode = "tap"
longest = "2 h"
services = ["compressor"]
reader = {{ driver = "rc522", device = 1 }}
relay = {{ driver = "gpio", pin = 24 }}
"""


MODES = {
    "presence": 'mode = "presence"',
    "tap": 'mode = "tap"\nlongest = "1 h"',
    "timed": 'mode = "timed"\nperiod = "20 min"\nlongest = "1 h"',
    "job": 'mode = "job"\nlongest = "1 h"\nidle = "10 min"',
}
OPTIONS = {
    "grace": ("grace = 0", 'grace = "10 s"'),
    "coast_down": ('coast_down = "1 s"', 'coast_down = "5 s"'),
    "wait": ("", 'wait_for_rest = "5 min"'),
    "end": ("", 'services = ["compressor"]', 'restart = "resume"'),
    "run_on": ("", 'run_on = { fan = "1 min" }'),
    "people": ("", "supervised = true", "buddy = true"),
    "again": ("", "takeover = true", 'shortest_off = "30 s"'),
}


class Life(RuleBasedStateMachine):
    """People, badges, inputs, restarts, cuts and passing time; machines as the settings draw them."""

    workshop = None

    @initialize(
        mode=st.sampled_from(sorted(MODES)),
        options=st.fixed_dictionaries({name: st.sampled_from(each) for name, each in OPTIONS.items()}),
    )
    def open_the_workshop(self, mode, options):
        self.workshop = Workshop(settings_of("\n".join([MODES[mode], *options.values()])))

    def teardown(self):
        if self.workshop is None:
            return
        try:
            self.wait_for_the_end()
        finally:
            self.workshop.__exit__()

    def wait_for_the_end(self):
        """Every session that was started ends exactly once, and its powered seconds are those of the contact."""
        w = self.workshop
        if w.loop is None:
            w.start()
        w.stop()
        w.start()
        granted = [entry.session for entry in w.entries("granted")]
        over = [entry.session for entry in w.entries("ended", "grant_withdrawn")]
        assert sorted(granted) == sorted(over)

    # --- what happens ---

    @property
    def runs(self):
        return self.workshop is not None and self.workshop.loop is not None

    @rule(who=st.sampled_from(sorted(CARDS)), machine=st.sampled_from(["laser", "laser", "drill"]))
    def lay(self, who, machine):
        w = self.workshop
        if any(who in lying for lying in w.lying.values()):
            return  # it lies somewhere already
        told = len(w.told) if self.runs else 0
        before = w.loop.states[machine] if self.runs else None
        refused = len(w.entries("refused")) if self.runs else 0
        w.lay(who, machine)
        if self.runs and not isinstance(before, InSession) and w.loop.states[machine] == before:
            raise AssertionError("a badge was laid on, and nothing is different")
        if self.runs and len(w.entries("refused")) > refused:
            assert Signal.REFUSED in [each.signal for each in w.told[told:]], "and the light says so"

    @rule(who=st.sampled_from(sorted(CARDS)))
    def take(self, who):
        for machine, lying in self.workshop.lying.items():
            if who in lying:
                self.workshop.take(who, machine)
                return

    @rule(name=st.sampled_from(sorted(INPUTS)), active=st.booleans())
    def change_an_input(self, name, active):
        self.workshop.input(name, active)

    @rule(seconds=st.sampled_from([0.5, 2, 6, 30, 61, 700]))
    def let_time_pass(self, seconds):
        self.workshop.wait(seconds)

    @precondition(lambda self: self.runs)
    @rule()
    def kill(self):
        self.workshop.kill()

    @precondition(lambda self: not self.runs)
    @rule()
    def start(self):
        closed = {key: contact.closed_ms() for key, contact in self.workshop.contacts.items()}
        self.workshop.start()
        for key, contact in self.workshop.contacts.items():
            assert contact.closed_ms() == closed[key], "a start takes no time here"

    @precondition(lambda self: self.runs)
    @rule()
    def stop_and_start(self):
        self.workshop.stop()
        assert not any(contact.is_on for contact in self.workshop.contacts.values())
        self.workshop.start()

    @precondition(lambda self: self.runs)
    @rule()
    def cut_the_power(self):
        self.workshop.power_cut()
        self.workshop.start()
        assert not any(contact.is_on for contact in self.workshop.contacts.values()), "nothing starts by itself"

    @precondition(lambda self: self.runs)
    @rule(lost=st.booleans(), machine=st.sampled_from(["laser", "drill"]))
    def trouble_the_reader(self, lost, machine):
        (self.workshop.lose_reader if lost else self.workshop.find_reader)(machine)

    @precondition(lambda self: self.runs)
    @rule(note=st.sampled_from(["", "mirror"]), cut=st.booleans())
    def lock(self, note, cut):
        self.workshop.replace("machines", "laser", locked=note, cut=cut)
        if note and cut:
            assert not self.workshop.closed(machine="laser")

    @precondition(lambda self: self.runs)
    @rule(who=st.sampled_from(["marie", "jean", "tom"]), excluded=st.booleans())
    def exclude(self, who, excluded):
        """An administrative change: it cuts nothing."""
        before = {machine: self.workshop.closed(machine=machine) for machine in ("laser", "drill")}
        self.workshop.replace("members", who, excluded=excluded)
        assert before == {machine: self.workshop.closed(machine=machine) for machine in ("laser", "drill")}

    @precondition(lambda self: self.runs)
    @rule()
    def ask_for_a_group(self):
        self.workshop.ask(GroupAsked("school", 12))

    @precondition(lambda self: self.runs)
    @rule(machine=st.sampled_from(["laser", "drill"]))
    def clear(self, machine):
        self.workshop.ask(ClearAsked("root"), machine)

    @precondition(lambda self: self.runs)
    @rule(machine=st.sampled_from(["laser", "drill"]))
    def end(self, machine):
        state = self.workshop.loop.states[machine]
        if isinstance(state, InSession):
            self.workshop.ask(EndAsked(state.session.id, "root"), machine)
            assert not self.workshop.closed(machine=machine)

    @precondition(lambda self: self.runs)
    @rule(machine=st.sampled_from(["laser", "drill"]))
    def break_a_contact(self, machine):
        contact = self.workshop.contacts[machine, "machine"]
        contact.breaks = not contact.breaks

    # --- what must hold ---

    @invariant()
    def a_machine_is_on_exactly_inside_a_session(self):
        if not self.runs:
            return
        for machine, state in self.workshop.loop.states.items():
            assert self.workshop.closed(machine=machine) is isinstance(state, InSession), (machine, state)

    @invariant()
    def nothing_is_closed_under_an_input_that_forbids_it(self):
        if not self.runs:
            return
        active = {name for (_machine, name), active in self.workshop.inputs.items() if active}
        assert not (active & FORBID and self.workshop.closed())
        assert not ("lid" in active and self.workshop.closed("beam"))

    @invariant()
    def the_compressor_runs_while_anybody_needs_it_and_no_longer(self):
        if self.runs:
            w = self.workshop
            users = [s.machine for s in w.settings.stations if "compressor" in s.services]
            wanted = any(isinstance(w.loop.states[machine], InSession) for machine in users)
            assert w.contacts["compressor", "service"].is_on is wanted

    @invariant()
    def every_closed_contact_has_a_lease_and_no_other(self):
        if not self.runs:
            return
        from guard import leases as lease

        w = self.workshop
        lent = {path.name for path, record in lease.held(w.settings.run_dir) if record["until"] > w.time.at}
        closed = {f"{machine}.{name}" for (machine, name), contact in w.contacts.items() if contact.is_on}
        assert closed <= lent

    @invariant()
    def powered_seconds_are_those_of_the_contact(self):
        """Within a second, but for what a kill lost: at most 60 s each, and the power cut's clock begins anew."""
        if not self.runs:
            return
        w = self.workshop
        for machine, state in w.loop.states.items():
            if len(w.time.boot) > len("boot-1"):
                return
            cut = sum(end.why.value == "interrupted" for end in w.entries("ended", machine=machine))
            billed = sum(end.powered for end in w.entries("ended", machine=machine))
            billed += state.powered_at(w.clock.now()) if isinstance(state, InSession) else 0
            truth = w.contacts[machine, "machine"].closed_ms()
            assert truth - 1000 - cut * 120_000 <= billed <= truth + 1000, machine

    @invariant()
    def every_refusal_has_its_word(self):
        if self.runs:
            for entry in self.workshop.entries("refused"):
                assert REFUSALS[Reason(entry.reason)]

    @invariant()
    def the_display_says_something(self):
        if self.runs:
            assert any(self.workshop.display)


def live(seed, steps):
    """Live one workshop for so many steps."""
    rng = random.Random(seed)
    life = Life()
    options = {name: rng.choice(each) for name, each in OPTIONS.items()}
    life.open_the_workshop(rng.choice(sorted(MODES)), options)
    people, inputs = sorted(CARDS), sorted(INPUTS)
    acts = [
        (20, lambda: life.lay(rng.choice(people), rng.choice(["laser", "laser", "drill"]))),
        (20, lambda: life.take(rng.choice(people))),
        (14, lambda: life.change_an_input(rng.choice(inputs), rng.random() < 0.4)),
        (20, lambda: life.let_time_pass(rng.choice([0.5, 2, 6, 30, 61, 700]))),
        (2, lambda: life.kill() if life.runs else life.start()),
        (6, lambda: None if life.runs else life.start()),
        (1, lambda: life.stop_and_start() if life.runs else None),
        (1, lambda: life.cut_the_power() if life.runs else None),
        (2, lambda: life.trouble_the_reader(rng.random() < 0.4, rng.choice(["laser", "drill"])) if life.runs else None),
        (2, lambda: life.lock(rng.choice(["", "mirror"]), rng.random() < 0.3) if life.runs else None),
        (2, lambda: life.exclude(rng.choice(["marie", "jean", "tom"]), rng.random() < 0.3) if life.runs else None),
        (2, lambda: life.ask_for_a_group() if life.runs else None),
        (4, lambda: life.clear(rng.choice(["laser", "drill"])) if life.runs else None),
        (2, lambda: life.end(rng.choice(["laser", "drill"])) if life.runs else None),
        (1, lambda: life.break_a_contact(rng.choice(["laser", "drill"])) if life.runs else None),
    ]
    weights = [weight for weight, _act in acts]
    invariants = [
        life.a_machine_is_on_exactly_inside_a_session,
        life.nothing_is_closed_under_an_input_that_forbids_it,
        life.the_compressor_runs_while_anybody_needs_it_and_no_longer,
        life.every_closed_contact_has_a_lease_and_no_other,
        life.powered_seconds_are_those_of_the_contact,
        life.the_display_says_something,
    ]
    try:
        for _step in range(steps):
            rng.choices([act for _weight, act in acts], weights)[0]()
            for holds in invariants:
                holds()
        life.wait_for_the_end()
    finally:
        life.workshop.__exit__()


if __name__ == "__main__":
    first = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    end = time.monotonic() + 60 * float(os.environ.get("MINUTES", "5"))
    seed = first
    while time.monotonic() < end or seed == first:
        print(f"SEED={seed}", flush=True)
        live(seed, steps=400)
        seed += 1
        if "SEED" in os.environ:
            break
    print(f"{seed - first} lives, nothing broken")
