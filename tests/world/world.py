"""One world on one thread: a workshop lived through for days from a seed, by the production step functions.

People, machines, edits, power cuts, clocks that jump, disks that fail. Beside it a second set of books, kept by whoever
watches: what everybody was given, how long each contact was closed, what time it really is.

`make soak SEED=… DAYS=…` replays any of it.
"""

import datetime as dt
import os
import random
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import files
from life import MODES, OPTIONS, Life, settings_of
from workshop import CARDS, Workshop

from controller.station.events import ClearAsked, TeachAsked
from controller.station.states import Idle, InSession, Locked, Teaching
from controller.store import journal
from controller.store.database import DATABASE, StorageError
from controller.store.integrity import IntegrityCheck
from controller.store.whitelist import load
from protocol import entries
from protocol.moment import Quality
from protocol.rows import Badge, Certification, Level, Member

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_795_176_000_000  # 20 November 2026
MEMBERS = ("marie", "jean", "lea", "paul")
STRANGERS = ("nobody",)
INTERRUPTED_MS = 60_000  # what an interruption may cost
LEASE_MS = 60_000  # for which a machine that resumes stays closed, whoever comes back or not
Y2036 = 2_085_978_496_000
ZONE = ZoneInfo("Europe/Paris")  # of the settings where they name none: a training ends at midnight there


def day_of(ms):
    return dt.datetime.fromtimestamp(ms / 1000, ZONE).date()


class World:
    """A workshop, and what is really so. A context manager."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        options = {name: self.rng.choice(each) for name, each in OPTIONS.items()}
        text = settings_of("\n".join([MODES[self.rng.choice(sorted(MODES))], *options.values()]))
        self.w = Workshop(text)
        self.life = Life()
        self.life.workshop = self.w
        self.error = 0  # of the wall clock against what is so, ms
        self.truth = NOON + self.w.time.at
        self.seen = self.truth  # the latest time of which the controller was surely told
        self.rights = dict.fromkeys(("marie", "jean", "tom", "laure"))  # until which day; None: for good
        self.supervised = {"lea"}
        self.excluded, self.blocked = set(), set()
        self.read_only = False
        self.closed = {"laser": 0, "drill": 0}
        self.interruptions = {"laser": 0, "drill": 0}
        self.damaged = False  # since the books were balanced last
        self.bugs = []
        self.happened = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.w.__exit__()

    # --- time ---

    def wait(self, seconds):
        before = self.w.time.at
        self.w.wait(seconds)
        self.truth += self.w.time.at - before
        if self.runs and self.w.time.quality is Quality.SYNCHRONISED and not self.error:
            self.seen = self.truth

    def set_clock(self, error, quality):
        """Have the wall clock say something else than what is so."""
        self.error = error
        self.w.time.quality = quality
        self.w.time.wall = self.truth + error - self.w.time.at
        self.wait(11)

    @property
    def runs(self):
        return self.w.loop is not None

    # --- what happens ---

    def someone(self):
        return self.rng.choice([*MEMBERS, *MEMBERS, "tom", "laure", *STRANGERS, "phone"])

    def machine(self):
        return self.rng.choice(["laser", "laser", "drill"])

    def lay(self):
        who, machine = self.someone(), self.machine()
        if any(who in lying for lying in self.w.lying.values()):
            return
        before = self.w.loop.states[machine] if self.runs else None
        self.w.lay(who, machine)
        self.w.settle() if self.runs else None
        if self.runs:
            self.judge(who, machine, before)

    def judge(self, who, machine, before):
        """Hold what a badge did to what its holder was given."""
        after = self.w.loop.states[machine]
        began = isinstance(after, InSession) and not isinstance(before, InSession)
        if began and after.session.member == who:
            assert self.may(who), f"{who} was let in at {machine}, and may not"
        if isinstance(before, Teaching):
            self.taught(who, before, after)

    def taught(self, who, before, after):
        """A trainer lets others in: whoever is not excluded has the training now, for good."""
        fresh = isinstance(after, Teaching) and after.count > before.count
        if fresh:
            assert who not in self.excluded | self.blocked, f"{who} was let in by a trainer, and may not"
            if who not in STRANGERS:  # they become people without a name
                self.rights[who] = None
                self.supervised.discard(who)

    def may(self, who):
        """Say whether that member may use a machine, by the books and the time that is known."""
        if who in self.excluded | self.blocked:
            return False
        if who in self.supervised:
            return True  # with a trainer
        return who in self.rights and (self.rights[who] is None or self.rights[who] >= day_of(self.seen))

    def take(self):
        lying = [(who, machine) for machine, cards in self.w.lying.items() for who in cards]
        if lying:
            self.w.take(*self.rng.choice(lying))

    def change_an_input(self):
        names = ["lid", "chiller", "flow", "running", "off-button", "order", "smoke"]
        self.w.input(self.rng.choice(names), self.rng.random() < 0.3)

    def clear_up(self):
        """Everything is normal again, and a person at the shell says so."""
        for name, machine in [(name, machine) for (machine, name), active in self.w.inputs.items() if active]:
            self.w.input(name, False, machine)
        if self.runs:
            for machine in ("laser", "drill"):
                self.w.ask(ClearAsked("root"), machine)

    def edit(self):
        """A fabmanager at the shell; what could not be written is not so."""
        if not self.runs:
            return
        who = self.rng.choice(MEMBERS)
        act = self.rng.choice(["grant", "grant", "until", "revoke", "exclude", "readmit", "block", "unblock"])
        if who == "lea" and act in {"grant", "until", "revoke"}:
            who = "paul"
        if act == "until" and self.error:
            act = "grant"
        until = day_of(self.truth) + dt.timedelta(days=self.rng.choice([-1, 0, 1, 3, 400]))
        closed = {machine: self.w.closed(machine=machine) for machine in self.closed}
        try:
            self.w.edit(*self.change(act, who, until))
        except StorageError:
            assert self.read_only or self.damaged, "an edit failed though nothing is wrong"
            return
        if not self.read_only:
            assert closed == {machine: self.w.closed(machine=machine) for machine in self.closed}, "edits cut nothing"
        self.note(act, who, until)

    def change(self, act, who, until):
        """Give what is put and dropped."""
        badge = self.w.badges.whitelist.badges[self.hash(who)]
        member = self.w.badges.whitelist.members.get(who) or Member(who)
        return {
            "grant": ([Certification(who, "safety")], []),
            "until": ([Certification(who, "safety", until=until)], []),
            "revoke": ([], [Certification(who, "safety")]),
            "exclude": ([Member(who, member.name, excluded=True)], []),
            "readmit": ([Member(who, member.name)], []),
            "block": ([Badge(badge.hash, who, blocked=True)], []),
            "unblock": ([Badge(badge.hash, who)], []),
        }[act]

    def note(self, act, who, until):
        """Keep the books."""
        {
            "grant": lambda: self.rights.update({who: None}),
            "until": lambda: self.rights.update({who: until}),
            "revoke": lambda: self.rights.pop(who, None),
            "exclude": lambda: self.excluded.add(who),
            "readmit": lambda: self.excluded.discard(who),
            "block": lambda: self.blocked.add(who),
            "unblock": lambda: self.blocked.discard(who),
        }[act]()

    def hash(self, who):
        return self.w.key.hash(bytes.fromhex(CARDS[who]), "iso14443a")

    def teach(self):
        """A class after a training."""
        if not self.runs or any("tom" in lying for lying in self.w.lying.values()):
            return
        machine = self.machine()
        if not isinstance(self.w.loop.states[machine], Idle):
            return
        self.w.ask(TeachAsked(), machine)
        self.w.tap("tom", machine)
        for who in self.rng.sample(MEMBERS, 2):
            if any(who in lying for lying in self.w.lying.values()):
                continue
            before = self.w.loop.states[machine]
            self.w.lay(who, machine)
            if isinstance(before, Teaching):
                self.taught(who, before, self.w.loop.states[machine])
            self.w.take(who, machine)
            self.wait(5)

    def lock(self):
        if self.runs and not self.read_only:
            self.w.replace("machines", "laser", locked=self.rng.choice(["", "", "mirror"]), cut=self.rng.random() < 0.2)

    def jump(self):
        """The wall clock jumps, and nobody is sure of it, or everybody; a time server is right, or 2036."""
        match self.rng.choice(["right", "right", "back", "forward", "1970", "battery", "2036"]):
            case "right":
                self.set_clock(0, Quality.SYNCHRONISED)
            case "back":
                error = -self.rng.choice([HOUR, 30 * DAY, 2000 * DAY])
                self.set_clock(error, self.rng.choice([Quality.RESTORED, Quality.KEPT]))
            case "forward":
                self.set_clock(self.rng.choice([HOUR, 30 * DAY, 2000 * DAY]), Quality.RESTORED)
            case "1970":
                self.set_clock(-self.truth, Quality.UNKNOWN)
            case "battery":
                self.set_clock(0, Quality.KEPT)
            case "2036":
                self.set_clock(Y2036 - self.truth, Quality.SYNCHRONISED)
                self.wait(600)
                self.set_clock(0, Quality.SYNCHRONISED)

    # --- what fails ---

    def note_the_contacts(self):
        """Carry over for how long the contacts were closed: a new boot counts from nothing."""
        for machine in self.closed:
            contact = self.w.contacts[machine, "machine"]
            self.closed[machine] += contact.closed_ms()
            contact.history = [(self.w.time.at, True)] if contact.is_on else []

    def interrupt(self):
        for machine, state in self.w.loop.states.items():
            self.interruptions[machine] += isinstance(state, InSession)

    def kill(self):
        if self.runs:
            self.interrupt()
            self.w.kill()
            self.wait(self.rng.choice([1, 3, 30, 300]))
            self.start()

    def start(self):
        """Start anew; what waited for a disk that took nothing is lost with the memory it waited in."""
        self.damaged |= self.read_only
        self.w.start()
        self.read_only = False
        self.w.settle()

    def stop_and_start(self):
        if self.runs:
            self.w.stop()
            assert not any(contact.is_on for contact in self.w.contacts.values()), "nothing is closed after a stop"
            self.start()

    def cut(self, hours=None, *, damage=True):
        """The mains fail; the clock after it says what it likes, and the disk may have suffered."""
        if not self.runs:
            return
        self.interrupt()
        self.w.kill()
        for contact in self.w.contacts.values():
            contact.off()
        self.note_the_contacts()
        self.w.power_cut_after_kill()
        if damage and self.rng.random() < 0.25:
            self.hurt_the_disk()
        hours = self.rng.choice([0.01, 1, 10, 60]) if hours is None else hours
        self.truth += round(hours * HOUR)
        for contact in self.w.contacts.values():
            contact.history = []
        error, quality = self.rng.choice(
            [
                (0, Quality.SYNCHRONISED),
                (0, Quality.KEPT),
                (-self.truth, Quality.UNKNOWN),
                (-round(hours * HOUR), Quality.RESTORED),
                (-4000 * DAY, Quality.KEPT),
            ]
        )
        self.error = error
        self.w.time.quality = quality
        self.w.time.wall = self.truth + error - self.w.time.at
        self.start()
        assert not any(contact.is_on for contact in self.w.contacts.values()), "nothing starts by itself"

    def hurt_the_disk(self):
        """A byte flips, a file is emptied or gone."""
        path = self.w.settings.data_dir / DATABASE
        if not path.exists():
            return
        match self.rng.choice(["flip", "flip", "flip", "zeroes", "gone", "head"]):
            case "flip":
                raw = bytearray(files.read(path))
                raw[self.rng.randrange(len(raw))] ^= 1 << self.rng.randrange(8)
                files.write(path, raw)
            case "head":
                files.write(path, bytes(100) + files.read(path)[100:])
            case "zeroes":
                files.write(path, bytes(path.stat().st_size))
            case "gone":
                path.unlink()
        self.damaged = True

    def lose_the_file(self):
        """Somebody deletes or replaces the database while the daemon runs."""
        if not self.runs or self.read_only:
            return
        path = self.w.settings.data_dir / DATABASE
        path.unlink(missing_ok=True)
        if self.rng.random() < 0.5:
            files.write(path, b"photo" * 1000)
        self.damaged = True

    def fill_the_disk(self):
        """Nothing can be written for a while."""
        if self.runs and not self.read_only and self.w.db is not None:
            self.w.db.execute("pragma query_only=1")
            self.read_only = True

    def empty_the_disk(self):
        if self.runs and self.read_only and self.w.db is not None:
            self.w.db.execute("pragma query_only=0")
            self.wait(30)
            self.read_only = False

    # --- what must hold ---

    def look(self):
        """Hold everything to what always holds."""
        for holds in (
            self.life.a_machine_is_on_exactly_inside_a_session,
            self.life.nothing_is_closed_under_an_input_that_forbids_it,
            self.life.the_compressor_runs_while_anybody_needs_it_and_no_longer,
            self.life.every_closed_contact_has_a_lease_and_no_other,
            self.life.the_display_says_something,
        ):
            holds()

    def balance(self):
        """In the evening everything ends in good order, and the books are compared."""
        self.empty_the_disk()
        self.wait(60)
        self.w.stop()
        self.note_the_contacts()
        self.start()
        lines = list(journal.lines(self.w.db))
        own = [line.seq for line in lines if not line.epoch]
        assert own == sorted(set(own)), "order is kept, and no number is used twice"
        begun = [line.entry.session for line in lines if isinstance(line.entry, entries.Granted)]
        over = entries.Ended | entries.Withdrawn
        ended = [line.entry.session for line in lines if isinstance(line.entry, over)]
        assert len(ended) == len(set(ended)), "a session ends once"
        assert set(begun) <= set(ended), "no session is open for ever"
        self.compare_the_lists()
        if not self.damaged:
            self.compare_the_usage(lines)
        self.begin_the_books(lines)
        examiner = IntegrityCheck(self.w.settings.data_dir, self.bugs.append)
        for _step in range(50):
            if examiner.step() > 1:
                break
        assert self.bugs == [], "the database is sound"

    def compare_the_lists(self):
        on_disk = load(self.w.db)
        in_force = self.w.badges.whitelist
        assert sorted(on_disk.rows(), key=repr) == sorted(in_force.rows(), key=repr), "memory and disk agree"
        certified = {row.member for row in in_force.certifications.values() if row.level >= Level.USER}
        assert certified - {who for who in certified if who.startswith("new-")} == set(self.rights), "as was given"
        assert {who for who in MEMBERS if in_force.members[who].excluded} == self.excluded
        assert {who for who in MEMBERS if in_force.badges[self.hash(who)].blocked} == self.blocked

    def compare_the_usage(self, lines):
        """What is billed is what was closed, within a second; an interruption costs a heartbeat, and the lease."""
        for machine in self.closed:
            told = self.told(lines, machine) - self.told_before[machine]
            closed = self.closed[machine] - self.closed_before[machine]
            station = self.w.settings.station(machine)
            each = INTERRUPTED_MS + (LEASE_MS if station.rules.resumes else 0)
            count = self.interruptions[machine]
            assert closed - count * each - 1000 <= told <= closed + 1000, (machine, closed, told, count)

    @staticmethod
    def told(lines, machine):
        ends = [line.entry for line in lines if isinstance(line.entry, entries.Ended)]
        return sum(end.powered for end in ends if end.machine == machine)

    def begin_the_books(self, lines):
        self.told_before = {machine: self.told(lines, machine) for machine in self.closed}
        self.closed_before = dict(self.closed)
        self.interruptions = dict.fromkeys(self.interruptions, 0)
        self.damaged = False

    def everybody_gets_in(self):
        """With the right time, a working disk and nothing wrong there, whoever may can: nobody is out for ever."""
        self.clear_up()
        for machine in list(self.w.lying):
            for who in list(self.w.lying[machine]):
                self.w.take(who, machine)
        self.set_clock(0, Quality.SYNCHRONISED)
        if self.w.badges.whitelist.machines["laser"].locked:
            self.w.replace("machines", "laser", locked="")
        for contact in self.w.contacts.values():
            contact.breaks = False
        self.wait(1300)
        who = self.rng.choice([each for each in (*MEMBERS, "tom", "laure") if each not in self.supervised])
        state = self.w.loop.states["drill"]
        assert isinstance(state, Idle | Locked), state
        self.seen = self.truth
        due = self.may(who)
        self.w.tap(who, "drill")
        assert self.w.closed(machine="drill") is due, (who, due, self.w.refusals()[-1:])
        if due:
            self.w.tap(who, "drill")
            self.wait(10)

    def nothing_private_is_on_the_disk(self):
        found = [path for path in self.w.settings.data_dir.rglob("*") if path.is_file() and path.name != "badge.key"]
        raw = b"".join(files.read(path) for path in found)
        for uid in CARDS.values():
            assert bytes.fromhex(uid) not in raw
            assert uid.encode() not in raw.upper()

    # --- a day ---

    ACTS = (
        (24, "lay"), (22, "take"), (10, "change_an_input"), (6, "clear_up"), (8, "edit"), (4, "teach"), (2, "lock"),
        (3, "jump"), (2, "kill"), (1, "stop_and_start"), (1, "cut"), (1, "lose_the_file"), (1, "fill_the_disk"),
        (3, "empty_the_disk"),
    )  # fmt: skip

    def live_a_day(self):
        acts, weights = [act for _weight, act in self.ACTS], [weight for weight, _act in self.ACTS]
        for _step in range(60):
            act = self.rng.choices(acts, weights)[0]
            self.happened.append(act)
            getattr(self, act)()
            self.wait(self.rng.choice([0.5, 2, 6, 30, 61, 700]))
            self.look()
        self.balance()
        self.everybody_gets_in()
        if self.rng.random() < 0.3:
            self.cut(hours=12, damage=False)
        else:
            self.wait(12 * 3600)

    def live(self, days):
        self.begin_the_books([])
        for _day in range(days):
            self.live_a_day()
        self.nothing_private_is_on_the_disk()


if __name__ == "__main__":
    first = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    days = int(os.environ.get("DAYS", "100"))
    began = time.monotonic()
    for number in range(0, days, 10):
        seed = first + number // 10
        some = min(10, days - number)
        print(f"SEED={seed} DAYS={some}", flush=True)
        with World(seed) as world:
            try:
                world.live(some)
            except BaseException:
                print("broken after", len(world.happened), "acts:", ", ".join(world.happened[-25:]), file=sys.stderr)
                raise
    print(f"{days} days, nothing broken, {time.monotonic() - began:.0f} s; {Path(__file__).name}")
