"""This program beside another one: the release before it, or this one with a kind of row more. Each end is a process.

Which program an end runs is where its modules are found: the checkout, or a folder with another one.
"""

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from pathlib import Path

import requests
import urllib3
from central import free_port
from commands import told
from taps import MARIE, idle, journal, lay_and_wait, opens

from controller.store.set_aside import ASIDE
from simulator.stage import LIFELINE, Stage, until

THIS = Path(__file__).parents[2]
BEFORE = "75dcce3"  # the last commit whose controllers knew seven kinds of row, and named none to the server
ROOMS = ("common", "protocol", "drivers", "guard", "controller", "server", "simulator", "config")
PATIENCE = 60.0
# A program's own Python beside its server, which runs what it is sent, a line of JSON at a time.
BESIDE = """
import json, sys
from datetime import date
from protocol.{rows} import *
from server.commands.begin import set_up
set_up()
from server.edits import editing, rows

def edit(*put, drop=()):
    editing.carry_out(editing.Author(name="test"), "test", put, drop)

for line in sys.stdin:
    room = dict(globals(), found=None)
    exec(json.loads(line), room)
    print("found", json.dumps(room["found"]), flush=True)
"""


def copy_of_this(folder):
    """Copy this program, so that something can be added to it; give its folder."""
    for room in ROOMS:
        shutil.copytree(THIS / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def before(folder):
    """Unpack the program of the commit before; give its folder, None in a checkout that has no history."""
    packed = subprocess.run(["git", "archive", BEFORE, *ROOMS], cwd=THIS, capture_output=True, check=False)
    if packed.returncode:
        warnings.warn(f"{BEFORE} is not in this checkout's history: nothing is proved of it", stacklevel=2)
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def environment(program, **more):
    """What makes a Python run that program's modules, whatever folder it is started in."""
    found = {**os.environ, **more, "PYTHONSAFEPATH": "1"}
    found["PYTHONPATH"] = os.pathsep.join([str(program), *filter(None, [os.environ.get("PYTHONPATH")])])
    return found


class AnyStage(Stage):
    """A stage whose daemon and commands are those of any program; board and guard are this one's."""

    program = THIS
    _listed = None

    @property
    def environment(self):
        found = super().environment
        found["PYTHONSAFEPATH"] = "1"
        found["PYTHONPATH"] = os.pathsep.join([str(self.program), found["PYTHONPATH"]])
        return found

    def rows(self):
        """What the whitelist says, as the stage's program shows it: asked once for each version of it."""
        version = self._version()
        if self._listed is None or self._listed[0] != (self.program, version):
            done = self.loquet("whitelist", "list", "--json")
            assert done.returncode == 0, done.stderr
            self._listed = (self.program, version), [json.loads(line) for line in done.stdout.splitlines()]
        return self._listed[1]

    def _version(self):
        with contextlib.closing(sqlite3.connect(self.settings.data_dir / "loquet.db")) as db:
            return db.execute("select value from meta where key = 'version'").fetchone()[0]

    def folder_of_damage(self):
        """What was set aside because it was taken for damage."""
        return [path for path in self.settings.data_dir.iterdir() if path.name == ASIDE]


class CentralProcess:
    """A central server as a process of any program, on one folder. A context manager."""

    def __init__(self, folder):
        self.folder = folder
        self.config = folder / "server.toml"
        self.port = free_port()
        self.address = f"localhost:{self.port}"
        self.config.write_text(
            f'[server]\ndata_dir = "data"\nhosts = ["localhost"]\nlisten = "127.0.0.1"\nport = {self.port}\n'
        )
        self._process = None
        self._beside = None
        self.program = THIS

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.stop()

    def start(self, program):
        """Start it, and wait until it answers."""
        self.program = program
        with (self.folder / "log.txt").open("a") as log:
            self._process = subprocess.Popen(
                [*LIFELINE, sys.executable, "-m", "controller", "server", "--config", str(self.config), "run"],
                env=environment(program),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + PATIENCE
        while not self.answers():
            assert self._process.poll() is None and time.monotonic() < end, (self.folder / "log.txt").read_text()
            time.sleep(0.05)

    def answers(self):
        """Whether it says who it is."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
            try:
                return requests.get(f"https://{self.address}/api/v1/hello", verify=False, timeout=5).ok
            except requests.RequestException:
                return False

    def stop(self):
        """Pull its plug, and end what runs beside it."""
        if self._beside is not None:
            self._beside.communicate(timeout=PATIENCE)
            self._beside = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def ask(self, text):
        """Run lines in the server's own program beside it; give what they leave in `found`."""
        if self._beside is None:
            module = "rows" if (self.program / "protocol/rows").exists() else "whitelist"
            with (self.folder / "beside.txt").open("w") as log:
                self._beside = subprocess.Popen(
                    [*LIFELINE, sys.executable, "-c", BESIDE.format(rows=module)],
                    env=environment(self.program, LOQUET_SERVER_CONFIG=str(self.config)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        self._beside.stdin.write(json.dumps(text) + "\n")
        self._beside.stdin.flush()
        for line in self._beside.stdout:
            if line.startswith("found "):
                return json.loads(line.removeprefix("found "))
        raise AssertionError((self.folder / "beside.txt").read_text())

    def count(self, sql):
        """Count something in the server's database."""
        with contextlib.closing(sqlite3.connect(self.folder / "data/server.db")) as db:
            return db.execute(f"select count(*) from {sql}").fetchone()[0]

    def run(self, text):
        """Run lines in the server's own program; give what they print."""
        done = subprocess.run(
            [sys.executable, "-c", text],
            env=environment(self.program, LOQUET_SERVER_CONFIG=str(self.config)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def code(self):
        """Make an enrolment code, as the page does."""
        return self.ask(
            "from server.devices.enrolment import make_code\nfrom server.core import configuration, keys\n"
            f"found = str(make_code(keys.load(configuration.load().data_dir), {self.address!r}, '', None))"
        )


# --- both ends ---


def begin(stage, central, *, controller=THIS, server=THIS):
    """Start both ends, and enrol the controller."""
    central.start(server)
    stage.program = controller
    stage.start_daemon()
    done = stage.loquet("enrol", central.code())
    assert done.returncode == 0, done.stderr


def go_on(stage, central, *, controller=THIS, server=THIS):
    """Stop both ends, and start them as other programs on what is there."""
    stage.kill("daemon", 15)
    central.stop()
    central.start(server)
    stage.program = controller
    stage.start_daemon()


def works(stage, central):
    """Marie uses the laser and the server hears of it; a revocation is a refusal; given back, it is forgotten."""
    sessions = len(told(stage, "sessions"))
    lay_and_wait(stage)
    stage.take("laser", MARIE)
    opens(stage)
    idle(stage)
    until(lambda: central.count("usage_session where ended") == sessions + 1, "the session is known at the server")
    refused = len(journal(stage, "refused"))
    central.ask("edit(drop=['certification/marie/laser'])")
    until(lambda: "certification/marie/laser" not in listed(stage), "the revocation arrives")
    stage.lay("laser", MARIE)
    until(lambda: len(journal(stage, "refused")) > refused, "a refusal")
    assert not stage.closed("laser")
    stage.take("laser", MARIE)
    central.ask("edit(Certification('marie', 'laser'))")
    until(lambda: "certification/marie/laser" in listed(stage), "the training is given back")
    assert not journal(stage, "storage_replaced")
    assert not stage.folder_of_damage()


def listed(stage):
    """What the controller's whitelist says, by key, in its own program."""
    return {f"{row['type']}/{name_of(row)}": row for row in stage.rows()}


def name_of(row):
    match row["type"]:
        case "certification":
            return f"{row['member']}/{row['training']}"
        case "locker":
            return f"{row['machine']}/{row['number']}"
    return row.get("id") or row.get("hash") or row.get("category", "")


# --- a kind of row that this program does not have ---

KIND = '''
"""Lockers beside machines: a kind of row of the tests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Self

import msgspec

from protocol.rows.days import earlier
from protocol.rows.row import Id, Row, Text, Topic


class Locker(Row, frozen=True, tag="locker"):
    """Whose a locker beside a machine is."""

    rank: ClassVar[int] = 8

    machine: Id
    number: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    holder: Text = ""
    until: date | None = None

    @property
    def own_key(self) -> str:
        return f"{self.machine}/{self.number}"

    def laid_over(self, below: Self) -> Self:
        return msgspec.structs.replace(self, until=earlier(self.until, below.until))

    @classmethod
    def topic(cls, own_key: str) -> Topic | None:
        return "machine", own_key.rpartition("/")[0]
'''
TABLE = {
    "__init__.py": "",
    "migrations/__init__.py": "",
    "apps.py": """
from django.apps import AppConfig

class Lockers(AppConfig):
    name = "server.lockers"

    def ready(self):
        from server.edits import rows
        from server.lockers.rows import Lockers

        rows.register(Lockers())
""",
    "models.py": """
from django.db import models

class Locker(models.Model):
    machine = models.CharField(max_length=64)
    number = models.IntegerField()
    holder = models.CharField(max_length=200, blank=True)
    until = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["machine", "number"], name="one_locker")]
""",
    "rows.py": """
from protocol.rows import locker as protocol
from server.edits.rows import Kind
from server.lockers.models import Locker

class Lockers(Kind):
    name, model, rank = "locker", Locker, 8
    unique, fields = ("machine", "number"), ("holder", "until")

    def of(self, found):
        return protocol.Locker(found.machine, found.number, found.holder, found.until)

    def made(self, row):
        return Locker(machine=row.machine, number=row.number, holder=row.holder, until=row.until)

    def named(self, names):
        return Locker.objects.filter(machine__in={name.rpartition("/")[0] for name in names})
""",
}


def with_lockers(program):
    """Have a program know a kind of row more: its module, its name in the list of kinds, its table in the server."""
    (program / "protocol/rows/locker.py").write_text(KIND)
    _replace(program / "protocol/rows/__init__.py", "\n\nKINDS: Final", " | Locker\n\nKINDS: Final")
    _replace(
        program / "protocol/rows/__init__.py",
        "\n__all__ = [",
        '\nfrom protocol.rows.locker import Locker\n\n__all__ = [\n"Locker",',
    )
    for name, text in TABLE.items():
        (program / "server/lockers" / name).parent.mkdir(parents=True, exist_ok=True)
        (program / "server/lockers" / name).write_text(text)
    _replace(program / "server/core/settings.py", '"server.usage",', '"server.usage", "server.lockers",')
    with tempfile.TemporaryDirectory() as home:
        central = CentralProcess(Path(home))
        central.program = program
        central.run("import server.commands.begin as begin\nbegin.prepare()")
        central.run(
            "import server.commands.begin as begin\nbegin.set_up()\nfrom django.core.management import call_command\n"
            "call_command('makemigrations', 'lockers', verbosity=0)"
        )
    return program


def _replace(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


def use_together(program, *tests):
    """Run some of the tests on that program."""
    for name in ("tests", "pyproject.toml"):
        if not (program / name).exists():
            (program / name).symlink_to(THIS / name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=program,
        env=environment(program, EXAMPLES="20"),  # the others of them are tried on this program
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
