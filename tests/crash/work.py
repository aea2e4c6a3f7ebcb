"""A controller's work on its disk, by the shipped store and writer: what a power cut is tried on. One thread, no clock.

Says on standard output what is acknowledged, the moment it is: whoever hears it relies on it.
"""

import argparse
import os
from pathlib import Path

from controller.settings.periods import DAY_MS, Periods
from controller.station.events import OpenSession
from controller.store import damage, journal, whitelist
from controller.store.answers import GrantAnswer
from controller.store.database import meta
from controller.store.edits import Edit
from controller.store.key import badge_key
from controller.store.whitelist import Change
from controller.store.writer import Writer
from protocol import entries
from protocol.access import Reason
from protocol.entries import Ending
from protocol.moment import Moment, Quality
from protocol.rows import Badge, Certification, Level, Member

START = 1_790_000_000_000


def say(kind, value):
    os.write(1, f"ack {kind} {value}\n".encode())


class Work:
    """One run on a folder."""

    def __init__(self, folder, synchronous):
        badge_key(folder, make=True)
        self.now = 1_000
        self.days = 0
        opened = damage.open_store(folder)
        if synchronous:
            opened.db.execute(f"pragma synchronous={synchronous}")
        self.writer = Writer(
            opened.db,
            self.hear,
            lambda: START + self.now + self.days * DAY_MS,
            data_dir=folder,
            periods=Periods(passages=5, usage=5),
            now=lambda: self.now + self.days * DAY_MS,
        )

    def moment(self):
        self.now += 1_000
        return Moment("boot", self.now + self.days * DAY_MS, 0, Quality.SYNCHRONISED, None, None)

    def hear(self, message):
        if isinstance(message, GrantAnswer):
            say("granted", message.event.session)

    def step(self):
        self.writer.step()
        say("seq", journal.last(self.writer.connection.db))

    def edit(self, *put, drop=(), replace=False, forgets=False):
        edit = Edit(Change(tuple(put), tuple(drop), replace), "root", self.moment(), forgets=forgets)
        self.writer.queue.edit(edit)
        self.writer.step()
        say("version", edit.wait(0))
        self.step()  # the document

    def session(self, number):
        name = f"s{number}"
        granted = entries.Granted(name, "laser", "marie", "a" * 32, Level.USER)
        self.writer.queue.commit(self.moment(), granted)
        self.step()
        for beat in range(2):
            moment = self.moment()
            self.writer.queue.beat((OpenSession(name, "laser", 45_000 * beat, moment.boot, moment.at),))
            self.step()
        self.writer.queue.record(self.moment(), entries.Refused("laser", Reason.UNKNOWN_BADGE, badge="b" * 32))
        self.writer.queue.record(self.moment(), entries.Ended(name, "laser", Ending.BADGE_REMOVED, 90_000))
        self.step()

    def live(self):
        """Everything that is ever written."""
        self.writer.queue.record(self.moment(), entries.Clock(START, Quality.SYNCHRONISED))
        self.step()
        members = [Member(f"m{n}", f"Name {n}") for n in range(50)]
        self.edit(*members, replace=True)
        for number in range(6):
            self.session(number)
            self.edit(
                Member("late", f"Late {number}"), Badge(f"{number:032x}", "late"), Certification("late", "safety")
            )
            self.writer.house.checkpoint()
        self.writer.queue.acknowledge(meta(self.writer.connection.db, "epoch"), 5)
        self.step()
        say("acknowledged", 5)
        self.edit(drop=(Badge("0" * 32, "late"),))
        self.edit(drop=members[:3], forgets=True)
        for day in range(1, 12, 3):
            self.days = day
            self.session(100 + day)
            self.step()  # the purge
            self.writer.house.checkpoint()
        self.writer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--synchronous", default="")
    said = parser.parse_args()
    whitelist.MAX_EDITS, whitelist.BATCH = 10, 20  # so that little has many steps
    Work(said.folder, said.synchronous).live()


if __name__ == "__main__":
    main()
