"""A workshop's controller without a line: what commands and daemon do with a stick, by the shipped functions."""

from pathlib import Path

from controller.commands import enrol as enrolling
from controller.store.key import join_ring
from controller.sync import identity as identities
from controller.sync import stick_in, stick_out
from controller.sync.asking import Asking
from controller.sync.service import counted
from protocol.messages import proof
from protocol.signing import SealingKey, SigningKey, decoded, encoded


class OnFoot:
    """A controller whose stick is carried: `ask` and `join` once, then `export` and `take`."""

    def __init__(self, workshop, folder):
        self.workshop = workshop
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.data_dir = workshop.settings.data_dir
        self.identity = identities.load(self.data_dir)
        self.confirmed = []

    def ask(self, code):
        """Write that it asks to be taken in."""
        self.code = code
        self.asking = Asking(str(code), encoded(SigningKey().raw), encoded(SealingKey().raw))
        key = SigningKey(decoded(self.asking.signing)).public.text
        seal = encoded(SealingKey(decoded(self.asking.sealing)).public)
        told = proof(code.secret, code.fingerprint, key, seal)
        asked = enrolling.asked_by(self.workshop.settings, code, told, key, seal)
        return stick_out.ask(code, asked, enrolling.kept_alone(self.workshop.settings), self.folder).path

    def join(self, path):
        """Become who the server says that it is."""
        self.identity, ring = stick_in.welcomed(path, self.asking)
        self.ring(ring)
        identities.save(self.data_dir, self.identity)
        self.workshop.loop.writes.belong(self.identity.server, counted(self.identity), lambda: None)
        self.workshop.settle()
        self.workshop.loop.age.is_from_server = True

    def ring(self, ring):
        self.workshop.badges.key = self.workshop.key = join_ring(self.data_dir, ring)

    def export(self):
        """Write all that waits; give the file."""
        self.workshop.settle()
        return stick_out.export(self.data_dir, self.identity, self.folder, None, lambda _done, _total: None).path

    def take(self, path):
        """Take up what the server wrote."""
        taken = stick_in.take(
            path, self.data_dir, self.identity, self, new_ring=self.ring, confirmed=self.confirmed.append
        )
        self.workshop.settle()
        return taken

    # --- what the writer does ---

    def edit(self, brought):
        self.workshop.loop.writes.edit(brought)
        self.workshop.settle()

    def acknowledge(self, epoch, seq):
        self.workshop.writer.queue.acknowledge(epoch, seq)

    def renew_epoch(self, epoch):
        self.workshop.writer.queue.renew_epoch(epoch)


class Desk:
    """The server's end: it reads what is brought, and writes what goes back."""

    def __init__(self, keys, folder):
        self.keys = keys
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)

    def read(self, path):
        from server.sticks import reading

        with path.open("rb") as file:
            return reading.read(file, self.keys)

    def write(self, device):
        from server.devices.models import Device
        from server.sticks import writing

        device = Device.objects.get(pk=device)
        path = self.folder / writing.name_of(device)
        with path.open("wb") as file:
            version = writing.write(device, self.keys, file)
        writing.told(device, version)
        return path
