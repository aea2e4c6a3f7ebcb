"""A workshop's controller in the world whole: its line, its stick, and what is known of it by whoever watches."""

from in_process import Line
from on_foot import OnFoot
from workshop import Workshop

from controller.store import database, journal, served
from controller.sync.down import Down
from controller.sync.line import ServerLine
from controller.sync.up import Up
from protocol import entries
from protocol.signing import SealingKey, decoded

TEXT = """
[[station]]
machine = "{first}"
mode = "tap"
longest = "2 h"
reader = {{ driver = "rc522" }}
relay = {{ driver = "gpio", pin = 17 }}

[[station]]
machine = "{second}"
mode = "presence"
grace = "10 s"
reader = {{ driver = "rc522", device = 1 }}
relay = {{ driver = "gpio", pin = 24 }}
"""


class Place(OnFoot):
    """A workshop's controller, its line, its stick, and what is known of it by whoever watches."""

    def __init__(self, world, name, machines):
        self.world, self.name, self.machines = world, name, machines
        super().__init__(self._new(), world.folder / name)
        self.reach = 1.0  # how much of what is sent arrives
        self.shut = set()  # who was excluded here
        self.read = {}  # by epoch, up to which number its journal was looked at
        self.copies = []
        self.sticks = []
        self.cabled = None

    def _new(self):
        return Workshop(TEXT.format(first=self.machines[0], second=self.machines[1]))

    def renew(self):
        """Begin on an empty card."""
        self.workshop = self._new()
        self.data_dir, self.identity, self.copies = self.workshop.settings.data_dir, None, []

    @property
    def w(self):
        return self.workshop

    def connect(self):
        """Begin to speak, as the daemon does at its start."""
        self.cabled = ServerLine(self.identity)
        adapter = Line(lambda: self.world.server, self.fate, self.world.sees)
        self.cabled._session.mount("https://", adapter)
        self.ring(b"")
        self.w.loop.writes.belong(self.identity.server, {}, lambda: None)
        self.w.settle()
        self.w.loop.age.is_from_server = True
        self.up = Up(self.data_dir, self.cabled, self.w.writer.queue, lambda: None, lambda: self.world.truth / 1000)
        self.down = Down(
            self.data_dir,
            self.cabled,
            self.identity.device,
            SealingKey(decoded(self.identity.sealing)),
            self,
            ring=lambda: self.w.badges.key.ring,
            new_ring=self.ring,
            confirmed=lambda ms: setattr(self.w.loop.age, "confirmed", ms),
            restored=self.up.doubt,
        )

    def fate(self, _target):
        if self.world.rng.random() < self.reach:
            return self.world.rng.choice(["passes"] * 8 + ["twice"]) if self.reach < 1 else "passes"
        return self.world.rng.choice(["lost", "lost", "unheard", "later", "portal"])

    def start(self):
        self.w.start()
        self.connect()

    @property
    def held(self):
        """Generation and version of the list in force."""
        db = database.open_for_reading(self.data_dir)
        try:
            return served.served(db) or (0, 0)
        finally:
            db.close()

    def look_at_the_journal(self):
        """Keep the books: what this journal says of sessions."""
        for line in journal.lines(self.w.db):
            if isinstance(line.entry, entries.Ended):
                self.world.books[self.name, line.entry.session] = line.entry.powered

    def here(self):
        """The sessions of which the end stands in this journal."""
        return {
            (self.name, line.entry.session)
            for line in journal.lines(self.w.db)
            if isinstance(line.entry, entries.Ended)
        }
