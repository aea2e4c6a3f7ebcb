"""The whole on one thread, from one seed: a server and two workshops, lines that fail, sticks that cross, disasters.

The server's own code on SQLite, the shipped loop, writer, journal and sync of each controller, and everything that
befalls them: lost, late, doubled messages, sticks old and new, edits at both ends, undo, merging, a server that is
restored, a card that is put back or replaced, power cuts, clocks. `make whole SEED=… DAYS=…` lives any of it again.
"""

import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import central
import msgspec
from in_process import ServerHere
from memory import MEMORY
from on_foot import Desk
from place import Place
from workshop import CARDS

from common.errors import LoquetError
from controller.station.states import InSession
from protocol import price
from protocol.entries import decode_entry
from protocol.moment import Quality
from protocol.rows import Badge, Certification, Level, Machine, Member, Meter, Price, Subscription

DAY_S = 86_400
NOON = 1_795_176_000_000  # 20 November 2026
PEOPLE = ("marie", "jean", "paul")
STAFF = ("tom", "laure")


class Whole:
    """Everything. A context manager."""

    def __init__(self, seed):
        from server.core import clock, keys

        self.rng = random.Random(seed)
        self.folder = Path(tempfile.mkdtemp(prefix="loquet-whole-", dir=MEMORY))
        self.truth = NOON
        clock.hand(lambda: self.truth / 1000)
        self.databases = central.Databases("sqlite")
        self.databases.fresh()
        self.keys = keys.load(central.HOME / "data")
        self.happened = []
        self.books = {}  # what each session that ended came to
        self.snapshots = []
        self.server = ServerHere(self.keys)
        self.desk = Desk(self.keys, self.folder / "desk")
        self.own_keys = self.keys
        self.names = {}  # of every controller that ever was, by its id
        self.places = [Place(self, "die", ("laser", "lathe")), Place(self, "crest", ("kiln", "saw"))]
        for place in self.places:
            self.enrol(place)
        self.say_what_the_machines_ask_for()
        self.evening()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        from server.core import clock, keys

        for place in self.places:
            place.w.__exit__()
        self.server.close()
        self.databases.close()
        keys.save(central.HOME / "data", self.own_keys)
        clock.hand(time.time)
        shutil.rmtree(self.folder, ignore_errors=True)

    def enrol(self, place, replaces=None):
        from server.devices.enrolment import make_code

        code = make_code(self.keys, "server.invalid:8443", place.name, replaces)
        came = self.desk.read(place.ask(code))
        down = self.desk.write(came.device.pk)
        place.join(down)
        place.take(down)
        place.connect()
        self.names[place.identity.device] = place.name

    def say_what_the_machines_ask_for(self):
        """The first workshop brought its own; of the second's machines a person says it."""
        from server.edits import rows
        from server.edits.authors import Author
        from server.edits.editing import carry_out

        found = [rows.get(f"machine/{machine}") for machine in self.places[1].machines]
        put = [msgspec.structs.replace(row, requires=("safety",)) for row in found]
        carry_out(Author(name="test"), "machine_asks", put)

    def sees(self, raw):
        """Nothing private is on the line."""
        for uid in CARDS.values():
            assert uid.encode() not in raw.upper(), "a number in clear on the line"
            assert bytes.fromhex(uid) not in raw

    # --- time ---

    def wait(self, seconds):
        for place in self.places:
            place.w.wait(seconds)
        self.truth += round(seconds * 1000)

    # --- people at machines ---

    def somewhere(self):
        return self.rng.choice(self.places)

    def tap(self):
        place = self.somewhere()
        machine = self.rng.choice(place.machines)
        who = self.rng.choice([*PEOPLE, *PEOPLE, *STAFF, "nobody", "stranger"])
        if any(who in lying for lying in place.w.lying.values()):
            return
        before = place.w.loop.states[machine]
        place.w.lay(who, machine)
        place.w.settle()
        after = place.w.loop.states[machine]
        if isinstance(after, InSession) and not isinstance(before, InSession):
            member = after.session.member
            assert member not in place.shut, f"{member} was excluded at {place.name}, and let in there"
            assert member != "nobody"
        if machine == place.machines[0] or self.rng.random() < 0.5:
            place.w.take(who, machine)

    def take(self):
        place = self.somewhere()
        lying = [(who, machine) for machine, cards in place.w.lying.items() for who in cards]
        if lying:
            place.w.take(*self.rng.choice(lying))

    def exclude_here(self):
        place, who = self.somewhere(), self.rng.choice(PEOPLE)
        member = place.w.badges.whitelist.members.get(who)
        if member is None or member.excluded or self.rng.random() < 0.5:
            return
        place.w.edit([msgspec.structs.replace(member, excluded=True)])
        place.shut.add(who)

    # --- at the server ---

    def edit(self):
        from server.edits import rows
        from server.edits.authors import Author
        from server.edits.editing import EditError, carry_out

        who = self.rng.choice(PEOPLE)
        member = rows.get(f"member/{who}")
        badge = next((row for row in rows.belonging_to("member", who) if isinstance(row, Badge)), None)
        if not isinstance(member, Member) or badge is None:
            return
        act, put, drop = self.change(who, member, badge)
        try:
            edit = carry_out(Author(name="test"), "test", put, drop)
        except EditError:
            return
        if act == "readmit" and member.excluded and edit is not None:
            for place in self.places:  # whoever readmits has seen the exclusion
                place.shut.discard(who)

    def change(self, who, member, badge):
        """Return what somebody does at the server: what is put, what is dropped."""
        grant, out = Certification(who, "safety"), msgspec.structs.replace(member, excluded=True)
        again = msgspec.structs.replace(member, excluded=False)
        return self.rng.choice(
            [
                ("grant", [grant], []),
                ("grant", [grant], []),
                ("level", [Certification(who, "safety", Level.TRAINER)], []),
                ("revoke", [], [grant.key]),
                ("exclude", [out], []),
                ("readmit", [again], []),
                ("readmit", [again], []),
                ("block", [msgspec.structs.replace(badge, blocked=True)], []),
                ("unblock", [msgspec.structs.replace(badge, blocked=False)], []),
            ]
        )

    def undo(self):
        from server.edits.authors import Author
        from server.edits.editing import EditError, undo
        from server.edits.models import Edit
        from server.edits.rows import ElsewhereError, NotAllowedError

        last = Edit.objects.filter(what="test", undone_by=None).order_by("-pk").first()
        if last is None:
            return
        from server.edits import rows

        out = {who for who in PEOPLE if getattr(rows.get(f"member/{who}"), "excluded", False)}
        try:
            undo(Author(name="test"), last)
        except (EditError, ElsewhereError, NotAllowedError):
            return
        for who in out:
            if not getattr(rows.get(f"member/{who}"), "excluded", True):
                for place in self.places:
                    place.shut.discard(who)

    def double(self):
        """Return the id under which somebody is entered once more, and those that were merged already."""
        from server.people.models import MergedMember

        merged = list(MergedMember.objects.order_by("at", "pk").values_list("pk", flat=True))
        return f"marie-{len(merged) + 2}", merged

    def enter_twice(self):
        """Somebody who is a member already is entered again, with another badge."""
        from server.edits import rows
        from server.edits.authors import Author
        from server.edits.editing import EditError, carry_out

        double, _merged = self.double()
        badge = self.keys.badge_keys[0].hash(bytes.fromhex(CARDS["stranger"]), "iso14443a")
        put = [Member(double, "Marie Curie"), Certification(double, "safety")]
        if rows.get(f"badge/{badge}") is None:
            put.append(Badge(badge, double))
        with contextlib.suppress(EditError):
            carry_out(Author(name="test"), "test", put)

    def merge(self):
        """Two who are one person are made one, and now and then are two again, while nothing has changed since."""
        from server.edits import rows
        from server.edits.authors import Author
        from server.edits.editing import EditError
        from server.edits.rows import NotAllowedError
        from server.people.merging.merge import merge
        from server.people.merging.separate import separate
        from server.people.merging.union import Choice

        double, merged = self.double()
        with contextlib.suppress(EditError, NotAllowedError):
            if merged and self.rng.random() < 0.3:
                separate(Author(name="test"), merged[-1])
            elif rows.get(f"member/{double}") is not None:
                merge(Author(name="test"), Choice("marie", double))
                if self.rng.random() < 0.5:
                    self.speak()
                    separate(Author(name="test"), double)
        if not getattr(rows.get("member/marie"), "excluded", True):
            for place in self.places:  # whoever merges or separates has seen what each of them may
                place.shut.discard("marie")

    def reprice(self):
        """What a machine costs changes, or who has a plan that makes it cheaper."""
        from server.edits.authors import Author
        from server.edits.editing import EditError, carry_out

        machine = self.rng.choice([*self.somewhere().machines, ""])
        row = self.rng.choice(
            [
                Price(Meter.POWERED, machine, cents=self.rng.randrange(1, 5_000), step=self.rng.choice([1, 360])),
                Price(Meter.VISIT, machine, cents=self.rng.randrange(300), least=self.rng.choice([0, 50])),
                Price(Meter.POWERED, plan="resident", off=self.rng.randrange(101)),
                Subscription(self.rng.choice(PEOPLE), "resident"),
            ]
        )
        with contextlib.suppress(EditError):
            carry_out(Author(name="test"), "test", [row])

    def lock(self):
        from server.edits import rows
        from server.edits.authors import Author
        from server.edits.editing import carry_out

        row = rows.get(f"machine/{self.rng.choice(self.somewhere().machines)}")
        if isinstance(row, Machine):
            carry_out(
                Author(name="test"), "locked", [msgspec.structs.replace(row, locked="" if row.locked else "mirror")]
            )

    def read_out(self):
        from server.journal import processing

        for _turn in range(self.rng.randrange(4)):
            processing.step()

    # --- lines and sticks ---

    def weather(self):
        """A line gets better or worse."""
        self.somewhere().reach = self.rng.choice([0.0, 0.0, 0.3, 0.7, 0.95, 1.0])

    def speak(self):
        place = self.somewhere()
        for _turn in range(self.rng.randrange(1, 5)):
            place.up.step()
            place.down.step(0)
            place.w.settle()

    def carry_up(self):
        """A stick goes from a controller to the server; a copy of it may come again later."""
        place = self.somewhere()
        path = place.export()
        self.sees(path.read_bytes())
        if self.rng.random() < 0.3:
            place.sticks.append(path.read_bytes())
        if self.rng.random() < 0.2:
            path.write_bytes(path.read_bytes()[: self.rng.randrange(path.stat().st_size)])
        self.read_stick(path)

    def read_stick(self, path):
        try:
            self.desk.read(path)
        except LoquetError as error:
            self.happened.append(f"({error})")

    def an_old_stick(self):
        place = self.somewhere()
        if place.sticks:
            path = place.folder / "old.loquet"
            path.write_bytes(self.rng.choice(place.sticks))
            before = place.held
            if b'"up"' in path.read_bytes()[:60]:
                self.read_stick(path)
                return
            try:
                place.take(path)
            except LoquetError as error:
                self.happened.append(f"({error})")
            assert place.held >= before, "a list older than the one in force was put in force"

    def carry_down(self):
        place = self.somewhere()
        path = self.desk.write(place.identity.device)
        self.sees(path.read_bytes())
        if self.rng.random() < 0.3:
            place.sticks.append(path.read_bytes())
        if self.rng.random() < 0.2:
            path.write_bytes(path.read_bytes()[: self.rng.randrange(path.stat().st_size)])
        before = place.held
        try:
            place.take(path)
        except LoquetError as error:
            self.happened.append(f"({error})")
        assert place.held >= before

    # --- disasters ---

    def cut(self):
        place = self.somewhere()
        place.w.power_cut()
        place.w.time.quality = self.rng.choice([Quality.SYNCHRONISED, Quality.KEPT, Quality.UNKNOWN])
        place.w.time.wall = (self.truth if place.w.time.quality is not Quality.UNKNOWN else 0) - place.w.time.at
        place.start()

    def kill(self):
        place = self.somewhere()
        place.w.kill()
        place.start()

    def copy_the_card(self):
        place = self.somewhere()
        place.w.stop()
        copy = self.folder / f"{place.name}-{len(place.copies)}"
        shutil.copytree(place.data_dir, copy, dirs_exist_ok=True)
        place.copies.append(copy)
        place.start()

    def put_the_card_back(self):
        place = self.somewhere()
        if not place.copies or self.rng.random() < 0.5:
            return
        place.look_at_the_journal()
        place.w.stop()
        shutil.rmtree(place.data_dir)
        shutil.copytree(self.rng.choice(place.copies), place.data_dir)
        place.start()
        place.shut = {
            who for who in place.shut if getattr(place.w.badges.whitelist.members.get(who), "excluded", False)
        }

    def back_up_the_server(self):
        from django.db import connection

        path = self.folder / f"server-{len(self.snapshots)}.db"
        path.unlink(missing_ok=True)
        with connection.cursor() as cursor:
            cursor.execute("vacuum into %s", [str(path)])
        self.snapshots.append(path)

    def restore_the_server(self):
        from django.conf import settings
        from django.db import connections

        from server.core import state

        if not self.snapshots or self.rng.random() < 0.5:
            return
        before = int(state.get(state.GENERATION))
        self.server.close()
        connections.close_all()
        name = Path(connections.settings["default"]["NAME"])
        del settings
        for each in name.parent.glob(f"{name.name}*"):
            each.unlink()
        shutil.copy(self.rng.choice(self.snapshots), name)
        state.begin_anew(before)
        self.server = ServerHere(self.keys)
        from server.devices.models import Device

        for place in self.places:
            place.shut.clear()  # what was edited since is lost, and docs/server.md says so
            assert Device.objects.filter(pk=place.identity.device).exists()

    def rekey(self):
        """A card was stolen: a new badge key; what is hashed under the old ones stays readable."""
        from server.core import keys

        if len(self.keys.ring) > 4 or self.rng.random() < 0.5:
            return
        self.server.close()
        self.keys = self.desk.keys = self.keys.with_new_badge_key()
        keys.save(central.HOME / "data", self.keys)
        self.server = ServerHere(self.keys)

    def replace_a_card(self):
        """A card dies for good, and a new one takes its place: what it had not sent is lost."""
        from server.devices.models import Device
        from server.edits import rows

        if self.rng.random() < 0.5:
            return
        place = self.somewhere()
        place.look_at_the_journal()
        old = Device.objects.get(pk=place.identity.device)
        count = place.w.count
        place.w.__exit__()
        place.renew()
        self.snapshots.clear()  # a server of before would not know it: it is enrolled again then, as the pages say
        place.w.count = count + 1_000  # of no session is another one's name
        place.w.time.wall = self.truth - place.w.time.at
        self.enrol(place, old)
        place.w.kill()  # a name for the next session was drawn already
        place.start()
        place.shut = {who for who in place.shut if getattr(rows.get(f"member/{who}"), "excluded", False)}

    # --- what must hold ---

    def look(self):
        for place in self.places:
            for machine, state in place.w.loop.states.items():
                is_on = place.w.closed(machine=machine)
                assert is_on is isinstance(state, InSession), (place.name, machine, state)

    def survivors(self):
        """The sessions that stand in some journal, or at the server."""
        found = set()
        for place in self.places:
            place.look_at_the_journal()
            found |= place.here()
        return found | self.at_server()

    def at_server(self):
        from server.journal.models import Entry

        ended = Entry.objects.filter(body__contains='"type":"ended"').values_list("stream__device_id", "body")
        return {(self.names[device], msgspec.json.decode(body)["session"]) for device, body in ended}

    def evening(self):
        """All lines are well, everybody goes home: both ends agree, and each session is known once."""
        for place in self.places:
            place.reach = 1.0
            for machine, cards in place.w.lying.items():
                for who in list(cards):
                    place.w.take(who, machine)
        self.wait(3 * 3600)
        expected = self.survivors()
        self.agree()
        self.compare_the_sessions(expected)
        for place in self.places:
            self.compare_the_lists(place)

    def agree(self):
        """Have everything be sent, read out and fetched."""
        from server.journal import processing

        for _turn in range(60):
            for place in self.places:
                place.up.step()
                place.w.settle()
                place.down.step(0)
                place.w.settle()
            self.truth += 5_000  # an entry that may have overtaken what it speaks of waits for it that long
            while processing.step():
                pass
            is_waiting = any(place.up._next() or place.up.trouble or place.down.trouble for place in self.places)
            if not is_waiting and not processing.is_behind():
                break
        else:
            raise AssertionError([(place.up.trouble, place.down.trouble) for place in self.places])
        for place in self.places:
            place.down.step(0)
            place.w.settle()

    def compare_the_sessions(self, expected):
        """Each session that anybody knew of is known, once, with its seconds."""
        from server.people.merging import aliases
        from server.usage import rebuild
        from server.usage.models import Session

        sums = {}
        for session in Session.objects.filter(ended=True):
            key = self.names[session.device_id], session.session
            assert key not in sums, "a session is there twice"
            sums[key] = session.powered
            assert session.member == aliases.of(session.said), (session.said, session.member)
        assert sums.keys() == expected, sums.keys() ^ expected
        wrong = {key for key, powered in sums.items() if abs(powered - self.books[key]) > 1_000}
        assert not wrong, wrong
        assert rebuild.rebuild(dry=True).changed == 0
        self.compare_the_bills()

    def compare_the_bills(self):
        """Each session is billed once, as its latch reckoned, whatever was repeated, restored, merged or replaced."""
        from django.db.models import Sum

        from server.billing import closing
        from server.billing.models import Posting, Transfer
        from server.journal.models import Entry

        assert closing.is_balanced(), "the ledger does not sum to 0"
        owed = {}
        ended = Entry.objects.filter(body__contains='"type":"ended"').values_list("stream__device_id", "body")
        for device, body in ended:
            entry = decode_entry(body)
            owed[self.names[device], entry.session] = price.total(entry.lines or ())
        billed = {}
        mine = Posting.objects.filter(account__startswith="machine/")
        sums = mine.values("transfer__device", "transfer__session").annotate(sum=Sum("amount")).order_by()
        for each in sums:
            key = self.names[each["transfer__device"]], each["transfer__session"]
            assert key not in billed, f"{key} is billed twice"
            billed[key] = each["sum"]
        wrong = {key: (cents, billed.get(key, 0)) for key, cents in owed.items() if billed.get(key, 0) != cents}
        assert not wrong, wrong
        marks = Transfer.objects.exclude(marks=[]).values_list("session", "marks")
        assert not [each for each in marks if "otherwise" in each[1]], "two sums of one session"

    def compare_the_lists(self, place):
        """What the latch goes by is what the page shows."""
        from server.devices.models import Device
        from server.edits import rows

        assert place.held == (self.server.live.generation, self.server.live.feed.version), place.name
        if Device.objects.get(pk=place.identity.device).is_held:
            return
        here = place.w.badges.whitelist
        for who in PEOPLE:
            member, certified = rows.get(f"member/{who}"), rows.get(f"certification/{who}/safety")
            assert member.excluded == here.members[who].excluded, (place.name, who)
            assert certified == here.certifications.get(f"{who}/safety"), (place.name, who)

    ACTS = (
        (24, "tap"), (12, "take"), (3, "exclude_here"), (12, "edit"), (2, "undo"), (2, "lock"), (6, "read_out"),
        (5, "weather"), (16, "speak"), (3, "carry_up"), (3, "carry_down"), (2, "an_old_stick"), (2, "cut"),
        (2, "kill"), (1, "copy_the_card"), (1, "put_the_card_back"), (1, "back_up_the_server"),
        (1, "restore_the_server"), (1, "rekey"), (1, "replace_a_card"), (2, "enter_twice"), (5, "merge"),
        (2, "reprice"),
    )  # fmt: skip

    def live_a_day(self):
        acts, weights = [act for _weight, act in self.ACTS], [weight for weight, _act in self.ACTS]
        for _step in range(50):
            act = self.rng.choices(acts, weights)[0]
            self.happened.append(act)
            getattr(self, act)()
            self.wait(self.rng.choice([1, 5, 30, 120, 900]))
            self.look()
        self.evening()

    def live(self, days):
        for _day in range(days):
            self.live_a_day()


def live(seed, days):
    """Live so many days from a seed; tell what happened last where something breaks."""
    with Whole(seed) as world:
        try:
            world.live(days)
        except BaseException:
            print("broken after", len(world.happened), "acts:", ", ".join(world.happened[-30:]), file=sys.stderr)
            raise


if __name__ == "__main__":
    first = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    days = int(os.environ.get("DAYS", "100"))
    began = time.monotonic()
    for number in range(0, days, 10):
        print(f"SEED={first + number // 10} DAYS={min(10, days - number)}", flush=True)
        live(first + number // 10, min(10, days - number))
    print(f"{days} days of two workshops, nothing broken, {time.monotonic() - began:.0f} s")
