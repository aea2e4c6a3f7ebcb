"""What the tests share: a virtual clock, chips in this process, boards behind a socket, whole stages."""

import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import types
from pathlib import Path

import pytest
from fixed import EXAMPLES
from hypothesis import HealthCheck, settings
from memory import live_in_memory

from common import owner
from simulator.board import Board, Server
from simulator.hand import Hand
from simulator.rc522 import SimulatedChip
from simulator.stage import STAND_INS, Stage

settings.register_profile(
    "house",
    max_examples=int(os.environ.get("EXAMPLES", "100")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
settings.load_profile("house")
live_in_memory()
# A shell's job in the background ignores Ctrl-C, and so does what it starts: here it is to end as on a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
pytest_plugins = ("in_browser",)


def refuse_to_open_beside_sqlite():
    """Have this process, and each Python that it starts, refuse it; give the folder that says where it happened.

    The same folder says where a thread touched what another one owns.
    """
    folder = Path(tempfile.mkdtemp(prefix="loquet-openings-"))
    os.environ["LOQUET_OPENINGS"] = os.environ["LOQUET_OWNERS"] = str(folder)
    watching = str(HERE / "openings")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [watching, os.environ.get("PYTHONPATH")]))
    owner.FOLDER = str(folder)
    sys.path.insert(0, watching)
    sys.modules.pop("sitecustomize", None)
    importlib.import_module("sitecustomize")
    sys.path.remove(watching)
    return folder


OPENINGS = refuse_to_open_beside_sqlite()


@pytest.fixture(autouse=True)
def _nothing_is_touched_by_another():
    """No file of a database is opened while SQLite has it open, and no thread touches what another one owns."""
    yield
    found = [(path, path.read_text()) for path in OPENINGS.iterdir()]
    for path, _said in found:
        path.unlink()
    assert not found, [said for _path, said in found]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a test that is skipped for a missing part fails."""
    report = yield
    if os.environ.get("LOQUET_NO_SKIPS") and report.skipped:
        report.outcome = "failed"
    return report


LONGEST_FIRST = (
    "test_upgrades",
    "test_installed",
    "test_kinds",
    "test_versions",
    "test_daemon",
    "test_power_cuts",
    "test_workbench",
    "test_hardware",
    "test_browser",
    "test_jobs",
    "test_counting",
    "test_restart",
    "test_sync",
    "test_storage",
    "test_demo",
    "test_lying_disk",
    "test_inputs",
    "test_independent_ends",
    "test_independent_plugs",
    "test_independent_relays",
    "test_independent_remote",
    "test_independent_pn532",
    "test_world",
    "test_damage",
)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest: the workers then end together."""
    order = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


class VirtualClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


@pytest.fixture
def clock():
    return VirtualClock()


def forget_the_header():
    """Let gpiozero begin anew: no factory, no pins, no reservations."""
    gpiozero = sys.modules.get("gpiozero")
    if gpiozero and gpiozero.Device.pin_factory is not None:
        from drivers.bus import rpi_gpio

        rpi_gpio.cleanup()
        gpiozero.Device.pin_factory.close()
        gpiozero.Device.pin_factory._reservations.clear()
        gpiozero.Device.pin_factory = None


@pytest.fixture(autouse=True)
def _own_header():
    """Each test has its own header."""
    yield
    forget_the_header()


@pytest.fixture
def chip(clock, monkeypatch):
    """A simulated chip in this process, under the real mfrc522 package; each transfer costs 100 µs."""
    simulated = SimulatedChip(clock)
    simulated.failing = False

    class SpiDev:
        max_speed_hz = 0

        def open(self, bus, device):
            assert (bus, device) == (0, 0)

        def close(self):
            pass

        def xfer2(self, values):
            if simulated.failing:
                raise OSError(5, "Input/output error")
            clock.sleep(100e-6)
            return list(simulated.transfer(bytes(values)))

    spidev = types.ModuleType("spidev")
    spidev.SpiDev = SpiDev
    monkeypatch.setitem(sys.modules, "spidev", spidev)
    mfrc522 = sys.modules.get("mfrc522.MFRC522")
    if mfrc522 is not None:
        monkeypatch.setattr(mfrc522, "spidev", spidev)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    return simulated


@pytest.fixture
def reader(chip, clock):
    """The shipped RC522 driver on that chip, opened."""
    from drivers.readers.rc522 import RC522Reader, RC522Settings

    made = RC522Reader(RC522Settings(reset_pin=25), clock.sleep)
    made.open()
    yield made
    made.close()


class BoardHere:
    """A simulated board served by a thread of this process."""

    def __init__(self, folder):
        self.path = folder / "board.sock"
        self.board = Board({(0, 0): 25})
        self._running = True
        self._server = Server(self.board, self.path)
        self._thread = threading.Thread(target=self._server.serve, args=(lambda: self._running,))
        self._thread.start()
        self.hand = Hand(self.path)

    def close(self):
        self._running = False
        self.hand.close()
        self._thread.join()
        self._server.close()


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A board behind a socket; `lgpio` and `spidev` are its stand-ins, and gpiozero is the real one."""
    here = BoardHere(tmp_path)
    monkeypatch.setenv("LOQUET_BOARD", str(here.path))
    monkeypatch.setenv("LOQUET_BOARD_REVISION", "c03114")
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    monkeypatch.syspath_prepend(str(STAND_INS))
    yield here
    forget_the_header()
    here.close()


@pytest.fixture
def stage_folder(tmp_path):
    """A folder with the demo's settings, short enough for a socket's path."""
    for name in ("demo.toml", "members.csv"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text())
    return tmp_path


@pytest.fixture(scope="session")
def members(tmp_path_factory):
    """A data directory whose whitelist holds Marie, Jean, Laure and Paul, made once by the commands for it."""
    folder = tmp_path_factory.mktemp("members")
    for name in ("demo.toml", "members.csv"):
        (folder / name).write_text((EXAMPLES / name).read_text())
    with Stage(folder / "demo.toml") as made:
        for arguments in (
            ("whitelist", "require", "laser", "laser"),
            ("whitelist", "require", "printer", "printer"),
            ("whitelist", "import", "--replace", str(folder / "members.csv")),
        ):
            done = made.loquet(*arguments)
            assert done.returncode == 0, done.stderr
    return folder / "data"


@pytest.fixture
def stage(stage_folder, members):
    """Board, guard and daemon as processes; the whitelist holds Marie, Jean, Laure and Paul."""
    shutil.copytree(members, stage_folder / "data")
    with Stage(stage_folder / "demo.toml") as made:
        made.start_board()
        made.start_guard()
        yield made


@pytest.fixture
def rng():
    seed = int(os.environ.get("SEED", "0")) or random.randrange(2**32)
    print(f"SEED={seed}")
    return random.Random(seed)


# --- central servers ---


@pytest.fixture(scope="session")
def databases():
    """Databases of either kind, each made when it is first asked for."""
    from central import Databases

    made = {}

    def of(kind):
        if kind not in made:
            made[kind] = Databases(kind)
        return made[kind]

    yield of
    for each in made.values():
        each.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, databases):
    """A new database of either kind for a central server."""
    databases(request.param).fresh()
    return request.param


@pytest.fixture
def sqlite(databases):
    """A new SQLite database for a central server."""
    databases("sqlite").fresh()


@pytest.fixture
def postgres(databases):
    """A new PostgreSQL database for a central server: it is the stricter of the two."""
    databases("postgres").fresh()


@pytest.fixture(params=["sqlite", "postgres"])
def central(request, databases):
    """A central server that runs, on either kind of database."""
    from central import Central

    with Central(databases(request.param)) as running:
        yield running
